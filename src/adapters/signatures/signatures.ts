import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import type { Signature } from "../../core/sync/signed.ts";
import type { SignatureVerdict } from "../../core/sync/trust.ts";
import type { Signatures, TrustedKeys } from "../../ports/signatures.ts";
import { verifyOpenPgp } from "./openpgp.ts";
import { verifySsh } from "./ssh.ts";

/** What verifying takes. */
export interface SignatureOptions {
  /** Directory of short-lived files. */
  readonly tempRoot?: string;
  readonly now?: () => Date;
}

/** A signature is armour of a few kilobytes; one that is larger was made to cost something. */
const MOST_CHARACTERS = 65_536;
/** So many verdicts are remembered, for so long: keys expire. */
const KEPT = 10_000;
const KEEP_MS = 60_000;

/** Verifies OpenPGP signatures in this process and SSH signatures with ssh-keygen. */
export function createSignatures({ tempRoot = tmpdir(), now = () => new Date() }: SignatureOptions = {}): Signatures {
  const known = new Map<string, { readonly until: number; readonly verdict: SignatureVerdict }>();
  const verify = (signature: Signature, keys: TrustedKeys, timeoutMs: number, signal: AbortSignal) =>
    signature.format === "OpenPGP"
      ? verifyOpenPgp(signature, keys, now())
      : verifySsh(signature, keys, { tempRoot, timeoutMs, signal });
  return {
    async verify(signature, keys, timeoutMs, signal) {
      if (signature.armour.length > MOST_CHARACTERS) return { kind: "Bad", why: "has a signature that is too large" };
      const key = digestOf(signature, keys);
      const before = known.get(key);
      if (before !== undefined && before.until > now().getTime()) return before.verdict;
      const verdict = await verify(signature, keys, timeoutMs, signal);
      if (known.size >= KEPT) known.clear();
      known.set(key, { until: now().getTime() + KEEP_MS, verdict });
      return verdict;
    },
  };
}

function digestOf({ format, armour, payload }: Signature, keys: TrustedKeys): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([format, armour, [...keys]])).update(payload);
  return hash.digest("hex");
}
