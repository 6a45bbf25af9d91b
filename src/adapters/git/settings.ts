/** One git setting: its full name and its value. */
export type Setting = readonly [name: string, value: string];

/**
 * What holds for every git process, whatever a repository, a user or the machine says:
 * nothing but the allowed protocols, no hook, no helper, no submodule, no maintenance, objects checked on arrival.
 */
export function fixedSettings(protocols: readonly string[]): readonly Setting[] {
  return [
    ["protocol.allow", "never"],
    ...protocols.map((protocol): Setting => [`protocol.${protocol}.allow`, "always"]),
    ["core.hooksPath", "/dev/null"],
    ["core.attributesFile", "/dev/null"],
    ["core.fsmonitor", "false"],
    ["core.symlinks", "false"],
    ["core.askPass", ""],
    ["core.sshCommand", "false"],
    ["credential.helper", ""],
    ["init.templateDir", ""],
    ["log.showSignature", "false"],
    ["submodule.recurse", "false"],
    ["fetch.recurseSubmodules", "false"],
    ["transfer.fsckObjects", "true"],
    // Old histories hold these and nothing is ever checked out: refusing them would only lock users out.
    ["fetch.fsck.zeroPaddedFilemode", "ignore"],
    ["fetch.fsck.missingSpaceBeforeDate", "ignore"],
    ["fetch.fsck.badTimezone", "ignore"],
    ["transfer.bundleURI", "false"],
    ["transfer.credentialsInUrl", "die"],
    // Always a pack, never thousands of loose files; the store merges packs itself.
    ["fetch.unpackLimit", "1"],
    ["fetch.writeCommitGraph", "false"],
    ["gc.auto", "0"],
    // Larger contents go through in pieces, and packs are looked at through small windows: memory does not grow with either.
    ["core.bigFileThreshold", "8m"],
    ["core.packedGitWindowSize", "32m"],
    ["core.packedGitLimit", "256m"],
    ["pack.threads", "1"],
    ["maintenance.auto", "false"],
    ["http.followRedirects", "false"],
    ["http.sslVerify", "true"],
    ["http.userAgent", "fairlead"],
    // A server that sends less than 1 kB/s for 30 s holds a queue: let go of it.
    ["http.lowSpeedLimit", "1000"],
    ["http.lowSpeedTime", "30"],
    ["ssh.variant", "ssh"],
  ];
}

/** Writes settings as a git config file. Values are quoted, so no character in one can end its line. */
export function configText(settings: readonly Setting[]): string {
  return settings
    .map(([name, value]) => {
      const first = name.indexOf(".");
      const last = name.lastIndexOf(".");
      const sub = first === last ? "" : ` "${escaped(name.slice(first + 1, last))}"`;
      return `[${name.slice(0, first)}${sub}]\n\t${name.slice(last + 1)} = "${escaped(value)}"\n`;
    })
    .join("");
}

/** The whole environment of a git process: nothing of our own environment reaches it but what is given here. */
export function gitEnvironment(
  gitDir: string,
  home: string,
  protocols: readonly string[],
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    ...given,
    HOME: home,
    LC_ALL: "C",
    // Naming the directory switches discovery off, so no other repository's config is ever read.
    GIT_DIR: gitDir,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: "/dev/null",
    GIT_LITERAL_PATHSPECS: "1",
    // No single object of a pack, however small it is packed, takes more memory than this.
    GIT_ALLOC_LIMIT: "256m",
    GIT_ALLOW_PROTOCOL: protocols.join(":"),
  };
}

/** What an ssh command line is made of. */
export interface SshCommand {
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** A program that prints the passphrase of the key. */
  readonly askPass?: string;
  /** The host as it was checked: the connection goes to the address, and the key is looked up by the name. */
  readonly pin?: { readonly address: string; readonly alias: string };
  readonly timeoutMs: number;
}

/** The one ssh command line: only paths of our own making and a checked host stand in it. */
export function sshCommand({ keyFile, knownHostsFile, askPass, pin, timeoutMs }: SshCommand): string {
  const options = [
    "IdentitiesOnly=yes",
    // Only without batch mode is a passphrase asked for, and only our program is asked.
    ...(askPass === undefined ? ["BatchMode=yes"] : ["BatchMode=no", "NumberOfPasswordPrompts=1"]),
    "PreferredAuthentications=publickey",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${knownHostsFile}`,
    ...(pin === undefined ? [] : [`HostName=${pin.address}`, `HostKeyAlias=${pin.alias}`]),
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    `ConnectTimeout=${Math.max(1, Math.ceil(timeoutMs / 1000))}`,
  ];
  const asking = askPass === undefined ? [] : [`SSH_ASKPASS=${quote(askPass)}`, "SSH_ASKPASS_REQUIRE=force"];
  const ssh = ["ssh", "-F", "/dev/null", "-i", quote(keyFile)];
  return [...asking, ...ssh, ...options.flatMap((option) => ["-o", quote(option)])].join(" ");
}

function quote(word: string): string {
  return /^[A-Za-z0-9_./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
