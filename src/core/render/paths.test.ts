import { expect, test } from "vitest";
import { directoryOf, isBelow, plainPath, resolveInside } from "./paths.ts";

test.each([
  ["", "a.yaml", "a.yaml"],
  ["app/prod", "../../base", "base"],
  ["app", ".//x/./y/", "app/x/y"],
  ["app", "..", ""],
  ["app", "x.a@b/c:d", "app/x.a@b/c:d"],
])("A07: in %j, %j leads to %j", (directory, path, expected) => {
  expect(resolveInside(directory, path)).toEqual({ kind: "Inside", path: expected });
});

test.each([
  ["app", "../..", "InvalidPath"],
  ["", "..", "InvalidPath"],
  ["app", "/etc/passwd", "InvalidPath"],
  ["app", "a\\..\\b", "InvalidPath"],
  ["app", "a\0b", "InvalidPath"],
  ["app", "", "InvalidPath"],
  ["app", "x".repeat(1_025), "InvalidPath"],
  ["app", "https://h/x", "RemoteRefused"],
  ["app", "HTTP://h/x", "RemoteRefused"],
  ["app", "git::https://h/x", "RemoteRefused"],
  ["app", "git@host:a/b", "RemoteRefused"],
  ["app", "user@host/a", "RemoteRefused"],
  ["app", "github.com/a/b", "RemoteRefused"],
  ["app", "GitHub.com:a/b", "RemoteRefused"],
  ["app", "../base?ref=x", "RemoteRefused"],
  ["app", "file:///etc/passwd", "RemoteRefused"],
])("A07, A08: in %j, %j is refused as %s", (directory, path, reason) => {
  expect(resolveInside(directory, path)).toMatchObject({ kind: "Refused", reason });
});

test("paths have one form", () => {
  expect(plainPath("./a//b/./c/")).toBe("a/b/c");
  expect(plainPath("../a")).toBe("../a");
  expect(directoryOf("a/b.yaml")).toBe("a");
  expect(directoryOf("b.yaml")).toBe("");
  expect([isBelow("a/b", "a"), isBelow("ab", "a"), isBelow("a", "a"), isBelow("x", "")]).toEqual([
    true,
    false,
    true,
    true,
  ]);
});
