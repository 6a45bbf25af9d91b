import { createHmac, type Hmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Key } from "../../api/objects.ts";
import type { WebhookProvider } from "../../api/v1alpha1/gitsyncParts.ts";

/** What a request offers to prove that it comes from the Git host. */
export type Proof =
  /** HMAC-SHA256 of the body. */
  | { readonly kind: "Signature"; readonly digest: Buffer }
  /** The token itself. */
  | { readonly kind: "Token"; readonly token: Buffer }
  | { readonly kind: "None" };

/** A secret that a hook is checked against. */
export type HookToken = Uint8Array | string;

/** What is known of a sync's webhook. */
export interface Hook {
  readonly token: HookToken;
  readonly provider: WebhookProvider;
  /** Address of the repository that it tells of. */
  readonly repository: string;
}

const HOOK = /^\/hooks\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)$/;
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

type Read = (value: string) => Proof;
const NONE: Proof = { kind: "None" };
const signature =
  (form: RegExp): Read =>
  (value) => {
    const digits = form.exec(value)?.[1];
    return digits === undefined ? NONE : { kind: "Signature", digest: Buffer.from(digits, "hex") };
  };
const named = signature(/^sha256=([0-9a-f]{64})$/);
const bare = signature(/^([0-9a-f]{64})$/);
// Node hands out each byte of a header as one character.
const token: Read = (value) => (value === "" ? NONE : { kind: "Token", token: Buffer.from(value, "latin1") });

/** The headers that count for each provider. Of several the first that is there decides: a weaker one never replaces it. */
const PROOFS: Readonly<Record<WebhookProvider, readonly (readonly [header: string, read: Read])[]>> = {
  Generic: [
    ["x-hub-signature-256", named],
    ["x-gitlab-token", token],
  ],
  GitHub: [["x-hub-signature-256", named]],
  GitLab: [["x-gitlab-token", token]],
  // Forgejo sends both, with the same value.
  Gitea: [
    ["x-forgejo-signature", bare],
    ["x-gitea-signature", bare],
  ],
  // Its name is that of GitHub's old SHA-1 header; only SHA-256 is taken.
  Bitbucket: [["x-hub-signature", named]],
};

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
 * Reads the proof that a provider sends from the headers. A signature that is not exactly SHA-256 in lower-case hex digits
 * is none, and a token beside it does not help.
 */
export function proofOf(provider: WebhookProvider, headers: IncomingHttpHeaders): Proof {
  const [header, read] = PROOFS[provider].find(([name]) => headers[name] !== undefined) ?? [];
  const value = header === undefined ? undefined : headers[header];
  return typeof value === "string" && read !== undefined ? read(value) : NONE;
}

/** Tells whether the headers hold a proof for any provider at all; without one nobody is looked up. */
export function offersProof(headers: IncomingHttpHeaders): boolean {
  return (Object.keys(PROOFS) as WebhookProvider[]).some((provider) => proofOf(provider, headers).kind !== "None");
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
