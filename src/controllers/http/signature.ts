import { createHmac, type Hmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Key } from "../../api/objects.ts";

/** What a request offers to prove that it comes from the Git host. */
export type Proof =
  /** HMAC-SHA256 of the body. */
  | { readonly kind: "Signature"; readonly digest: Buffer }
  /** The token itself. */
  | { readonly kind: "Token"; readonly token: Buffer }
  | { readonly kind: "None" };

/** A secret that a hook is checked against. */
export type HookToken = Uint8Array | string;

const HOOK = /^\/hooks\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$/;
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const SIGNATURE = /^sha256=([0-9a-f]{64})$/;

/** Stands in where there is no token, so that an unknown sync is refused by the same steps; no one knows it. */
const NOBODYS = randomBytes(32);
/** Equal digests under a key of this process: compares texts of unlike length without telling their length. */
const COMPARISON = randomBytes(32);

/** The key of the sync that a path names: `/hooks/<namespace>/<name>` with names that Kubernetes could have accepted. */
export function hookKey(path: string): Key | undefined {
  const [, namespace, name] = HOOK.exec(path) ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  return name.split(".").every((label) => LABEL.test(label)) ? `${namespace}/${name}` : undefined;
}

/**
 * Reads the proof from the headers. A signature that is not exactly `sha256=` and 64 lower-case hex digits is none,
 * and a token beside it does not help: the weaker proof never replaces the stronger one.
 */
export function proofOf(headers: IncomingHttpHeaders): Proof {
  const signature = headers["x-hub-signature-256"];
  if (signature !== undefined) {
    const digits = typeof signature === "string" ? SIGNATURE.exec(signature)?.[1] : undefined;
    return digits === undefined ? { kind: "None" } : { kind: "Signature", digest: Buffer.from(digits, "hex") };
  }
  const token = headers["x-gitlab-token"];
  // Node hands out each byte of a header as one character.
  if (typeof token === "string" && token !== "") return { kind: "Token", token: Buffer.from(token, "latin1") };
  return { kind: "None" };
}

/** Checks a proof while the body passes by; nothing of it is kept. */
export class Verifier {
  readonly #token: HookToken;
  readonly #exists: boolean;
  readonly #hmac: Hmac;

  /** Without a token, or with an empty one that anybody could sign with, no proof holds. */
  constructor(token: HookToken | undefined) {
    this.#exists = token !== undefined && token.length > 0;
    this.#token = token !== undefined && this.#exists ? token : NOBODYS;
    this.#hmac = createHmac("sha256", this.#token);
  }

  /** Takes the next piece of the raw body. */
  update(chunk: Uint8Array): void {
    this.#hmac.update(chunk);
  }

  /** Ends the body and tells whether the proof holds, in a time that does not depend on how much of it is right. */
  holds(proof: Proof): boolean {
    const digest = this.#hmac.digest();
    switch (proof.kind) {
      case "Signature":
        return timingSafeEqual(digest, proof.digest) && this.#exists;
      case "Token":
        return timingSafeEqual(blind(proof.token), blind(this.#token)) && this.#exists;
      case "None":
        return false;
    }
  }
}

function blind(value: HookToken): Buffer {
  return createHmac("sha256", COMPARISON).update(value).digest();
}
