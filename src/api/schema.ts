import { z } from "zod";
import { canonical, isObject, type Json, type JsonObject } from "./json.ts";

/** One CEL rule of a schema, with the sentence that the API server answers when it is broken. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
}

/** A structural OpenAPI v3 schema, as `apiextensions.k8s.io/v1` accepts it. */
export interface Structural {
  readonly description?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: Json;
  readonly enum?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural;
  readonly items?: Structural;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "map" | "set";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly CelRule[];
}

/** A zod schema says something that no structural schema can; the message names the field. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

/** What passes unchanged, in the order in which it is written. */
const PLAIN = [
  "description",
  "type",
  "format",
  "nullable",
  "default",
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
  "required",
] as const;

/** Written after the rest. */
const NESTED = ["properties", "additionalProperties", "items"] as const;

const INT32_MAX = 2_147_483_647;

/**
 * Converts a zod schema into the structural schema that the API server validates and defaults by.
 * A defaulted field is optional, since the schema describes what people write.
 * Throws a SchemaError for what has no structural form: unions, tuples, refinements by type.
 */
export function structural(schema: z.ZodType): Structural {
  const generated: unknown = z.toJSONSchema(schema, { target: "openapi-3.0", io: "input", unrepresentable: "any" });
  return convert(generated, "");
}

function convert(node: unknown, path: string): Structural {
  if (!isObject(node)) throw new SchemaError(`${path || "."}: not a schema but ${JSON.stringify(node)}`);
  // JSON has only text as names: of a record of any names, this says nothing.
  const { propertyNames, ...said } = node;
  if (propertyNames !== undefined && canonical(propertyNames) !== '{"type":"string"}') {
    throw new SchemaError(`${path || "."}: names of members have no structural form; use a CEL rule`);
  }
  const { type, ...bounds } = said["x-kubernetes-int-or-string"] === true ? mergeIntOrString(said, path) : said;
  const known: JsonObject = type === undefined ? bounds : { ...bounds, type };
  refuseUnknown(known, path);
  if (type === undefined && !isUntyped(known)) {
    throw new SchemaError(`${path || "."}: has no type; say what it is, or preserve unknown fields`);
  }
  const out: Record<string, unknown> = {};
  for (const key of PLAIN) if (known[key] !== undefined) out[key] = known[key];
  if (typeof out["pattern"] === "string") out["pattern"] = out["pattern"].replaceAll("\\/", "/");
  if (type === "integer" || known["x-kubernetes-int-or-string"] === true) Object.assign(out, integerBounds(out, type));
  if (out["minimum"] === undefined) delete out["minimum"];
  if (out["maximum"] === undefined) delete out["maximum"];
  for (const [key, value] of Object.entries(known)) if (key.startsWith("x-kubernetes-")) out[key] = value;
  return Object.assign(out, children(known, path));
}

/** zod gives every integer the bounds ±(2^53-1): they bound nothing that anyone meant. */
function integerBounds(bounds: Readonly<Record<string, unknown>>, type: Json | undefined): Record<string, unknown> {
  const meant = (value: unknown): number | undefined =>
    typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
  const minimum = meant(bounds["minimum"]);
  const maximum = meant(bounds["maximum"]);
  const fits = maximum !== undefined && maximum <= INT32_MAX && (minimum ?? -Infinity) >= -INT32_MAX;
  return { ...(type === "integer" ? { format: fits ? "int32" : "int64" } : {}), minimum, maximum };
}

/**
 * A union of an integer and a string becomes a node without a type. The bounds of both stand side by side on it:
 * the API server holds numbers against the one kind and strings against the other.
 */
function mergeIntOrString(node: JsonObject, path: string): JsonObject {
  const { anyOf, ...rest } = node;
  const merged: Record<string, Json | undefined> = { ...rest };
  for (const member of Array.isArray(anyOf) ? (anyOf as readonly Json[]) : []) {
    if (!isObject(member) || (member["type"] !== "integer" && member["type"] !== "string")) {
      throw new SchemaError(`${path}: an int-or-string holds an integer and a string, nothing else`);
    }
    const { type: _type, ...bounds } = member;
    Object.assign(merged, bounds);
  }
  return merged;
}

function children(node: JsonObject, path: string): Partial<Structural> {
  const out: { -readonly [K in keyof Structural]: Structural[K] } = {};
  // An object without fields is stored without the word.
  if (isObject(node["properties"]) && Object.keys(node["properties"]).length > 0) {
    out.properties = Object.fromEntries(
      Object.entries(node["properties"]).map(([name, child]) => [name, convert(child, `${path}.${name}`)]),
    );
  }
  if (node["items"] !== undefined) out.items = convert(node["items"], `${path}[]`);
  const rest = node["additionalProperties"];
  if (isObject(rest) && Object.keys(rest).length === 0) out["x-kubernetes-preserve-unknown-fields"] = true;
  else if (isObject(rest)) out.additionalProperties = convert(rest, `${path}{}`);
  return out;
}

function isUntyped(node: JsonObject): boolean {
  return node["x-kubernetes-int-or-string"] === true || node["x-kubernetes-preserve-unknown-fields"] === true;
}

function refuseUnknown(node: JsonObject, path: string): void {
  const allowed: readonly string[] = [...PLAIN, ...NESTED];
  for (const key of Object.keys(node)) {
    if (allowed.includes(key) || key.startsWith("x-kubernetes-")) continue;
    // What zod calls anyOf, oneOf, allOf or propertyNames has members with types, which no structural schema may.
    throw new SchemaError(`${path || "."}: "${key}" has no structural form; use optional members and a CEL rule`);
  }
}
