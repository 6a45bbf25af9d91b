import { describe, expect, it } from "vitest";
import { unbounded } from "./bounds.ts";
import { customResourceDefinition, RESOURCES, schemaOf } from "./crd.ts";
import { stringify } from "./json.ts";
import type { Structural } from "./schema.ts";

/** Every node of a schema with its path. */
function* nodes(schema: Structural, path = ""): Generator<readonly [string, Structural]> {
  yield [path, schema];
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* nodes(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodes(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* nodes(schema.additionalProperties, `${path}{}`);
}

describe.each(RESOURCES)("the CRD of $kind", (resource) => {
  it("bounds every string, list, map and number", () => {
    expect(unbounded(schemaOf(resource))).toEqual([]);
  });

  it("says for every list how server-side apply merges it", () => {
    for (const [path, node] of nodes(schemaOf(resource))) {
      if (node.type === "array") expect(node["x-kubernetes-list-type"], path).toBeDefined();
    }
  });

  it("requires or defaults the key of every keyed list", () => {
    for (const [path, node] of nodes(schemaOf(resource))) {
      for (const key of node["x-kubernetes-list-map-keys"] ?? []) {
        const needed = node.items?.required?.includes(key) || node.items?.properties?.[key]?.default !== undefined;
        expect(needed, `${path} by ${key}`).toBe(true);
      }
    }
  });

  it("gives every CEL rule a message", () => {
    for (const [path, node] of nodes(schemaOf(resource))) {
      for (const { message } of node["x-kubernetes-validations"] ?? []) expect(message, path).toMatch(/^[a-z]/);
    }
  });

  it("stays below 200 kB", () => {
    expect(stringify(customResourceDefinition(resource)).length).toBeLessThan(200_000);
  });

  it("shows only columns whose fields exist", () => {
    const paths = new Set([...nodes(schemaOf(resource))].map(([path]) => path));
    for (const { name, jsonPath } of resource.columns) {
      const field = jsonPath.replace(/\[(\?\(.*?\)|0)\]/, "[]");
      expect(paths.has(field) || field.startsWith(".metadata."), `${name}: ${field}`).toBe(true);
    }
  });
});

describe("unbounded", () => {
  it.each([
    ["a string without maxLength", { type: "string" }],
    ["a list without maxItems", { type: "array", items: { type: "boolean" } }],
    ["a map without maxProperties", { type: "object", additionalProperties: { type: "boolean" } }],
    ["a number without maximum", { type: "integer", minimum: 0 }],
    ["a number without minimum", { type: "number", maximum: 1 }],
  ] as const)("finds %s, however deep", (what, node) => {
    const schema: Structural = { type: "object", properties: { list: { type: "array", maxItems: 1, items: node } } };
    expect(unbounded(schema)).toEqual([`.list[]: ${what}`]);
  });
});
