import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SchemaError, structural } from "./schema.ts";

describe("structural", () => {
  it("makes a defaulted field optional and carries its default", () => {
    const schema = structural(z.object({ url: z.string().max(9), prune: z.boolean().default(true) }));
    expect(schema.required).toEqual(["url"]);
    expect(schema.properties?.["prune"]).toEqual({ type: "boolean", default: true });
  });

  it("drops the bounds that zod invents and says how wide an integer is", () => {
    const schema = structural(z.object({ any: z.int(), small: z.int().min(0).max(100) }));
    expect(schema.properties?.["any"]).toEqual({ type: "integer", format: "int64" });
    expect(schema.properties?.["small"]).toEqual({ type: "integer", format: "int32", minimum: 0, maximum: 100 });
  });

  it("writes a number or a percentage as int-or-string with the bounds of both", () => {
    const batch = z
      .union([
        z.int().min(1).max(50),
        z
          .string()
          .max(4)
          .regex(/^[0-9]+%$/),
      ])
      .meta({ "x-kubernetes-int-or-string": true })
      .default(1);
    expect(structural(z.object({ batch })).properties?.["batch"]).toEqual({
      default: 1,
      minimum: 1,
      maximum: 50,
      maxLength: 4,
      pattern: "^[0-9]+%$",
      "x-kubernetes-int-or-string": true,
    });
  });

  it("keeps unknown fields of a loose object", () => {
    expect(structural(z.looseObject({}))).toMatchObject({
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
    });
  });

  it("passes what Kubernetes alone understands", () => {
    const rules = [{ rule: "self != 'x'", message: "not x" }];
    expect(structural(z.string().max(3).meta({ "x-kubernetes-validations": rules }))).toEqual({
      type: "string",
      maxLength: 3,
      "x-kubernetes-validations": rules,
    });
  });

  it("writes patterns without the slashes' escapes, which only JavaScript needs", () => {
    expect(structural(z.string().max(9).regex(/^a\//)).pattern).toBe("^a/");
  });

  it.each([
    ["a union", z.object({ a: z.union([z.string(), z.boolean()]) }), '.a: "anyOf" has no structural form'],
    ["a nested union", z.array(z.union([z.int(), z.null()])), "[]: "],
    ["anything at all", z.object({ a: z.unknown() }), ".a: has no type"],
  ])("refuses %s and names the field", (_name, schema, message) => {
    expect(() => structural(schema)).toThrow(SchemaError);
    expect(() => structural(schema)).toThrow(message);
  });
});
