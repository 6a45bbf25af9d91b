/** A signature as it stands in a commit or tag, and the bytes that it is over. */
export interface Signature {
  readonly format: "OpenPGP" | "SSH";
  /** ASCII armour. */
  readonly armour: string;
  readonly payload: Uint8Array;
}

/** What of an object of Git can be verified. `why` continues a sentence that begins with the object. */
export type Signed =
  | { readonly kind: "Signed"; readonly signature: Signature }
  | { readonly kind: "Unsigned" }
  | { readonly kind: "Malformed"; readonly why: string };

/** A commit object, as far as it says what it stands on. */
export interface SignedCommit {
  readonly parents: readonly string[];
  readonly signed: Signed;
}

/** A tag object, as far as it says what it names. */
export interface SignedTag {
  /** Hash of the object that it names, and what that is. */
  readonly object: string;
  readonly type: string;
  readonly tag: string;
  readonly signed: Signed;
}

const LF = 10;
const SPACE = 32;
const FORMATS = { PGP: "OpenPGP", SSH: "SSH" } as const;

/** One character for each byte, so that places in the text are places in the bytes; what is read of it is ASCII. */
const bytewise = new TextDecoder("latin1");
const utf8 = new TextDecoder();

/**
 * Parts a commit object from its signature, as git does: the signature is the header `gpgsig`, with its lines indented,
 * and it is over everything but the headers whose names begin with `gpgsig`.
 */
export function readCommit(bytes: Uint8Array): SignedCommit {
  const payload: Uint8Array[] = [];
  const parents: string[] = [];
  const armour: string[] = [];
  let [signatures, header] = [0, ""];
  let at = 0;
  while (at < bytes.length && bytes[at] !== LF) {
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found + 1;
    const line = bytes.subarray(at, end);
    const text = bytewise.decode(line).replace(/\n$/, "");
    const goesOn = line[0] === SPACE;
    if (!goesOn) header = text.split(" ", 1)[0] ?? "";
    if (header === "gpgsig") {
      if (!goesOn) signatures += 1;
      armour.push(text.slice(goesOn ? 1 : "gpgsig ".length));
    }
    if (!header.startsWith("gpgsig")) payload.push(line);
    if (header === "parent" && !goesOn) parents.push(text.slice("parent ".length));
    at = end;
  }
  payload.push(bytes.subarray(at));
  if (signatures > 1) return { parents, signed: { kind: "Malformed", why: "has several signatures" } };
  return { parents, signed: signatures === 0 ? { kind: "Unsigned" } : signedBy(armour.join("\n"), payload) };
}

/** Parts a tag object from its signature, which is the end of its message from the last line that begins one. */
export function readTag(bytes: Uint8Array): SignedTag {
  const text = bytewise.decode(bytes);
  const end = Math.max(0, text.indexOf("\n\n"));
  const head = utf8.decode(bytes.subarray(0, end));
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, "m").exec(head)?.[1] ?? "";
  const begin = [...text.matchAll(/^-----BEGIN [A-Z ]+-----$/gm)].at(-1)?.index;
  const signed: Signed =
    begin === undefined || begin < end ? { kind: "Unsigned" } : signedBy(text.slice(begin), [bytes.subarray(0, begin)]);
  return { object: field("object"), type: field("type"), tag: field("tag"), signed };
}

function signedBy(armour: string, payload: readonly Uint8Array[]): Signed {
  const [, kind] = /^-----BEGIN (PGP|SSH) SIGNATURE-----$/m.exec(armour.split("\n", 1)[0] ?? "") ?? [];
  if (kind !== "PGP" && kind !== "SSH") {
    return { kind: "Malformed", why: "is signed in a way that is not known here; sign with OpenPGP or SSH" };
  }
  return {
    kind: "Signed",
    signature: { format: FORMATS[kind], armour: `${armour}\n`, payload: joined(payload) },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
