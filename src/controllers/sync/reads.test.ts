import { expect, test } from "vitest";
import { memoryTree } from "../../testing/memoryTree.ts";
import { answersAlike, recording } from "./reads.ts";

const { signal } = new AbortController();
const files = { "app/kustomization.yaml": "1", "app/README.md": "1", "base/web.yaml": "1", "chart/a/b.yaml": "1" };

/** A rendering that looks for a file and a directory, and reads a file and everything below a directory. */
async function readsOf(tree: Readonly<Record<string, string>>) {
  const { tree: seen, reads } = recording(memoryTree(tree));
  await seen.look(["app/Chart.yaml", "app/kustomization.yaml", "base"], signal);
  await seen.read(["base/web.yaml", "chart"], () => true, signal);
  return reads;
}

test.each<[string, Record<string, string | undefined>, boolean]>([
  ["nothing", {}, true],
  ["a file beside what was read", { "app/README.md": "2", "base/other.yaml": "2" }, true],
  ["a file that was looked at", { "app/kustomization.yaml": "2" }, false],
  ["a file that was read", { "base/web.yaml": "2" }, false],
  ["a file below a directory that was read", { "chart/a/b.yaml": "2" }, false],
  ["a file that comes where there was none", { "app/Chart.yaml": "2" }, false],
  ["a file that goes", { "base/web.yaml": undefined, "base/x.yaml": "1" }, false],
  ["a directory that becomes a file", { "base/web.yaml": undefined, base: "1" }, false],
])("another commit that changes %s answers alike: %s", async (_, changes, alike) => {
  const next = Object.entries({ ...files, ...changes }).filter(([, text]) => text !== undefined);
  const tree = memoryTree(Object.fromEntries(next) as Record<string, string>);
  expect(await answersAlike(tree, await readsOf(files), signal)).toBe(alike);
});
