import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical, type Json, sameJson } from "./json.ts";

const { value } = fc.letrec<{ readonly value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, true, "", "a", 0, -0, 1, 1.5, Number.NaN, 1n, 2n ** 60n, "1", "null"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "__proto__", "constructor"), fc.option(tie("value"), { nil: undefined }), {
      maxKeys: 3,
      noNullPrototype: true,
    }) as fc.Arbitrary<Json>,
  ),
}));

test("two values are the same exactly when their one text is", () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(sameJson(a, b), `${canonical(a)} ${canonical(b)}`).toBe(canonical(a) === canonical(b));
      expect(sameJson(a, structuredClone(a) as Json)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});
