import { at, isObject, type Json, listAt, stringAt } from "../../api/json.ts";
import { groupOf, type Manifest, type ObjectRef } from "../../api/objects.ts";
import { GROUP } from "../../api/v1alpha1/names.ts";
import { type Fields, isWhole, itemOf, memberOf, ownFields } from "./fields.ts";

/** The members of a JSON pointer, unescaped. */
export type Pointer = readonly string[];

/** An entry of spec.ignoreFields. */
export interface IgnoreRule {
  readonly target: {
    readonly group?: string | undefined;
    readonly kind: string;
    readonly name?: string | undefined;
    readonly namespace?: string | undefined;
  };
  /** JSON pointers (RFC 6901). */
  readonly paths: readonly string[];
}

/** Workloads whose replicas anybody may set where Git does not: an absent number never means 1. */
const SCALED: ReadonlySet<string> = new Set(["apps/Deployment", "apps/StatefulSet", "apps/ReplicaSet"]);
/** What generated manifests hold where an authority is injected later: nothing, or an encoded line break. */
const PLACEHOLDERS: ReadonlySet<Json | undefined> = new Set(["", "Cg=="]);

/** What an autoscaler scales, `Kind/namespace/name`; undefined: the object is none. */
export function scaledBy(object: Manifest, namespace: string | undefined): string | undefined {
  if (object.kind !== "HorizontalPodAutoscaler" && object.kind !== "ScaledObject") return undefined;
  const name = stringAt(object, "spec", "scaleTargetRef", "name");
  // KEDA's default; a HorizontalPodAutoscaler always names the kind.
  const kind = stringAt(object, "spec", "scaleTargetRef", "kind") ?? "Deployment";
  return name === undefined ? undefined : `${kind}/${namespace ?? ""}/${name}`;
}

/** How `scaledBy` names an object. */
export function scaleKey({ kind, namespace, name }: ObjectRef): string {
  return `${kind}/${namespace ?? ""}/${name}`;
}

/** The places of an object that belong to others once it is there: by spec.ignoreFields, by an autoscaler, by an injector. */
export function yieldedBy(
  object: Manifest,
  ref: ObjectRef,
  rules: readonly IgnoreRule[],
  autoscaled: boolean,
): readonly Pointer[] {
  const free = SCALED.has(`${groupOf(ref.apiVersion)}/${ref.kind}`) && at(object, "spec", "replicas") === undefined;
  const ignored = rules
    .filter(({ target }) => isTarget(ref, target))
    .flatMap(({ paths }) => paths.map(parsePointer))
    // Fairlead's own marks are nobody else's.
    .filter(([first, , third]) => first !== "metadata" || third?.startsWith(`${GROUP}/`) !== true);
  return [...(autoscaled || free ? [["spec", "replicas"]] : []), ...bundles(object), ...ignored];
}

function isTarget(ref: ObjectRef, { group, kind, name, namespace }: IgnoreRule["target"]): boolean {
  const same = (wanted: string | undefined, is: string | undefined) => wanted === undefined || wanted === (is ?? "");
  return (
    kind === ref.kind && same(group, groupOf(ref.apiVersion)) && same(name, ref.name) && same(namespace, ref.namespace)
  );
}

function parsePointer(text: string): Pointer {
  return text
    .split("/")
    .slice(1)
    .map((member) => member.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Authorities that are injected, where Git holds a placeholder. */
function bundles(object: Manifest): readonly Pointer[] {
  const webhooks = listAt(object, "webhooks").map((_, index) => [
    "webhooks",
    String(index),
    "clientConfig",
    "caBundle",
  ]);
  const fixed = [
    ["spec", "caBundle"],
    ["spec", "conversion", "webhook", "clientConfig", "caBundle"],
  ];
  return [...webhooks, ...fixed].filter((pointer) => PLACEHOLDERS.has(valueAt(object, pointer)));
}

/** Tells whether Git says anything at one of the places. */
export function saysAny(object: Manifest, pointers: readonly Pointer[]): boolean {
  return pointers.some((pointer) => valueAt(object, pointer) !== undefined);
}

/**
 * The object without what it says at the places; where Fairlead owns one, with what is live there: to leave out a field
 * that one owns would remove it. Without `live`, everything at the places is left out.
 */
export function yielded(object: Manifest, pointers: readonly Pointer[], live?: Manifest): Manifest {
  const fields = ownFields(live);
  return pointers.reduce<Manifest>((git, pointer) => give(git, live, fields, pointer) as Manifest, object);
}

function give(
  git: Json | undefined,
  live: Json | undefined,
  fields: Fields | undefined,
  pointer: Pointer,
): Json | undefined {
  const [first, ...rest] = pointer;
  if (first === undefined) return fields === undefined ? undefined : live;
  if (Array.isArray(git)) return giveItem(git as readonly Json[], live, fields, pointer);
  if (!isObject(git)) return git;
  const { [first]: _, ...others } = git;
  const given = give(at(git, first), at(live, first), memberOf(fields, first), rest);
  return given === undefined ? others : { ...others, [first]: given };
}

function giveItem(git: readonly Json[], live: Json | undefined, fields: Fields | undefined, pointer: Pointer): Json {
  const [first = "", ...rest] = pointer;
  const index = indexOf(first);
  const item = index === undefined ? undefined : git[index];
  if (index === undefined || item === undefined) return git;
  const items = Array.isArray(live) ? (live as readonly Json[]) : [];
  const found = fields === undefined || isWhole(fields) ? undefined : itemOf(fields, item);
  const [same, owned] = found === undefined ? [items[index], fields] : [items.find(found.is), found.fields];
  const given = give(item, same, owned, rest);
  return given === undefined ? git.toSpliced(index, 1) : git.with(index, given);
}

function valueAt(value: Json | undefined, [first, ...rest]: Pointer): Json | undefined {
  if (first === undefined) return value;
  const index = Array.isArray(value) ? indexOf(first) : undefined;
  const inner = Array.isArray(value)
    ? index === undefined
      ? undefined
      : (value as readonly Json[])[index]
    : at(value, first);
  return inner === undefined ? undefined : valueAt(inner, rest);
}

/** An index as a pointer writes it: without leading zeros. */
function indexOf(text: string): number | undefined {
  return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : undefined;
}
