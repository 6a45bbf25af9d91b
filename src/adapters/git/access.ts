import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GitCredentials, GitError } from "../../ports/git.ts";
import { configText, fixedSettings, type Setting, sshCommand } from "./settings.ts";
import type { Remote } from "./validate.ts";

/** Files that let one git call in. They live in a private directory that goes with the call. */
export interface Access extends AsyncDisposable {
  /** The config file to include: the fixed settings and, for https, the header with the credential. */
  readonly config: string;
  /** An empty home directory. */
  readonly home: string;
}

/** Writes the credentials where only git finds them: no argument, no environment variable ever holds one. */
export async function openAccess(
  tempRoot: string,
  remote: Remote,
  credentials: GitCredentials,
  options: { readonly protocols: readonly string[]; readonly timeoutMs: number },
): Promise<Access> {
  const own = remote.protocol === "ssh" ? undefined : headerOf(credentials);
  if (remote.protocol === "ssh") checkSsh(remote, credentials);
  await mkdir(tempRoot, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(tempRoot, "access-"));
  const dispose = () => rm(dir, { recursive: true, force: true });
  try {
    await chmod(dir, 0o700);
    const home = join(dir, "home");
    await mkdir(home, { mode: 0o700 });
    const settings: Setting[] = [...fixedSettings(options.protocols)];
    const secret = async (name: string, text: string): Promise<string> => {
      const file = join(dir, name);
      await writeFile(file, text, { mode: 0o600, flag: "wx" });
      return file;
    };
    if (own !== undefined) settings.push([`http.${remote.protocol}://${remote.host}/.extraHeader`, own]);
    if (credentials.caCert !== undefined && remote.protocol === "https") {
      settings.push(["http.sslCAInfo", await secret("ca.pem", credentials.caCert)]);
    }
    if (remote.protocol === "ssh") {
      const key = await secret("identity", lines(credentials.sshPrivateKey ?? ""));
      const hosts = await secret("known_hosts", lines(credentials.knownHosts ?? ""));
      settings.push(["core.sshCommand", sshCommand(key, hosts, options.timeoutMs)]);
    }
    return { config: await secret("config", configText(settings)), home, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The credential values that no text may show, the longest first. */
export function secretsOf(credentials: GitCredentials): readonly string[] {
  const { username = "", password, bearerToken, sshPrivateKey } = credentials;
  const found = [password, bearerToken, sshPrivateKey].flatMap((value) =>
    value === undefined ? [] : [value, value.trim(), encodeURIComponent(value), Buffer.from(value).toString("base64")],
  );
  if (password !== undefined) found.push(basic(username, password));
  for (const line of (sshPrivateKey ?? "").split("\n")) if (line.length > 16) found.push(line.trim());
  // A token often stands where the user name belongs; a name like "git" is no secret and would only garble messages.
  if (username.length >= 16) found.push(username);
  return [...new Set(found)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
}

function headerOf({ username, password, bearerToken }: GitCredentials): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character would forge a header.
  if ([username, password, bearerToken].some((value) => /[\x00-\x1f\x7f]/.test(chomp(value ?? "")))) {
    throw new GitError("AuthFailed", "a credential in the Secret has a line break or control character; write it anew");
  }
  if (bearerToken !== undefined) return `Authorization: Bearer ${chomp(bearerToken)}`;
  if (username === undefined && password === undefined) return undefined;
  return `Authorization: Basic ${basic(username ?? "", password ?? "")}`;
}

function checkSsh({ host }: Remote, { knownHosts, sshPrivateKey }: GitCredentials): void {
  if (knownHosts === undefined || knownHosts.trim() === "") {
    throw new GitError(
      "HostKeyMismatch",
      `no host key is known for ${host}; add the output of "ssh-keyscan ${host.replace(/^(.*):(\d+)$/, "-p $2 $1")}" to the Secret as known_hosts, after comparing it with the keys that the host publishes`,
    );
  }
  if (sshPrivateKey === undefined || sshPrivateKey.trim() === "") {
    throw new GitError("AuthFailed", `ssh needs a private key for ${host}; add one to the Secret as identity`);
  }
}

function basic(username: string, password: string): string {
  return Buffer.from(`${chomp(username)}:${chomp(password)}`).toString("base64");
}

/** Secrets made from files end with a line break that belongs to the file, not to the credential. */
function chomp(value: string): string {
  return value.replace(/\r?\n$/, "");
}

function lines(text: string): string {
  return `${text.replaceAll("\r\n", "\n").trimEnd()}\n`;
}
