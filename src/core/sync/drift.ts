import { at, canonical, isObject, type Json, sameJson } from "../../api/json.ts";
import { groupOf, type Manifest } from "../../api/objects.ts";

/** What tells the items of a list apart, the best first. */
const KEYS: readonly string[] = ["name", "mountPath", "containerPort", "port", "key"];

/**
 * Lists of the built-in kinds that several writers share by design (`listType: map`): injectors append to them.
 * In every other list a foreign item is drift, such as one more subject of a RoleBinding.
 */
const SHARED_LISTS: ReadonlySet<string> = new Set([
  "containers",
  "env",
  "ephemeralContainers",
  "imagePullSecrets",
  "initContainers",
  "ports",
  "secrets",
  "volumeDevices",
  "volumeMounts",
  "volumes",
]);

/** Of the metadata only these are Git's word; the rest belongs to the API server and to controllers. */
const METADATA: readonly string[] = ["annotations", "labels"];

interface Walk {
  /** Tells whether foreign items of a list of this field name are none of our business. */
  readonly shared: (field: string) => boolean;
}

/** The three sides of one place in the object. */
interface Sides {
  readonly desired: Json | undefined;
  readonly recorded: Json | undefined;
  readonly live: Json | undefined;
}

/**
 * The first path at which a live object no longer says what it said after our apply; undefined when there is none.
 * Only paths that the desired manifest names are looked at, and `recorded`, the API server's answer to the apply, is what they
 * are held against: so defaults, normalised quantities and what others add never show as drift.
 * Where re-applying changes nothing, the new answer is the new record, and the same difference is not seen twice.
 */
export function differs(desired: Manifest, recorded: Manifest, live: Manifest): string | undefined {
  const group = groupOf(desired.apiVersion);
  const builtIn = !group.includes(".") || group.endsWith(".k8s.io");
  const walk: Walk = { shared: (field) => builtIn && SHARED_LISTS.has(field) };
  return inMap({ desired: named(desired), recorded, live }, "", walk);
}

/** The part of a manifest that drift is about. */
function named(desired: Manifest): Json {
  const { apiVersion: _apiVersion, kind, metadata, status: _status, ...rest } = desired;
  const marks = Object.fromEntries(METADATA.map((field) => [field, metadata[field]]));
  // The API server keeps a Secret's stringData as data; only the keys matter here, the values come from its answer.
  const { stringData, ...others } = rest;
  const data = kind === "Secret" && isObject(stringData) ? { data: { ...asMap(rest["data"]), ...stringData } } : rest;
  return { ...(kind === "Secret" ? others : rest), ...data, metadata: marks };
}

function compare(sides: Sides, path: string, walk: Walk): string | undefined {
  const { desired, recorded, live } = sides;
  // A null leaves the field to others.
  if (desired === undefined || desired === null) return undefined;
  if (isObject(desired)) return inMap(sides, path, walk);
  if (Array.isArray(desired)) return inList(sides, path, walk);
  return same(recorded, live) ? undefined : path;
}

function inMap({ desired, recorded, live }: Sides, path: string, walk: Walk): string | undefined {
  for (const key of Object.keys(asMap(desired)).sort()) {
    const sides = { desired: at(desired, key), recorded: at(recorded, key), live: at(live, key) };
    const found = compare(sides, `${path}/${escaped(key)}`, walk);
    if (found !== undefined) return found;
  }
  return undefined;
}

function inList({ desired, recorded, live }: Sides, path: string, walk: Walk): string | undefined {
  const lists = [desired, recorded, live].map((side) => (Array.isArray(side) ? (side as readonly Json[]) : []));
  const [ours = [], before = [], now = []] = lists;
  const key = KEYS.find((candidate) => ours.length > 0 && lists.every((list) => tellsApart(candidate, list)));
  if (key === undefined) return same(recorded, live) ? undefined : path;
  const item = (list: readonly Json[], name: string) => list.find((one) => canonical(at(one, key)) === name);
  for (const one of ours) {
    const name = canonical(at(one, key));
    const sides = { desired: one, recorded: item(before, name), live: item(now, name) };
    const here = `${path}/${key}=${escaped(String(at(one, key)))}`;
    if ((sides.recorded === undefined) !== (sides.live === undefined)) return here;
    const found = compare(sides, here, walk);
    if (found !== undefined) return found;
  }
  if (walk.shared(path.slice(path.lastIndexOf("/") + 1))) return undefined;
  const foreign = now.find((one) => item(before, canonical(at(one, key))) === undefined);
  return foreign === undefined ? undefined : `${path}/${key}=${escaped(String(at(foreign, key)))}`;
}

/** Tells whether every item of a list has the key, each with another value. */
function tellsApart(key: string, list: readonly Json[]): boolean {
  const values = list.map((item) => at(item, key));
  const scalar = values.every((value) => typeof value === "string" || typeof value === "number");
  return scalar && new Set(values).size === values.length;
}

/** Equal, or both nothing: the API server drops and adds empty members as it likes. */
function same(a: Json | undefined, b: Json | undefined): boolean {
  return (isEmpty(a) && isEmpty(b)) || sameJson(a, b);
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function asMap(value: Json | undefined) {
  return isObject(value) ? value : {};
}

/** A path member as in a JSON pointer. */
function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
