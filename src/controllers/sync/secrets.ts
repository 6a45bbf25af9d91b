import { Buffer } from "node:buffer";
import { stringAt } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import type { GitCredentials } from "../../ports/git.ts";
import type { ObjectCache, Watcher } from "../../ports/watch.ts";

/** What of a namespace a resource names. */
export type Source = "Secret" | "ConfigMap";

/** A Secret or ConfigMap that a resource names, or that there is none. */
export type SecretRead = { readonly kind: "Found"; readonly secret: Manifest } | { readonly kind: "Missing" };

/** Watches just the Secrets and ConfigMaps that resources name: a rotated credential is seen at once, and at rest nothing is read. */
export class Secrets {
  readonly #watcher: Watcher;
  readonly #wake: (name: Key, kind: Source) => void;
  readonly #signal: AbortSignal;
  readonly #caches = new Map<string, ObjectCache>();

  constructor(watcher: Watcher, wake: (name: Key, kind: Source) => void, signal: AbortSignal) {
    this.#watcher = watcher;
    this.#wake = wake;
    this.#signal = signal;
  }

  async read(namespace: string, name: string, signal: AbortSignal, kind: Source = "Secret"): Promise<SecretRead> {
    const key: Key = `${namespace}/${name}`;
    const id = `${kind} ${key}`;
    let cache = this.#caches.get(id);
    if (cache === undefined) {
      const query = { apiVersion: "v1", kind, namespace, name };
      // The first list is no news: whoever asked for it is waiting for it.
      const news = () => this.#caches.get(id)?.synced && this.#wake(key, kind);
      cache = this.#watcher.watch(query, () => void news(), this.#signal);
      this.#caches.set(id, cache);
    }
    await this.#watcher.untilSynced([cache], signal);
    const secret = cache.get(key);
    return secret === undefined ? { kind: "Missing" } : { kind: "Found", secret };
  }
}

/** A key of a Secret as text. */
export function secretText(secret: Manifest, key: string): string | undefined {
  const encoded = stringAt(secret, "data", key);
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

/** The Git credentials in a Secret, under the usual names of its keys. */
export function credentialsIn(secret: Manifest): GitCredentials {
  const app = read(secret, APP_KEYS);
  return { ...read(secret, KEYS), ...(hasAll(app, ["id", "installation", "privateKey"]) ? { app } : {}) };
}

/** The proxy in a Secret; undefined without an address. */
export function proxyIn(secret: Manifest): GitCredentials["proxy"] {
  const proxy = read(secret, PROXY_KEYS);
  return hasAll(proxy, ["address"]) ? proxy : undefined;
}

const KEYS = {
  username: "username",
  password: "password",
  bearerToken: "bearerToken",
  caCert: "ca.crt",
  clientCert: "tls.crt",
  clientKey: "tls.key",
  sshPrivateKey: "identity",
  sshPassphrase: "passphrase",
  knownHosts: "known_hosts",
} as const;
const APP_KEYS = {
  id: "githubAppID",
  installation: "githubAppInstallationID",
  privateKey: "githubAppPrivateKey",
  api: "githubAppBaseURL",
} as const;
const PROXY_KEYS = { address: "address", username: "username", password: "password" } as const;

function read<F extends string>(
  secret: Manifest,
  keys: Readonly<Record<F, string>>,
): { readonly [field in F]?: string } {
  const found = Object.entries<string>(keys).map(([field, key]) => [field, secretText(secret, key)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as { readonly [field in F]?: string };
}

function hasAll<T extends object, F extends keyof T>(
  found: T,
  fields: readonly F[],
): found is T & Required<Pick<T, F>> {
  return fields.every((field) => found[field] !== undefined);
}
