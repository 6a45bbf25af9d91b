import { at, isObject, type Json, sameJson } from "../../api/json.ts";
import { groupOf, type Manifest, type ObjectRef } from "../../api/objects.ts";

/** One field that the API server objected to, as in `status.details.causes`. */
export interface Objection {
  readonly field: string;
  readonly message: string;
}

/** How the API server's validations say that a field may not change; the words differ from kind to kind. */
const IMMUTABLE =
  /\bimmutable\b|\b(?:may not|cannot|can not|must not) (?:be )?(?:chang|updat|modif)|\bupdates? to .*\b(?:forbidden|not allowed)\b/i;

/** Kinds that are never deleted to be made anew: what they hold would go with them. */
const PRECIOUS: ReadonlySet<string> = new Set([
  "/Namespace",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "apiextensions.k8s.io/CustomResourceDefinition",
]);

/** Tells whether deleting an object of this kind destroys more than the object. */
export function isPrecious({ apiVersion, kind }: ObjectRef): boolean {
  return PRECIOUS.has(`${groupOf(apiVersion)}/${kind}`);
}

/**
 * The fields for whose change alone the API server refuses an object; undefined: it refuses for something else, or for
 * something else too. A refusal is for immutability only where it says so of a field that truly differs from the live object.
 */
export function immutableFields(
  desired: Manifest,
  live: Manifest,
  objections: readonly Objection[],
): readonly string[] | undefined {
  const fields: string[] = [];
  for (const { field, message } of objections) {
    if (!IMMUTABLE.test(message)) return undefined;
    const path = membersOf(field);
    const [wanted, is] = [at(desired, ...path), at(live, ...path)];
    if (contains(is, wanted)) return undefined;
    fields.push(...closer(field, wanted, is, message));
  }
  return fields.length === 0 ? undefined : [...new Set(fields)];
}

/** An objection to the whole spec names the fields that may change: the others that differ are meant. */
function closer(field: string, wanted: Json | undefined, is: Json | undefined, message: string): readonly string[] {
  if (!isObject(wanted) || field.includes(".")) return [field];
  const mutable = new Set([...message.matchAll(/'([\w.]+)'/g)].map(([, name]) => name));
  const inner = Object.keys(wanted).filter((key) => !mutable.has(key) && !contains(at(is, key), wanted[key]));
  return inner.length === 0 ? [field] : inner.map((key) => `${field}.${key}`);
}

/** The members of a field path such as `spec.ports[0].name` or `data[a.b]`. */
function membersOf(field: string): readonly string[] {
  return [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([whole, inBrackets]) => inBrackets ?? whole);
}

/** Tells whether a live value says all that is wanted; what else it says are defaults. */
function contains(is: Json | undefined, wanted: Json | undefined): boolean {
  if (wanted === undefined) return is === undefined;
  if (isObject(wanted)) {
    return (
      isObject(is) && Object.keys(wanted).every((key) => wanted[key] === null || contains(at(is, key), wanted[key]))
    );
  }
  if (!Array.isArray(wanted)) return sameJson(is, wanted);
  const items = Array.isArray(is) ? (is as readonly Json[]) : [];
  return items.length === wanted.length && wanted.every((item: Json, index) => contains(items[index], item));
}
