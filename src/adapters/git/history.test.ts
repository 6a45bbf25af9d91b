import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCommit, readTag } from "../../core/sync/signed.ts";
import { missingParent } from "../../core/sync/trust.ts";
import type { Git } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";

const never = new AbortController().signal;
const remote = useRemote();

const store = (): Git => remote.store();

/** A commit of no files upon others; main goes there. */
function commit(message: string, ...parents: readonly string[]): string {
  const { repository } = remote;
  const tree = repository.git(["mktree"], "");
  const args = parents.flatMap((parent) => ["-p", parent]);
  const sha = repository.git(["commit-tree", "-F", "-", ...args, tree], message);
  repository.git(["update-ref", "refs/heads/main", sha]);
  return sha;
}

async function since(git: Git, sha: string, ...trusted: readonly string[]) {
  const { commits, boundary } = await git.since(remote.source(), sha, trusted, never);
  const read = new Map(commits.map((raw) => [raw.sha, readCommit(raw.bytes)]));
  return { shas: commits.map((raw) => raw.sha), missing: missingParent(read, boundary) };
}

test("A18: tells all commits since the trusted ones, those of merged branches included, and all they stand on", async () => {
  const git = store();
  const first = commit("first");
  const [left, right] = [commit("left", first), commit("right", first)];
  const merge = commit("merge", left, right);
  const head = commit("head", merge);
  await git.resolve(remote.source(), never);
  const all = await since(git, head, first);
  expect([all.shas[0], new Set(all.shas), all.missing]).toEqual([head, new Set([head, merge, left, right]), undefined]);
  expect(new Set((await since(git, head, left)).shas)).toEqual(new Set([head, merge, right]));
  expect((await since(git, head, left)).missing).toBeUndefined();
  // The first ever, one more look, one step back, and a trusted one that nobody has any more.
  expect((await since(git, head)).shas).toEqual([head]);
  expect((await since(git, head, head)).shas).toEqual([head]);
  expect((await since(git, first, head)).shas).toEqual([first]);
  expect((await since(git, head, "1".repeat(40))).shas).toHaveLength(5);
});

test("A18: replace refs, grafts and a shallow boundary hide no commit", async () => {
  const git = store();
  const trusted = commit("trusted");
  const hidden = commit("hidden", trusted);
  const head = commit("head", hidden);
  // At the remote, and as if one had come into the store.
  const other = remote.repository.git([
    "commit-tree",
    "-m",
    "other",
    "-p",
    trusted,
    remote.repository.git(["mktree"], ""),
  ]);
  remote.repository.git(["update-ref", `refs/replace/${head}`, other]);
  await git.resolve(remote.source(), never);
  expect((await since(git, head, trusted)).shas).toEqual([head, hidden]);
  const dir = remote.cached();
  for (const name of ["info", "refs/replace"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "refs/replace", head), `${other}\n`);
  writeFileSync(join(dir, "info/grafts"), `${head} ${trusted}\n`);
  expect((await since(git, head, trusted)).shas).toEqual([head, hidden]);
  // git believes this file: what is missing then is seen, and a new process removes it.
  writeFileSync(join(dir, "shallow"), `${head}\n`);
  expect(await since(git, head, trusted)).toEqual({ shas: [head], missing: hidden });
  expect((await since(store(), head, trusted)).shas).toEqual([head, hidden]);
});

test("A18: a remote that is shallow itself gives nothing", async () => {
  const head = commit("head", commit("hidden"));
  writeFileSync(join(remote.repository.dir, "shallow"), `${head}\n`);
  await expect(store().resolve(remote.source(), never)).rejects.toMatchObject({ name: "GitError" });
});

test("so many commits, or one so large, are an error that says what to do", async () => {
  const lines = Array.from({ length: 1_001 }, (_, n) => {
    const from = n === 0 ? "" : `from :${n}\n`;
    return `commit refs/heads/main\nmark :${n + 1}\ncommitter A <a@example.com> ${n} +0000\ndata 1\nx${from === "" ? "\n" : `\n${from}`}`;
  });
  remote.repository.git(["fast-import", "--quiet", "--force"], lines.join(""));
  const git = store();
  const { sha } = await git.resolve(remote.source(), never);
  const error = { reason: "TooLarge", message: expect.stringContaining("by hand") };
  await expect(since(git, sha, "1".repeat(40))).rejects.toMatchObject(error);
  const large = commit("x".repeat(1024 * 1024), sha);
  await git.resolve(remote.source(), never);
  await expect(since(git, large)).rejects.toMatchObject({ reason: "TooLarge" });
});

test("a tag object is read as it is", async () => {
  const git = store();
  const sha = commit("first");
  remote.repository.git(["tag", "-a", "-m", "Release", "v1", sha]);
  const { tag = "" } = await git.resolve(remote.source({ tag: "v1" }), never);
  const bytes = await git.tag(remote.source(), sha, tag, never);
  expect(readTag(bytes)).toEqual({ object: sha, type: "commit", tag: "v1", signed: { kind: "Unsigned" } });
});
