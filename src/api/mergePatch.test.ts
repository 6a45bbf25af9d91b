import { expect, test } from "vitest";
import type { JsonObject } from "./json.ts";
import { mergePatch } from "./mergePatch.ts";

test.each<[string, JsonObject, JsonObject, JsonObject | undefined]>([
  ["equal objects need no patch", { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }, undefined],
  ["a changed value is named alone", { a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
  ["a missing member becomes null", { a: { x: "1", y: "2" } }, { a: { x: "1" } }, { a: { y: null } }],
  ["a list is replaced whole", { a: [1, 2] }, { a: [1] }, { a: [1] }],
  ["an object replaces a scalar", { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ["a member that is undefined counts as missing", { a: 1 }, { a: undefined }, { a: null }],
])("%s", (_name, before, after, patch) => {
  expect(mergePatch(before, after)).toEqual(patch);
});
