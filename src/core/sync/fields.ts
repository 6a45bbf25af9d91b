import { isObject, type Json, type JsonObject, listAt, sameJson, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";

/**
 * A set of fields as the API server writes it (FieldsV1): `f:name` is a member of a map, `k:{…}` and `v:…` one of a list,
 * `.` the value itself where it has members too, and `{}` a value as a whole.
 */
export type Fields = JsonObject;

/** Who wrote which fields of an object: one entry of `metadata.managedFields`. */
export interface ManagerEntry {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly fields: Fields;
  readonly entry: Json;
}

/** The entries of an object as the API server answered it; none when they were dropped. */
export function entriesOf(object: Manifest): readonly ManagerEntry[] {
  return listAt(object, "metadata", "managedFields").map((entry) => {
    const text = (name: string) => stringAt(entry, name) ?? "";
    const fields = isObject(entry) ? setIn(entry["fieldsV1"]) : {};
    const [manager, operation, apiVersion, subresource] = ["manager", "operation", "apiVersion", "subresource"].map(
      text,
    );
    return {
      manager: manager ?? "",
      operation: operation ?? "",
      apiVersion: apiVersion ?? "",
      subresource: subresource ?? "",
      fields,
      entry,
    };
  });
}

/** Caches keep a set as text: as a tree it would be the greater part of an object. */
function setIn(value: Json | undefined): Fields {
  const set: unknown = typeof value === "string" ? JSON.parse(value) : value;
  return isObject(set) ? set : {};
}

/** Tells whether an entry is of Fairlead's own applies. */
export function isOurs({ manager, operation, subresource }: ManagerEntry): boolean {
  return manager === FIELD_MANAGER && operation === "Apply" && subresource === "";
}

/** Tells whether an entry is of Fairlead's own patches. */
export function isPatch({ manager, operation, subresource }: ManagerEntry): boolean {
  return manager === FIELD_MANAGER && operation === "Update" && subresource === "";
}

/** The fields that Fairlead's applies own of an object; undefined: none, or they are not known. */
export function ownFields(object: Manifest | undefined): Fields | undefined {
  if (object === undefined) return undefined;
  const fields = entriesOf(object).find((entry) => isOurs(entry) && entry.apiVersion === object.apiVersion)?.fields;
  // At the root, and only there, an empty set is none.
  return fields === undefined || Object.keys(fields).length === 0 ? undefined : fields;
}

/**
 * The same with what its patches own, by which rollouts move their part of a shared object. A value that is owned as a whole,
 * such as a selector, is taken over by them with all that Git says in it.
 */
export function allOwnFields(object: Manifest | undefined): Fields | undefined {
  const applied = ownFields(object);
  if (object === undefined || applied === undefined) return undefined;
  return entriesOf(object)
    .filter(isPatch)
    .reduce((fields, entry) => union(fields, entry.fields), applied);
}

/** A set's part for a member of a map; a value that is owned as a whole is owned with all its members. */
export function memberOf(fields: Fields | undefined, name: string): Fields | undefined {
  if (fields === undefined || isWhole(fields)) return fields;
  return innerOf(fields, name);
}

/** A set's part for an item of a list, and how the set tells that item from others; undefined: it has no such item. */
export function itemOf(
  fields: Fields,
  item: Json,
): { readonly fields: Fields; readonly is: (other: Json) => boolean } | undefined {
  for (const [key, inner] of Object.entries(fields)) {
    const is = itemTest(key);
    if (is?.(item) && isObject(inner)) return { fields: inner, is };
  }
  return undefined;
}

/** `k:{"name":"a"}` is an item by its keys, of which defaults may be missing in it; `v:"a"` is one by its value. */
function itemTest(key: string): ((item: Json) => boolean) | undefined {
  if (!/^[kv]:/.test(key)) return undefined;
  const wanted = JSON.parse(key.slice(2)) as Json;
  if (key.startsWith("v:")) return (item) => sameJson(item, wanted);
  if (!isObject(wanted)) return undefined;
  return (item) =>
    isObject(item) &&
    Object.keys(wanted).every((name) => item[name] === undefined || sameJson(item[name], wanted[name]));
}

/** Tells whether a set ends here: it has the value as a whole. */
export function isWhole(fields: Fields): boolean {
  return Object.keys(fields).every((key) => key === ".");
}

/**
 * Tells whether a set holds the fields that a value names, and no others. What is empty counts as not named: the API
 * server drops and adds it as it likes.
 */
export function isSetOf(fields: Fields | undefined, value: Json | undefined): boolean {
  if (isNothing(value)) return true;
  if (fields === undefined) return false;
  if (isWhole(fields)) return true;
  if (isObject(value)) {
    const covers = Object.keys(value).every(
      (name) => isNothing(value[name]) || isSetOf(innerOf(fields, name), value[name]),
    );
    return covers && Object.keys(fields).every((key) => !key.startsWith("f:") || Object.hasOwn(value, key.slice(2)));
  }
  if (!Array.isArray(value)) return false;
  const items = value as readonly Json[];
  const covers = items.every((item) => {
    const found = itemOf(fields, item);
    return found !== undefined && isSetOf(found.fields, item);
  });
  return covers && Object.keys(fields).every((key) => items.some((item) => itemTest(key)?.(item) ?? true));
}

function innerOf(fields: Fields, name: string): Fields | undefined {
  const inner = Object.hasOwn(fields, `f:${name}`) ? fields[`f:${name}`] : undefined;
  return isObject(inner) ? inner : undefined;
}

function isNothing(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Everything that is in one of two sets. */
export function union(a: Fields, b: Fields): Fields {
  if (sameJson(a, b)) return a;
  const merged: Record<string, Json> = {};
  for (const set of [a, b]) {
    // A value as a whole, where the other set has members of it.
    if (Object.keys(set).length === 0) merged["."] = {};
    for (const [key, value] of Object.entries(set)) {
      if (!isObject(value)) continue;
      const before = merged[key];
      merged[key] = isObject(before) ? union(before, value) : value;
    }
  }
  return merged;
}

/** A set without one place and all that is below it. */
export function withoutField(fields: Fields, path: readonly string[]): Fields {
  const [first, ...rest] = path;
  if (first === undefined) return fields;
  const key = `f:${first}`;
  const { [key]: inner, ...others } = fields;
  if (!isObject(inner)) return fields;
  const left = rest.length === 0 ? {} : withoutField(inner, rest);
  return Object.keys(left).length === 0 ? others : { ...others, [key]: left };
}
