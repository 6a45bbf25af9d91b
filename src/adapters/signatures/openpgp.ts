import type { Key, PublicKey } from "openpgp";
import type { Signature } from "../../core/sync/signed.ts";
import type { SignatureVerdict } from "../../core/sync/trust.ts";
import { KeysError, type TrustedKeys } from "../../ports/signatures.ts";

const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g;
/** A detached signature over bytes, as git makes it. Others could have been made for another purpose. */
const BINARY = 0;

/** Loaded with the first signature: most installations never need it. */
const library = () => import("openpgp");

/** Verifies one OpenPGP signature against the keys of all `*.asc` files. */
export async function verifyOpenPgp(
  { armour, payload }: Signature,
  keys: TrustedKeys,
  now: Date,
): Promise<SignatureVerdict> {
  const openpgp = await library();
  const ring = await ringOf(keys);
  const config = { allowInsecureVerificationWithReformattedKeys: true };
  try {
    const signature = await openpgp.readSignature({ armoredSignature: armour });
    const [packet, ...more] = signature.packets;
    if (packet === undefined || more.length > 0 || packet.signatureType !== BINARY) {
      return bad("has a signature of a form that git does not make");
    }
    const keyId = packet.issuerKeyID;
    const key = ring.find((one) => one.getKeys(keyId).length > 0);
    if (key === undefined) return bad(`is signed by a key that is not trusted (OpenPGP ${keyId.toHex()})`);
    const message = await openpgp.createMessage({ binary: payload });
    const { signatures } = await openpgp.verify({ message, signature, verificationKeys: [key], date: now, config });
    await signatures[0]?.verified;
    // The library asks whether the key was valid when the signature says that it was made. Whoever has got hold of an
    // expired key can choose that time; so the key must be valid now as well.
    await key.getSigningKey(keyId, now);
    return { kind: "Good", signer: `OpenPGP ${key.getFingerprint()}` };
  } catch (error) {
    return bad(`has no valid signature (${reasonOf(error)})`);
  }
}

/** Parsed files by their text: one history has many signatures, and many syncs have the same keys. */
const parsed = new Map<string, readonly PublicKey[]>();
const MOST_FILES = 100;

async function ringOf(files: TrustedKeys): Promise<readonly PublicKey[]> {
  const ring: PublicKey[] = [];
  for (const [name, text] of files)
    if (name.endsWith(".asc")) ring.push(...(parsed.get(text) ?? (await parse(name, text))));
  return ring;
}

async function parse(name: string, text: string): Promise<readonly PublicKey[]> {
  const openpgp = await library();
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) {
    throw new KeysError(`${name} holds no OpenPGP public key; write it with gpg --armor --export`);
  }
  const keys: PublicKey[] = [];
  try {
    for (const armoredKeys of blocks) keys.push(...(await openpgp.readKeys({ armoredKeys })).map(toPublic));
  } catch (error) {
    throw new KeysError(`${name} holds no OpenPGP public key that can be read (${reasonOf(error)})`);
  }
  if (parsed.size >= MOST_FILES) parsed.clear();
  parsed.set(text, keys);
  return keys;
}

function toPublic(key: Key): PublicKey {
  return key.toPublic();
}

/** What the library says, in words that it chose and not the signer. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/[^\x20-\x7e]+/g, " ").slice(0, 120);
}

function bad(why: string): SignatureVerdict {
  return { kind: "Bad", why };
}
