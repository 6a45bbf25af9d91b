import { expect, test } from "vitest";
import { missingParent, type SignatureVerdict, tagProblem, trustOf } from "./trust.ts";

const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(40)) as [string, string, string];
const good: SignatureVerdict = { kind: "Good", signer: "SSH SHA256:x" };
const bad: SignatureVerdict = { kind: "Bad", why: "is not signed" };
const unsigned = { kind: "Unsigned" } as const;

test.each([
  ["every commit is good", undefined, [good, good], undefined],
  ["one of many is not", undefined, [good, bad], `1 of 2 commits cannot be trusted: ${"b".repeat(12)} is not signed`],
  ["the only one is not", undefined, [bad], `the commit cannot be trusted: ${"a".repeat(12)} is not signed`],
  ["the tag is good", good, [], undefined],
  ["the tag is not, whatever the commits are", bad, [good], "the tag v1 is not signed"],
  ["the tag is good, a commit is not", good, [bad], `the commit cannot be trusted: ${"a".repeat(12)} is not signed`],
])("%s", (_, tag, verdicts, message) => {
  const commits = verdicts.map((verdict, n) => ({ sha: [a, b][n] ?? c, verdict }));
  const trust = trustOf(tag, commits, "v1");
  expect(trust.kind === "Distrusted" ? trust.message : undefined).toBe(message);
});

test("a parent that is neither judged nor trusted is missing", () => {
  const commits = new Map([
    [a, { parents: [b, c], signed: unsigned }],
    [b, { parents: [], signed: unsigned }],
  ]);
  expect(missingParent(commits, new Set([c]))).toBeUndefined();
  expect(missingParent(commits, new Set())).toBe(c);
});

test.each([
  ["another name", { tag: "v2", type: "commit", object: a }, "under another name"],
  ["a tree", { tag: "v1", type: "tree", object: a }, "other than the commit"],
  ["another commit", { tag: "v1", type: "commit", object: b }, "other than the commit"],
])("a tag that was signed for %s does not pass", (_, tag, why) => {
  expect(tagProblem({ ...tag, signed: unsigned }, "refs/tags/v1", a)).toContain(why);
  expect(tagProblem({ tag: "v1", type: "commit", object: a, signed: unsigned }, "refs/tags/v1", a)).toBeUndefined();
});
