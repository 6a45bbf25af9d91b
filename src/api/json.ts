declare global {
  interface JSON {
    /** ECMAScript's JSON.rawJSON, in Node since 22; the library types lack it. */
    rawJSON(text: string): object;
  }
}

/** A JSON value as Fairlead carries it. A bigint stands for an integer beyond 2^53, kept exact from Git to the API server. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;

/** A JSON object with string keys. */
export type JsonObject = { readonly [key: string]: Json | undefined };

/** Tells whether a value is a JSON object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Serialises JSON with exact integers: a bigint is written as its digits. */
export function stringify(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, v) => (typeof v === "bigint" ? JSON.rawJSON(v.toString()) : v), indent);
}

/**
 * The one text of a JSON value: keys sorted, absent and undefined members left out.
 * Hashes and equality are taken over this text, so the order in which a serializer writes keys never matters.
 */
export function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonical(item)).join(",")}]`;
  if (isObject(value)) {
    const members = [...present(value)].sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
    return `{${members.join(",")}}`;
  }
  return typeof value === "bigint" ? value.toString() : (JSON.stringify(value) ?? "null");
}

/** Tells whether two JSON values say the same: whether their one text is the same, without making it. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item: Json, index) => sameJson(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const names = present(a);
    return (
      names.length === present(b).length && names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
    );
  }
  return typeof a !== "string" && typeof b !== "string" && canonical(a) === canonical(b);
}

function present(object: JsonObject): readonly string[] {
  return Object.keys(object).filter((name) => object[name] !== undefined);
}

/** Walks into nested objects; undefined as soon as a member is missing or not an object. */
export function at(value: unknown, ...path: readonly string[]): Json | undefined {
  let here: unknown = value;
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined;
    here = here[key];
  }
  return here as Json | undefined;
}

/** A nested string, or undefined when it is missing or of another type. */
export function stringAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** A nested number, or undefined when it is missing or of another type. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** A nested list, empty when it is missing or of another type. */
export function listAt(value: unknown, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}
