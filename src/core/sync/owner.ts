import { isObject } from "../../api/json.ts";
import { identity, type Manifest, type ObjectRef, refOf } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";

/** The name of a GitSync. */
export interface SyncName {
  readonly namespace: string;
  readonly name: string;
}

/** Kubernetes keeps names with this beginning for its own namespaces: no sync declares or deletes anything in them. */
const SYSTEM_PREFIX = "kube-";

/** The value of the owner mark: it names the sync and the very object, so that a copy of the mark is no claim. */
export function ownerMark(sync: SyncName, ref: ObjectRef): string {
  return `${sync.namespace}/${sync.name}/${identity(ref)}`;
}

/** The sync that an object's owner mark names; undefined without a mark, or with one copied from another object. */
export function ownerOf(object: Manifest): SyncName | undefined {
  const annotations = object.metadata.annotations;
  const mark = isObject(annotations) ? annotations[Mark.owner] : undefined;
  if (typeof mark !== "string") return undefined;
  const [namespace = "", name = "", ...named] = mark.split("/");
  if (namespace === "" || name === "" || named.join("/") !== identity(refOf(object))) return undefined;
  return { namespace, name };
}

/** Tells whether two names are of one sync. */
export function sameSync(a: SyncName, b: SyncName): boolean {
  return a.namespace === b.namespace && a.name === b.name;
}

/** The protected namespace that an object is in or is itself: one of Kubernetes, or Fairlead's own. */
export function protectedNamespace(ref: ObjectRef, operatorNamespace: string): string | undefined {
  const namespace = ref.namespace ?? (ref.apiVersion === "v1" && ref.kind === "Namespace" ? ref.name : undefined);
  if (namespace === undefined) return undefined;
  return namespace === operatorNamespace || namespace.startsWith(SYSTEM_PREFIX) ? namespace : undefined;
}
