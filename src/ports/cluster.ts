import type { JsonObject } from "../api/json.ts";
import type { Manifest, ObjectRef } from "../api/objects.ts";

/** Who a write is made as: the operator itself, or a service account by impersonation (`namespace/name`). */
export interface Identity {
  readonly account?: { readonly namespace: string; readonly name: string };
}

/**
 * How an object is applied. `dryRun` runs admission and validation and stores nothing.
 * `resourceVersion` makes the write conditional; one inside the object's metadata is never sent.
 */
export interface ApplyOptions extends Identity {
  readonly dryRun?: boolean;
  readonly resourceVersion?: string;
}

/** What a deletion insists on: the object must still be this very one. */
export interface RemoveOptions extends Identity {
  readonly uid: string;
  readonly resourceVersion?: string;
}

/** A merge patch (RFC 7396). A `metadata.resourceVersion` inside it makes the write conditional. */
export interface PatchOptions extends Identity {
  readonly subresource?: "status" | "scale";
}

/**
 * Reads and writes single objects as raw JSON.
 * Every write is fenced: it is refused with `Fenced` once this process no longer leads.
 * Errors are `ApiError`s.
 */
export interface Cluster {
  /** The object, or undefined when the API server says that there is none. A kind unknown to the server is an `ApiError` of kind `UnknownKind`. */
  get(ref: ObjectRef, signal: AbortSignal): Promise<Manifest | undefined>;
  /** Server-side apply with Fairlead's field manager, taking over fields of other managers. Answers the object as stored. */
  apply(object: Manifest, options: ApplyOptions, signal: AbortSignal): Promise<Manifest>;
  /** Merge patch of one object. Answers the object as stored. */
  patch(ref: ObjectRef, patch: JsonObject, options: PatchOptions, signal: AbortSignal): Promise<Manifest>;
  /**
   * Deletes in the background. "Absent": it was gone already or is another one by now.
   * An object that stays until its finalizers or its grace period have run is answered as it is now.
   */
  remove(ref: ObjectRef, options: RemoveOptions, signal: AbortSignal): Promise<"Deleted" | "Absent" | Manifest>;
}

/** Counts the objects of a kind in the whole cluster. */
export interface Census {
  count(apiVersion: string, kind: string, signal: AbortSignal): Promise<number>;
}

/** Creates an object that must not exist yet; 409 AlreadyExists is an `ApiError`. */
export interface Creator {
  create(object: Manifest, signal: AbortSignal): Promise<Manifest>;
}

/** What the API server knows of a kind. */
export interface KindInfo {
  /** The plural in URLs. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/** What a Helm chart may ask of the cluster. */
export interface ClusterFacts {
  /** As the API server says it: `v1.35.4`. */
  readonly kubeVersion: string;
  /** `group/version` and `group/version/Kind`. */
  readonly apiVersions: readonly string[];
}

/** Answers what the API server serves; caches, and asks again when a kind is unknown. */
export interface Discovery {
  /** Everything that is served; at most a minute old. */
  facts(signal: AbortSignal): Promise<ClusterFacts>;
  /** undefined: the server serves no such kind now. */
  kind(apiVersion: string, kind: string, signal: AbortSignal): Promise<KindInfo | undefined>;
}

/** Why a call to the API server failed, as far as the caller's next step depends on it. */
export type ApiErrorKind =
  | "NotFound"
  | "Conflict"
  | "AlreadyExists"
  | "Invalid"
  | "Forbidden"
  | "Unauthorized"
  | "UnknownKind"
  | "Fenced"
  | "Throttled"
  | "Unavailable"
  | "Other";

/** One field that the API server objected to. */
export interface FieldCause {
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

/** A failed call to the API server. The message never holds a request or response body: those may hold Secrets. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly kind: ApiErrorKind;
  readonly code: number;
  readonly causes: readonly FieldCause[];
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ApiErrorKind,
    message: string,
    details: { readonly code?: number; readonly causes?: readonly FieldCause[]; readonly retryAfterMs?: number } = {},
  ) {
    super(message);
    this.kind = kind;
    this.code = details.code ?? 0;
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Tells whether an error is an `ApiError` of one of these kinds. */
export function isApiError(error: unknown, ...kinds: readonly ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind));
}
