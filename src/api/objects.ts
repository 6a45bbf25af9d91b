import { isObject, type Json, type JsonObject, stringAt } from "./json.ts";

/** The metadata of an object, as the API server sends it; unknown members are kept. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly [field: string]: Json | undefined;
}

/** A Kubernetes object as raw JSON: fields that Fairlead does not know pass through it unharmed. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: Json | undefined;
}

/** Names one object. `namespace` is absent for a cluster-scoped object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** A namespaced name, written `namespace/name`: the key of every queue. */
export type Key = `${string}/${string}`;

/** The reference of a manifest. */
export function refOf(object: Manifest): ObjectRef {
  const { name, namespace } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, ...(namespace === undefined ? {} : { namespace }), name };
}

/** The API group of an apiVersion: "" for core. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/**
 * The identity of an object across API versions: `group/Kind/namespace/name`, with empty parts kept.
 * Two refs of one object in two versions of its group have the same identity.
 */
export function identity(ref: ObjectRef): string {
  return `${groupOf(ref.apiVersion)}/${ref.kind}/${ref.namespace ?? ""}/${ref.name}`;
}

/** An object as people name it: `Deployment shop/web`. */
export function title(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === undefined ? "" : `${ref.namespace}/`}${ref.name}`;
}

/** Tells whether a JSON value has the members that every Kubernetes object must have. */
export function isManifest(value: Json | undefined): value is JsonObject & Manifest {
  return (
    isObject(value) &&
    typeof value["apiVersion"] === "string" &&
    typeof value["kind"] === "string" &&
    stringAt(value, "metadata", "name") !== undefined
  );
}

/** The queue key of an object. */
export function keyOf(object: Manifest): Key {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
