import { expect, test } from "vitest";
import { mayHaveMoved, moveOf } from "./move.ts";

const [a, b] = ["a".repeat(40), "b".repeat(40)];
const url = "https://git.example.com/shop.git";
const main = "refs/heads/main";
const tag = "refs/tags/v1";

test.each([
  ["nothing was followed before", undefined, { ref: main, sha: b }, false],
  ["another repository was followed", { url: `${url}2`, ref: main, sha: a }, { ref: main, sha: b }, false],
  ["the same commit", { ref: main, sha: a }, { ref: main, sha: a }, false],
  ["another branch was followed", { ref: main, sha: a }, { ref: "refs/heads/prod", sha: b }, false],
  ["the next tag of a range", { ref: tag, sha: a }, { ref: "refs/tags/v2", sha: b }, false],
  ["a pinned commit was changed", { sha: a }, { sha: b }, false],
  ["the branch is at another commit", { ref: main, sha: a }, { ref: main, sha: b }, true],
  ["the tag names another commit", { ref: tag, sha: a }, { ref: tag, sha: b }, true],
])("is asked about only where a ref can have moved: %s", (_, former, now, expected) => {
  expect(mayHaveMoved(former && { url, ...former }, { url, ...now })).toBe(expected);
});

test.each([
  [main, true, undefined],
  [main, false, `the history of main was rewritten: aaaaaaaa is no ancestor of ${b}`],
  [tag, true, `the tag v1 was moved from aaaaaaaa to ${b}`],
  [tag, false, `the tag v1 was moved from aaaaaaaa to ${b}`],
])("%s, descends: %s", (ref, descends, message) => {
  const move = moveOf({ url, ref, sha: a }, { url, ref, sha: b }, descends);
  expect(move.kind === "Unusual" ? move.message : undefined).toBe(message);
});
