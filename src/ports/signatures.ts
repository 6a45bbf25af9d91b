import type { Signature } from "../core/sync/signed.ts";
import type { SignatureVerdict } from "../core/sync/trust.ts";

/** Public keys by the names of their files: `*.asc` OpenPGP, `*.pub` SSH, `allowed_signers` and `revoked_keys` as OpenSSH has them. */
export type TrustedKeys = ReadonlyMap<string, string>;

/** The keys cannot be read. The message is one sentence that names the file, and holds nothing of its content. */
export class KeysError extends Error {
  override readonly name = "KeysError";
}

/** Verifies signatures of Git. */
export interface Signatures {
  /** Tells whether a key that is trusted and valid now made the signature. Throws KeysError for keys that cannot be read. */
  verify(signature: Signature, keys: TrustedKeys, timeoutMs: number, signal: AbortSignal): Promise<SignatureVerdict>;
}
