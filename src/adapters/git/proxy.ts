import { type GitCredentials, GitError } from "../../ports/git.ts";

/** Tells whether https goes through a proxy: the sync's, or the operator's own. */
export function isProxied({ proxy }: GitCredentials, environment: Readonly<Record<string, string>>): boolean {
  return proxy !== undefined || environment["HTTPS_PROXY"] !== undefined;
}

/** The address of a proxy with its credentials in it: for a file of mode 0600 or this process, never for a command line. */
export function proxyUrl({ address, username, password }: NonNullable<GitCredentials["proxy"]>): string {
  const url = URL.parse(address.trim());
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new GitError(
      "InvalidURL",
      "the proxy's address must look like http://proxy.example.com:3128; its user and password are keys of their own",
    );
  }
  url.username = encodeURIComponent(username ?? "");
  url.password = encodeURIComponent(password ?? "");
  return url.href.replace(/\/$/, "");
}
