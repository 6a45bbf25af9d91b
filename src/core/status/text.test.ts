import { expect, test } from "vitest";
import { clip, count, oneLine, some } from "./text.ts";

test.each([
  ["lists everything within the limit", ["a", "b"], "a, b"],
  ["counts what is beyond the limit", ["a", "b", "c", "d"], "a, b, and 2 more"],
  ["says nothing of nothing", [], ""],
])("%s", (_sentence, items, text) => {
  expect(some(items, 2)).toBe(text);
});

test("folds lines, tabs and escape sequences into one line", () => {
  expect(oneLine(" a\n\tb\u0000\u001b[1mc\u2028d ")).toBe("a b [1mc d");
});

test("clips to the limit, ellipsis included", () => {
  expect(clip("abcdef", 4)).toBe("abc…");
  expect(clip("abcd", 4)).toBe("abcd");
});

test("uses the singular for one", () => {
  expect([count(0, "object"), count(1, "object"), count(2, "object")]).toEqual(["0 objects", "1 object", "2 objects"]);
});
