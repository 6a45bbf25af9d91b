import { describe, expect, it } from "vitest";
import { customResourceDefinition, RESOURCES, schemaOf } from "./crd.ts";
import { missingFields } from "./crdGap.ts";
import type { JsonObject } from "./json.ts";
import type { Manifest } from "./objects.ts";

/** A definition as stored, changed somewhere in its schema. */
function stored(resource: (typeof RESOURCES)[number], change: (schema: never) => void): Manifest {
  const definition = structuredClone(customResourceDefinition(resource));
  const [version] = (definition["spec"] as { versions: { schema: { openAPIV3Schema: JsonObject } }[] }).versions;
  change(version?.schema.openAPIV3Schema as never);
  return definition;
}

describe.each(RESOURCES)("P34: the stored definition of $kind", (resource) => {
  const missing = (change: (schema: never) => void) => missingFields(schemaOf(resource), stored(resource, change));

  it("lacks nothing when it is this version's", () => {
    expect(missing(() => {})).toEqual([]);
  });

  it("lacks what it does not know of the spec, however deep", () => {
    const found = missing((schema: { properties: { spec: { properties: JsonObject } } }) => {
      schema.properties.spec.properties = {};
    });
    expect(found).toEqual(
      Object.keys(schemaOf(resource).properties?.["spec"]?.properties ?? {}).map((name) => `.spec.${name}`),
    );
  });

  it("lacks nothing of the status: it keeps what it does not know", () => {
    const found = missing((schema: { properties: { status: { properties: JsonObject } } }) => {
      schema.properties.status.properties = {};
    });
    expect(found).toEqual([]);
  });

  it("lacks everything when it is not even of this shape", () => {
    const { metadata, kind, apiVersion } = customResourceDefinition(resource);
    expect(missingFields(schemaOf(resource), { apiVersion, kind, metadata })).toContain(".spec");
  });
});
