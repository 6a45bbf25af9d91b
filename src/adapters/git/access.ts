import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GitCredentials, GitError } from "../../ports/git.ts";
import { chomp, headerOf } from "./credentials.ts";
import { proxyUrl } from "./proxy.ts";
import { configText, fixedSettings, type Setting, sshCommand } from "./settings.ts";
import { isEncrypted } from "./sshKey.ts";
import type { Remote } from "./validate.ts";

/** Files that let one git call in. They live in a private directory that goes with the call. */
export interface Access extends AsyncDisposable {
  /** The config file to include: the fixed settings and, for https, the header with the credential. */
  readonly config: string;
  /** An empty home directory. */
  readonly home: string;
  /** A shell script that is git with an end to its memory, for it and for all that it starts. */
  readonly boundedGit: string;
  /** Where git may write the headers of the answers. */
  readonly trace: string;
}

/** How a call gets to its host. */
export interface Route {
  readonly protocols: readonly string[];
  readonly timeoutMs: number;
  /** Most bytes of memory that a git process or a helper of it may map. */
  readonly processBytes: number;
  /** The addresses that the host's name stood for when it was checked; empty: a proxy resolves it. */
  readonly addresses: readonly string[];
}

/** Writes one private file and gives its path. */
type Write = (name: string, text: string, mode?: number) => Promise<string>;

/** Writes the credentials where only git finds them: no argument, no environment variable ever holds one. */
export async function openAccess(
  tempRoot: string,
  remote: Remote,
  credentials: GitCredentials,
  route: Route,
): Promise<Access> {
  const isSsh = remote.protocol === "ssh";
  const header = isSsh ? undefined : headerOf(credentials);
  if (isSsh) checkSsh(remote, credentials);
  else checkHttp(credentials);
  await mkdir(tempRoot, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(tempRoot, "access-"));
  const dispose = () => rm(dir, { recursive: true, force: true });
  try {
    await chmod(dir, 0o700);
    const home = join(dir, "home");
    await mkdir(home, { mode: 0o700 });
    const write: Write = async (name, text, mode = 0o600) => {
      const file = join(dir, name);
      await writeFile(file, text, { mode, flag: "wx" });
      return file;
    };
    const own = isSsh
      ? await sshSettings(remote, credentials, route, write)
      : await httpSettings(remote, credentials, route, header, write);
    const config = await write("config", configText([...fixedSettings(route.protocols), ...own]));
    const boundedGit = await write("git", `ulimit -v ${Math.ceil(route.processBytes / 1024)} && exec git "$@"\n`);
    return { config, home, boundedGit, trace: join(dir, "trace"), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function httpSettings(
  { protocol, host, name, port }: Remote,
  { caCert, clientCert, clientKey, proxy }: GitCredentials,
  { addresses }: Route,
  header: string | undefined,
  write: Write,
): Promise<readonly Setting[]> {
  const settings: Setting[] = [];
  const here = `http.${protocol}://${host}/`;
  if (header !== undefined) settings.push([`${here}.extraHeader`, `Authorization: ${header}`]);
  if (caCert !== undefined) settings.push(["http.sslCAInfo", await write("ca.pem", caCert)]);
  if (clientCert !== undefined && clientKey !== undefined) {
    settings.push([`${here}.sslCert`, await write("client.pem", clientCert)]);
    settings.push([`${here}.sslKey`, await write("client.key", clientKey)]);
  }
  if (proxy !== undefined) settings.push(["http.proxy", proxyUrl(proxy)]);
  // The connection goes where the name was checked to lead: another answer of the DNS a moment later changes nothing.
  if (addresses.length > 0 && !addresses.includes(name)) {
    const listed = addresses.map((address) => (address.includes(":") ? `[${address}]` : address));
    settings.push(["http.curloptResolve", `${name}:${port}:${listed.join(",")}`]);
  }
  return settings;
}

async function sshSettings(
  { name, port }: Remote,
  { sshPrivateKey = "", sshPassphrase, knownHosts = "" }: GitCredentials,
  { addresses, timeoutMs }: Route,
  write: Write,
): Promise<readonly Setting[]> {
  const keyFile = await write("identity", lines(sshPrivateKey));
  const knownHostsFile = await write("known_hosts", lines(knownHosts));
  // ssh tries one address only when it is given one: the more usual kind has to do.
  const address = addresses.find((one) => !one.includes(":")) ?? addresses[0];
  const pinned = address !== undefined && !addresses.includes(name.replace(/^\[|\]$/g, ""));
  const alias = port === 22 ? name : `[${name}]:${port}`;
  const command = sshCommand({
    keyFile,
    knownHostsFile,
    timeoutMs,
    ...(pinned ? { pin: { address, alias } } : {}),
    ...(sshPassphrase === undefined ? {} : { askPass: await askPass(chomp(sshPassphrase), write) }),
  });
  return [["core.sshCommand", command]];
}

/** ssh takes a passphrase from nothing but a program: one that prints a file. */
async function askPass(passphrase: string, write: Write): Promise<string> {
  const file = await write("passphrase", `${passphrase}\n`);
  return write("ask", `#!/bin/sh\nexec cat '${file.replaceAll("'", `'\\''`)}'\n`, 0o700);
}

/** A certificate goes with its key. */
function checkHttp({ clientCert, clientKey }: GitCredentials): void {
  if ((clientCert === undefined) === (clientKey === undefined)) return;
  throw new GitError("AuthFailed", "a client certificate needs both tls.crt and tls.key in the Secret; add the other");
}

function checkSsh({ host }: Remote, { knownHosts, sshPrivateKey, sshPassphrase, proxy }: GitCredentials): void {
  if (knownHosts === undefined || knownHosts.trim() === "") {
    throw new GitError(
      "HostKeyMismatch",
      `no host key is known for ${host}; add the output of "ssh-keyscan ${host.replace(/^(.*):(\d+)$/, "-p $2 $1")}" to the Secret as known_hosts, after comparing it with the keys that the host publishes`,
    );
  }
  if (sshPrivateKey === undefined || sshPrivateKey.trim() === "") {
    throw new GitError("AuthFailed", `ssh needs a private key for ${host}; add one to the Secret as identity`);
  }
  if (sshPassphrase === undefined && isEncrypted(sshPrivateKey)) {
    throw new GitError("AuthFailed", "the private key is encrypted; add its passphrase to the Secret as passphrase");
  }
  if (proxy !== undefined) {
    throw new GitError("InvalidURL", "a proxy serves https only; use an https URL, or take spec.proxySecretRef out");
  }
}

function lines(text: string): string {
  return `${text.replaceAll("\r\n", "\n").trimEnd()}\n`;
}
