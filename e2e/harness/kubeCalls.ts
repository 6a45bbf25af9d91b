import { request } from "undici";
import { Connection } from "../../src/adapters/kubernetes/connection.ts";
import { collectionPath, groupVersionPath, objectPath, withQuery } from "../../src/adapters/kubernetes/paths.ts";
import { isObject, type Json, listAt, stringAt, stringify } from "../../src/api/json.ts";
import type { ObjectRef } from "../../src/api/objects.ts";
import type { KindInfo } from "../../src/ports/cluster.ts";

/** One request to the API server, as a test makes it. */
export interface KubeCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** An answer of the API server that is no success. */
export class KubeError extends Error {
  readonly status: number;
  /** The Status object's reason, such as `AlreadyExists`. */
  readonly reason: string;

  constructor(what: string, status: number, body: string) {
    const said = statusOf(body);
    super(`${what}: ${status} ${said.message}`);
    this.name = "KubeError";
    this.status = status;
    this.reason = said.reason;
  }
}

/** The connection of the test client, and what the API server serves. */
export class KubeCalls {
  readonly #connection: Connection;
  readonly #kinds = new Map<string, ReadonlyMap<string, KindInfo>>();

  constructor(kubeconfig: string) {
    this.#connection = new Connection({ kind: "File", paths: [kubeconfig] });
  }

  /** Makes a call and gives the text of its answer; rejects with a `KubeError`. */
  async text({ method, path, body, contentType = "application/json", signal }: KubeCall): Promise<string> {
    const opened = await this.#connection.open();
    const limit = AbortSignal.timeout(30_000);
    const answer = await request(new URL(path, opened.origin), {
      method,
      dispatcher: opened.calls,
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      headers: { ...opened.headers, "content-type": contentType },
      ...(body === undefined ? {} : { body: stringify(body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new KubeError(`${method} ${path}`, answer.statusCode, text);
    return text;
  }

  /** Makes a call whose answer is JSON. */
  async json(call: KubeCall): Promise<Json> {
    return JSON.parse(await this.text(call)) as Json;
  }

  /** The path of an object or of its subresource. */
  async pathOf(
    ref: ObjectRef,
    options: { readonly subresource?: string; readonly query?: Query } = {},
  ): Promise<string> {
    const info = await this.#kind(ref.apiVersion, ref.kind);
    return withQuery(objectPath(ref, info, options.subresource), options.query ?? {});
  }

  /** The path of a kind's objects. */
  async pathOfAll(apiVersion: string, kind: string, namespace?: string, query: Query = {}): Promise<string> {
    return withQuery(collectionPath(apiVersion, await this.#kind(apiVersion, kind), namespace), query);
  }

  /** Closes the connections. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Asks again for a kind that is not known: a CRD may have come since. */
  async #kind(apiVersion: string, kind: string): Promise<KindInfo> {
    const known = this.#kinds.get(apiVersion)?.get(kind);
    if (known !== undefined) return known;
    const answer = await this.json({ method: "GET", path: groupVersionPath(apiVersion) });
    const kinds = new Map<string, KindInfo>();
    for (const entry of listAt(answer, "resources")) {
      const [name, of] = [stringAt(entry, "name"), stringAt(entry, "kind")];
      if (name === undefined || of === undefined || name.includes("/")) continue;
      kinds.set(of, { resource: name, namespaced: isObject(entry) && entry["namespaced"] === true });
    }
    this.#kinds.set(apiVersion, kinds);
    const found = kinds.get(kind);
    if (found === undefined) throw new Error(`the API server serves no ${kind} of ${apiVersion}`);
    return found;
  }
}

type Query = Readonly<Record<string, string | undefined>>;

function statusOf(body: string): { readonly reason: string; readonly message: string } {
  try {
    const status: unknown = JSON.parse(body);
    return { reason: stringAt(status, "reason") ?? "", message: stringAt(status, "message") ?? body };
  } catch {
    return { reason: "", message: body };
  }
}
