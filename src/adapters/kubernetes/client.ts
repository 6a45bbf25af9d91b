import { type JsonObject, listAt, numberAt, stringify } from "../../api/json.ts";
import { isManifest, type Manifest, type ObjectRef, refOf, title } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";
import {
  ApiError,
  type ApplyOptions,
  type Census,
  type Cluster,
  type Creator,
  type Identity,
  isApiError,
  type KindInfo,
  type PatchOptions,
  type RemoveOptions,
} from "../../ports/cluster.ts";
import type { Leadership } from "../../ports/leadership.ts";
import type { CachedDiscovery } from "./discovery.ts";
import { collectionPath, objectPath, withQuery } from "./paths.ts";
import type { Call, Transport, Verb } from "./transport.ts";

/** The parts of the adapter that the client stands on. */
export interface ClientParts {
  readonly transport: Transport;
  readonly discovery: CachedDiscovery;
  /** Asked right before each write is sent. */
  readonly leadership: Leadership;
}

/** Reads and writes objects as raw JSON: a field that this code has never heard of arrives unharmed. */
export class KubernetesClient implements Cluster, Creator, Census {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  async get(ref: ObjectRef, signal: AbortSignal): Promise<Manifest | undefined> {
    const info = await this.#kind(ref, signal);
    try {
      return await this.#object(
        ref.apiVersion,
        { ...titled("get", ref, info), path: objectPath(ref, info), retry: "Always" },
        signal,
      );
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async apply(object: Manifest, options: ApplyOptions, signal: AbortSignal): Promise<Manifest> {
    const ref = refOf(object);
    const info = await this.#kind(ref, signal);
    const path = withQuery(objectPath(ref, info), {
      fieldManager: FIELD_MANAGER,
      force: "true",
      dryRun: options.dryRun === true ? "All" : undefined,
    });
    return await this.#object(
      ref.apiVersion,
      {
        ...titled("apply", ref, info),
        path,
        contentType: "application/apply-patch+yaml",
        body: stringify(desired(object, options.resourceVersion)),
        headers: impersonation(options),
        fence: this.#parts.leadership,
        retry: "Always",
      },
      signal,
    );
  }

  async patch(ref: ObjectRef, patch: JsonObject, options: PatchOptions, signal: AbortSignal): Promise<Manifest> {
    const info = await this.#kind(ref, signal);
    return await this.#object(
      ref.apiVersion,
      {
        ...titled("patch", ref, info),
        path: withQuery(objectPath(ref, info, options.subresource), { fieldManager: FIELD_MANAGER }),
        contentType: "application/merge-patch+json",
        body: stringify(patch),
        headers: impersonation(options),
        fence: this.#parts.leadership,
        retry: "Always",
      },
      signal,
    );
  }

  async remove(ref: ObjectRef, options: RemoveOptions, signal: AbortSignal): Promise<"Deleted" | "Absent" | Manifest> {
    const headers = impersonation(options);
    const info = await this.#kind(ref, signal);
    const { uid, resourceVersion } = options;
    const preconditions = resourceVersion === undefined ? { uid } : { uid, resourceVersion };
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", preconditions };
    const call: Call = {
      ...titled("delete", ref, info),
      path: objectPath(ref, info),
      body: stringify(body),
      headers,
      fence: this.#parts.leadership,
      retry: "Always",
    };
    try {
      const answer = await this.#parts.transport.json(call, signal);
      return isManifest(answer) && answer.metadata.deletionTimestamp !== undefined ? answer : "Deleted";
    } catch (error) {
      if (isApiError(error, "NotFound")) return "Absent";
      // A conflict means another object or a newer version of this one. The text that says which differs between kinds.
      if (isApiError(error, "Conflict") && (await this.#isAnother(ref, uid, signal))) return "Absent";
      throw error;
    }
  }

  async create(object: Manifest, signal: AbortSignal): Promise<Manifest> {
    const ref = refOf(object);
    const info = await this.#kind(ref, signal);
    // The path of the object is built for its checks: a namespaced object without a namespace is refused.
    objectPath(ref, info);
    return await this.#object(
      ref.apiVersion,
      {
        ...titled("create", ref, info),
        path: withQuery(collectionPath(ref.apiVersion, info, ref.namespace), { fieldManager: FIELD_MANAGER }),
        body: stringify(desired(object, undefined)),
        fence: this.#parts.leadership,
        // Sent twice, the second would report that the first's object exists already.
        retry: "Unsent",
      },
      signal,
    );
  }

  /** One object is read: the API server says how many more there are. */
  async count(apiVersion: string, kind: string, signal: AbortSignal): Promise<number> {
    const info = await this.#kind({ apiVersion, kind, name: "" }, signal);
    const path = withQuery(collectionPath(apiVersion, info), { limit: "1" });
    const what = `count ${info.resource}`;
    const answer = await this.#parts.transport.json(
      { verb: "list", resource: info.resource, what, path, retry: "Always" },
      signal,
    );
    return listAt(answer, "items").length + (numberAt(answer, "metadata", "remainingItemCount") ?? 0);
  }

  /** Looked at with the operator's own rights: the account may be allowed to delete and not to read. */
  async #isAnother(ref: ObjectRef, uid: string, signal: AbortSignal): Promise<boolean> {
    const live = await this.get(ref, signal);
    return live?.metadata.uid !== uid;
  }

  async #kind(ref: ObjectRef, signal: AbortSignal): Promise<KindInfo> {
    const info = await this.#parts.discovery.kind(ref.apiVersion, ref.kind, signal);
    if (info !== undefined) return info;
    throw new ApiError("UnknownKind", `the API server serves no ${ref.kind} of ${ref.apiVersion}`, { code: 404 });
  }

  async #object(apiVersion: string, call: Call, signal: AbortSignal): Promise<Manifest> {
    try {
      const answer = await this.#parts.transport.json(call, signal);
      if (isManifest(answer)) return answer;
      throw new ApiError("Other", `cannot ${call.what}: the answer is no object`);
    } catch (error) {
      if (isApiError(error, "UnknownKind")) this.#parts.discovery.invalidate(apiVersion);
      throw error;
    }
  }
}

/**
 * The header of a write made with the rights of a service account. A name that is none is refused: never fall back to the operator's rights.
 * The API server knows the groups of an account; naming them would need the right to impersonate groups, any of them.
 */
function impersonation(identity: Identity): Readonly<Record<string, string>> {
  if (identity.account === undefined) return {};
  const { namespace, name } = identity.account;
  for (const part of [namespace, name]) {
    if (!/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/.test(part)) {
      throw new ApiError("Invalid", `"${namespace}/${name}" names no service account`);
    }
  }
  return { "impersonate-user": `system:serviceaccount:${namespace}:${name}` };
}

/** The object without what only the server writes. */
function desired(object: Manifest, resourceVersion: string | undefined): JsonObject {
  const { status: _status, metadata, ...rest } = object;
  const { managedFields: _m, creationTimestamp: _c, uid: _u, resourceVersion: _r, ...kept } = metadata;
  return { ...rest, metadata: resourceVersion === undefined ? kept : { ...kept, resourceVersion } };
}

function titled(verb: Verb, ref: ObjectRef, info: KindInfo): Pick<Call, "verb" | "resource" | "what" | "secret"> {
  return { verb, resource: info.resource, what: `${verb} ${title(ref)}`, secret: ref.kind === "Secret" };
}
