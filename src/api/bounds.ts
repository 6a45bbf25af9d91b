import type { Structural } from "./schema.ts";

/**
 * Every place of a schema that has no upper bound, by its path. An unbounded field lets one object grow to etcd's limit
 * and makes the API server refuse CEL rules above it, whose cost it estimates from the bounds.
 */
export function unbounded(schema: Structural, path = ""): readonly string[] {
  const here = missing(schema, path).map((what) => `${path || "."}: ${what}`);
  const below = [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, child]) => unbounded(child, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : unbounded(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : unbounded(schema.additionalProperties, `${path}{}`)),
  ];
  return [...here, ...below];
}

function missing(schema: Structural, path: string): readonly string[] {
  const lacks: string[] = [];
  const number = schema.type === "integer" || schema.type === "number" || schema["x-kubernetes-int-or-string"] === true;
  const text = schema.type === "string" || schema["x-kubernetes-int-or-string"] === true;
  if (text && schema.enum === undefined && schema.maxLength === undefined) lacks.push("a string without maxLength");
  if (schema.type === "array" && schema.maxItems === undefined) lacks.push("a list without maxItems");
  if (schema.additionalProperties !== undefined && schema.maxProperties === undefined) {
    lacks.push("a map without maxProperties");
  }
  if (number && schema.minimum === undefined) lacks.push("a number without minimum");
  // The API server itself counts generations, up to the end of int64.
  if (number && schema.maximum === undefined && !path.endsWith(".observedGeneration")) {
    lacks.push("a number without maximum");
  }
  return lacks;
}
