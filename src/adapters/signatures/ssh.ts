import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Signature } from "../../core/sync/signed.ts";
import type { SignatureVerdict } from "../../core/sync/trust.ts";
import { KeysError, type TrustedKeys } from "../../ports/signatures.ts";

/** What git signs for: a signature that was made for anything else, such as a file or a login, is none. */
const NAMESPACE = "git";
const PUBLIC_KEY = /^((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: |$)/;
const SIGNER = /^\S+ (?:.* )?(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}(?: |$)/;

/** Verifies one SSH signature with ssh-keygen, against the keys of all `*.pub` and `allowed_signers` files. */
export async function verifySsh(
  { armour, payload }: Signature,
  keys: TrustedKeys,
  {
    tempRoot,
    timeoutMs,
    signal,
  }: { readonly tempRoot: string; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SignatureVerdict> {
  const allowed = allowedSigners(keys);
  if (allowed === "") return { kind: "Bad", why: "is signed with SSH, and no SSH key is trusted" };
  await mkdir(tempRoot, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(tempRoot, "signature-"));
  try {
    const file = async (name: string, text: string): Promise<string> => {
      const path = join(dir, name);
      await writeFile(path, text, { mode: 0o600, flag: "wx" });
      return path;
    };
    const common = ["-s", await file("signature", armour), "-f", await file("allowed", allowed)];
    const run = (args: readonly string[], input?: Uint8Array) => sshKeygen(args, input, timeoutMs, signal);
    const found = await run(["-Y", "find-principals", ...common]);
    const principals = found.stdout.split("\n").filter((line) => line !== "");
    if (found.code !== 0 || principals.length === 0) {
      return { kind: "Bad", why: "is signed by a key that is not trusted, or not any more (SSH)" };
    }
    const revoked = keys.get("revoked_keys");
    const revocation = revoked === undefined ? [] : ["-r", await file("revoked", revoked)];
    for (const principal of principals) {
      const args = ["-Y", "verify", ...common, ...revocation, "-n", NAMESPACE, "-I", principal];
      const { code, stdout } = await run(args, payload);
      if (code === 0)
        return { kind: "Good", signer: `SSH ${/SHA256:[A-Za-z0-9+/]{43}/.exec(stdout)?.[0] ?? principal}` };
    }
    return { kind: "Bad", why: "has no valid signature for git by a trusted key (SSH)" };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** All trusted SSH keys in the form of an allowed-signers file. */
function allowedSigners(keys: TrustedKeys): string {
  const lines: string[] = [];
  for (const [name, text] of keys) {
    const given = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
    if (name === "allowed_signers") {
      if (!given.every((line) => SIGNER.test(line))) {
        throw new KeysError(
          "allowed_signers has a line that ssh-keygen cannot read; see ALLOWED SIGNERS in its manual",
        );
      }
      lines.push(...given);
    }
    if (!name.endsWith(".pub")) continue;
    const found = given.map((line) => PUBLIC_KEY.exec(line));
    if (found.length === 0 || found.includes(null)) {
      throw new KeysError(`${name} holds no SSH public key; its lines begin such as ssh-ed25519 AAAA`);
    }
    const principal = name.replace(/[^A-Za-z0-9._-]/g, "-");
    lines.push(...found.map((match) => `${principal} namespaces="${NAMESPACE}" ${match?.[1]} ${match?.[2]}`));
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
}

/** Runs ssh-keygen to its end, bounded in time and output; what it prints is ASCII, and at most 64 KiB of it are kept. */
function sshKeygen(
  args: readonly string[],
  input: Uint8Array | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh-keygen", [...args], {
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C" },
      stdio: ["pipe", "pipe", "ignore"],
      signal,
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      if (stdout.length < 65_536) stdout += text;
    });
    child.stdin.on("error", () => undefined); // it left before reading all: its exit says why
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, stdout }));
    child.stdin.end(input ?? "");
  });
}
