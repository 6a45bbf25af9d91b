import { isObject, type Json, type JsonObject, listAt, sameJson, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";

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
    const fields = isObject(entry) && isObject(entry["fieldsV1"]) ? entry["fieldsV1"] : {};
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
