import { at, isObject, type Json, listAt } from "./json.ts";
import type { Manifest } from "./objects.ts";
import type { Structural } from "./schema.ts";

/**
 * Fields of a schema that the stored definition of its kind does not know: what the API server drops from every object.
 * A definition that keeps what it does not know drops nothing there.
 */
export function missingFields(schema: Structural, definition: Manifest): readonly string[] {
  const [version] = listAt(definition, "spec", "versions").filter((one) => at(one, "storage") === true);
  return gaps(schema, at(version, "schema", "openAPIV3Schema"), "");
}

function gaps(ours: Structural, stored: Json | undefined, path: string): readonly string[] {
  if (ours.items !== undefined) return gaps(ours.items, at(stored, "items"), `${path}[]`);
  const known = at(stored, "properties");
  return Object.entries(ours.properties ?? {}).flatMap(([name, child]) => {
    const there = isObject(known) ? known[name] : undefined;
    if (there === undefined)
      return at(stored, "x-kubernetes-preserve-unknown-fields") === true ? [] : [`${path}.${name}`];
    return gaps(child, there, `${path}.${name}`);
  });
}
