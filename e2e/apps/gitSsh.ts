import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Children } from "./children.ts";
import { run } from "./git.ts";
import { shellQuote, writeScript } from "./gitEvents.ts";

/** The machine's sshd, if it has one; sshd wants to be called by its whole path. */
function sshdPath(): string | undefined {
  return ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"].find((path) => existsSync(path));
}

/** What the SSH side needs to know of its server. */
export interface GitSshContext {
  readonly directory: string;
  readonly root: string;
  readonly eventsFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly children: Children;
  readonly log: (line: string) => void;
}

/** The SSH side: a server to listen with, the key that is let in, and the key that it shows. */
export interface GitSsh {
  readonly user: string;
  readonly makeServer: () => Server;
  readonly privateKey: string;
  readonly privateKeyFile: string;
  readonly hostKey: string;
}

/**
 * Prepares a real sshd with a configuration, host key and user key of its own. Each connection gets its own `sshd -i`, as
 * inetd would do it: no daemon stays behind, and no port has to be guessed. The key can run one script only.
 */
export async function prepareSsh(context: GitSshContext): Promise<GitSsh> {
  const sshd = sshdPath();
  if (sshd === undefined)
    throw new Error("there is no sshd on this machine: install openssh-server, or give ssh: false");
  const { directory, children } = context;
  const file = (name: string) => join(directory, name);
  const newKey = (name: string) => run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", file(name)]);
  await Promise.all([newKey("host_key"), newKey("user_key"), ensurePrivilegeSeparation()]);
  const [privateKey, publicKey, hostKey] = await Promise.all([
    readFile(file("user_key"), "utf8"),
    readFile(file("user_key.pub"), "utf8"),
    readFile(file("host_key.pub"), "utf8"),
  ]);
  await writeScript(file("ssh-command"), commandScript(context));
  await writeFile(file("authorized_keys"), `restrict,command="${file("ssh-command")}" ${publicKey}`, { mode: 0o600 });
  const user = userInfo().username;
  await writeFile(file("sshd_config"), sshdConfig(directory, user));

  const serve = (socket: Socket) => {
    const child = children.spawn(sshd, ["-i", "-e", "-f", file("sshd_config")], {
      env: { PATH: context.env["PATH"] ?? "/usr/bin:/bin" },
      stdio: [socket, socket, "pipe"],
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => context.log(`sshd: ${text.trim()}`));
    child.on("error", (error) => context.log(`sshd: ${error.message}`));
    // The child has the connection now; this process must not keep it open.
    socket.destroy();
  };
  // Paused, so that the first bytes are left for sshd.
  const makeServer = () => createServer({ pauseOnConnect: true }, serve);
  return { user, makeServer, privateKey, privateKeyFile: file("user_key"), hostKey: hostKey.split(" ", 2).join(" ") };
}

/** The ssh command of a client that knows this server's key, and no other configuration. */
export function clientCommand(ssh: GitSsh, knownHostsFile: string): string {
  const options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes"];
  const flags = [...options, `UserKnownHostsFile=${shellQuote(knownHostsFile)}`].flatMap((option) => ["-o", option]);
  return ["ssh", "-F", "none", "-i", shellQuote(ssh.privateKeyFile), ...flags].join(" ");
}

/** sshd as root insists on its empty directory, which the system's own service would make at its start. */
async function ensurePrivilegeSeparation(): Promise<void> {
  if (process.geteuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
}

function sshdConfig(directory: string, user: string): string {
  return [
    `HostKey ${join(directory, "host_key")}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    `AllowUsers ${user}`,
    "PidFile none",
    "AuthenticationMethods publickey",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin forced-commands-only",
    // The directory above ours is /tmp, which strict modes would refuse.
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "DisableForwarding yes",
    "PermitTTY no",
    "PermitUserRC no",
    "AcceptEnv GIT_PROTOCOL",
    // The login shell would read its start files in the person's own home, and their output would spoil the protocol.
    `SetEnv HOME=${directory}`,
    // The post-quantum exchange takes a quarter of a short session.
    "KexAlgorithms curve25519-sha256",
    "LogLevel ERROR",
    "",
  ].join("\n");
}

/** The one thing that the key can run: git's two services, on the repositories below the root. */
function commandScript({ root, eventsFile, env }: GitSshContext): string[] {
  const exported = Object.entries(env).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  return [
    ...exported,
    `command="\${SSH_ORIGINAL_COMMAND:-}"`,
    `service="\${command%% *}"`,
    `repo="\${command#* }"`,
    `repo="$(printf %s "$repo" | tr -d "'")"`,
    `repo="\${repo#/}"`,
    `repo="\${repo%.git}"`,
    'refuse() { echo "$1" >&2; exit 128; }',
    'case "$service" in git-upload-pack|git-receive-pack) ;; *) refuse "only git is served here" ;; esac',
    `case "$repo" in *..*|-*|/*|*[!A-Za-z0-9._/-]*) refuse "no such repository" ;; esac`,
    `path=${shellQuote(root)}/"$repo".git`,
    '[ -d "$path" ] || refuse "no such repository"',
    `[ "$service" = git-receive-pack ] || echo "list $path" >> ${shellQuote(eventsFile)}`,
    `exec git "\${service#git-}" "$path"`,
  ];
}
