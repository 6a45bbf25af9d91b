import { expect, test } from "vitest";
import { defaultBranch, highestTag, objectOf, question } from "./refs.ts";
import { parseRef, tagNamed } from "./validate.ts";

const [a, b] = ["a".repeat(40), "b".repeat(40)];

test("a listed reference counts by its whole name, and names the tag object of an annotated tag", () => {
  const output = `${a}\tHEAD\n${a}\trefs/tags/v1\n${b}\trefs/tags/v1^{}\n${a}\trefs/x/refs/heads/y\n`;
  expect(objectOf(output, "refs/tags/v1")).toBe(a);
  expect(objectOf(output, "refs/heads/y")).toBeUndefined();
  expect(defaultBranch(`ref: refs/heads/trunk\tHEAD\n${a}\tHEAD\n`)).toBe("trunk");
});

test("the remote is asked for tags only when a tag is followed", () => {
  expect(question(tagNamed("v1"), "https://h/x")).toEqual(["--tags", "https://h/x", "refs/tags/v1"]);
});

test.each<[string, readonly string[], string | undefined]>([
  [">=1.2 <2", ["v1.1.9", "v1.2.0", "v1.10.0", "v1.9.0", "v2.0.0", "latest", "v1.99"], "v1.10.0"],
  [">=1.2, <2", ["1.2.0", "2.0.0"], "1.2.0"],
  ["~1.4", ["v1.4.1", "v1.5.0"], "v1.4.1"],
  ["1.x || >=3.0.0", ["v1.4.1", "v2.0.0", "v3.1.0"], "v3.1.0"],
  ["*", ["v1.0.0", "v2.0.0-rc.1"], "v1.0.0"],
  [">=1.0.0-0", ["v1.0.0", "v2.0.0-rc.1"], "v2.0.0-rc.1"],
  ["^1.2.0-beta", ["v1.2.0-beta.2", "v1.2.0-beta.10", "v1.1.0"], "v1.2.0-beta.10"],
  ["1.2 - 1.4", ["v1.4.9", "v1.5.0-rc.1"], "v1.4.9"],
  ["*", ["v1.0.0", "1.0.0"], "1.0.0"],
  ["*", ["1.0.0", "v1.0.0+2"], "v1.0.0+2"],
  ["^4", ["v1.0.0"], undefined],
])("%s of %j is %s", (semver, tags, expected) => {
  const wanted = parseRef({ semver });
  if (wanted.kind !== "Semver") throw new Error("no range");
  for (const order of [tags, tags.toReversed()]) {
    const output = order.map((tag) => `${a}\trefs/tags/${tag}\n${b}\trefs/tags/${tag}^{}\n`).join("");
    const found = highestTag(output, wanted.range);
    expect([found?.name, found?.object]).toEqual([expected, expected && a]);
  }
});
