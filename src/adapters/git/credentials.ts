import { type GitCredentials, GitError } from "../../ports/git.ts";

/** The credential values that no text may show, the longest first. */
export function secretsOf(credentials: GitCredentials): readonly string[] {
  const { username = "", password, bearerToken, sshPrivateKey, sshPassphrase, clientKey, app, proxy } = credentials;
  const whole = [password, bearerToken, sshPrivateKey, sshPassphrase, clientKey, app?.privateKey, proxy?.password];
  const found = whole.flatMap((value) =>
    value === undefined ? [] : [value, value.trim(), encodeURIComponent(value), Buffer.from(value).toString("base64")],
  );
  if (password !== undefined) found.push(basic(username, password));
  if (proxy?.password !== undefined) found.push(basic(proxy.username ?? "", proxy.password));
  for (const key of [sshPrivateKey, clientKey, app?.privateKey]) {
    for (const line of (key ?? "").split("\n")) if (line.length > 16) found.push(line.trim());
  }
  // A token often stands where the user name belongs; a name like "git" is no secret and would only garble messages.
  if (username.length >= 16) found.push(username);
  return [...new Set(found)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
}

/** The value of the Authorization header, if the credentials are for one. */
export function headerOf({ username, password, bearerToken }: GitCredentials): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character would forge a header.
  if ([username, password, bearerToken].some((value) => /[\x00-\x1f\x7f]/.test(chomp(value ?? "")))) {
    throw new GitError("AuthFailed", "a credential in the Secret has a line break or control character; write it anew");
  }
  if (bearerToken !== undefined) return `Bearer ${chomp(bearerToken)}`;
  if (username === undefined && password === undefined) return undefined;
  return `Basic ${basic(username ?? "", password ?? "")}`;
}

/** User and password as the Basic scheme writes them. */
function basic(username: string, password: string): string {
  return Buffer.from(`${chomp(username)}:${chomp(password)}`).toString("base64");
}

/** Secrets made from files end with a line break that belongs to the file, not to the credential. */
export function chomp(value: string): string {
  return value.replace(/\r?\n$/, "");
}
