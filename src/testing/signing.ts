import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as openpgp from "openpgp";

/** A key pair that signs as git does. */
export interface Signer {
  /** The public key as a Secret holds it. */
  readonly publicKey: string;
  /** Signs bytes and answers armour. */
  sign(payload: Uint8Array, options?: { readonly namespace?: string; readonly at?: Date }): Promise<string>;
}

/** An OpenPGP key pair; it can have been made at another time, for so many seconds. */
export async function openPgpSigner(
  options: { readonly at?: Date; readonly expiresInS?: number; readonly revoked?: boolean } = {},
): Promise<Signer> {
  const { at: date = new Date(Date.now() - 60_000), expiresInS: keyExpirationTime = 0 } = options;
  const userIDs = [{ name: "Ada", email: "ada@example.com" }];
  const made = await openpgp.generateKey({ userIDs, date, keyExpirationTime, format: "object" });
  const revoke = () => openpgp.revokeKey({ key: made.privateKey, format: "object" });
  const publicKey = options.revoked ? (await revoke()).publicKey : made.publicKey;
  return {
    publicKey: publicKey.armor(),
    async sign(payload, { at = new Date(Math.max(date.getTime(), Date.now() - 30_000)) } = {}) {
      const message = await openpgp.createMessage({ binary: payload });
      return openpgp.sign({ message, signingKeys: made.privateKey, detached: true, date: at });
    },
  };
}

/** An SSH key pair. */
export function sshSigner(): Signer {
  const inside = <T>(work: (dir: string) => T): T => {
    const dir = mkdtempSync(join(tmpdir(), "signer-"));
    try {
      return work(dir);
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
  const [key, publicKey] = inside((dir) => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", join(dir, "key")]);
    return [readFileSync(join(dir, "key"), "utf8"), readFileSync(join(dir, "key.pub"), "utf8")] as const;
  });
  return {
    publicKey,
    sign: async (payload, { namespace = "git" } = {}) =>
      inside((dir) => {
        writeFileSync(join(dir, "key"), key, { mode: 0o600 });
        const args = ["-Y", "sign", "-q", "-n", namespace, "-f", join(dir, "key")];
        return execFileSync("ssh-keygen", args, {
          input: payload,
          encoding: "utf8",
          stdio: ["pipe", "pipe", "ignore"],
        });
      }),
  };
}

/** Puts a signature into the text of a commit, before its message. */
export async function signedCommit(
  text: string,
  signer: Signer,
  options?: Parameters<Signer["sign"]>[1],
): Promise<string> {
  const armour = (await signer.sign(Buffer.from(text), options)).replaceAll("\r", "").trimEnd();
  const [head = "", ...message] = text.split("\n\n");
  return [`${head}\ngpgsig ${armour.replaceAll("\n", "\n ")}`, ...message].join("\n\n");
}

/** Puts a signature to the end of the text of a tag. */
export async function signedTag(
  text: string,
  signer: Signer,
  options?: Parameters<Signer["sign"]>[1],
): Promise<string> {
  return text + (await signer.sign(Buffer.from(text), options)).replaceAll("\r", "");
}
