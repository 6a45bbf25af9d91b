import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useRemote } from "../../testing/gitRemote.ts";
import type { GitStoreOptions } from "./store.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();
const store = (options?: Partial<GitStoreOptions>) => remote.store(options);

describe("resolving over TLS", () => {
  test("reads the commit with its trailers, free of control characters", async () => {
    const esc = String.fromCharCode(27);
    const message = `Ship ${esc}[31mred${esc}[0m\n\nBody.\n\nFairlead-Prune: confirm\nReviewed-by: A\nReviewed-by: B\n  continued\n`;
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" }, { message });
    const commit = await store().resolve(remote.source(), never);
    expect(commit).toMatchObject({ sha, subject: "Ship red", author: "Ada <ada@example.com>", forced: false });
    expect(commit.trailers["fairlead-prune"]).toEqual(["confirm"]);
    expect(commit.trailers["reviewed-by"]).toEqual(["A", "B continued"]);
    expect(Object.getPrototypeOf(commit.trailers)).toBe(Object.prototype);
  });

  test("costs one ls-remote while nothing changes, and one fetch when something did", async () => {
    const git = store();
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    expect((await remote.requests(() => git.resolve(remote.source(), never))).fetches).toBe(1);
    expect(await remote.requests(() => git.resolve(remote.source(), never))).toEqual({ calls: 1, fetches: 0 });
    const next = remote.repository.commit({ "a.yaml": "a: 2\n" });
    expect(await remote.requests(() => git.resolve(remote.source(), never))).toEqual({ calls: 2, fetches: 1 });
    expect((await git.resolve(remote.source(), never)).sha).toBe(next);
    expect(await remote.requests(() => git.resolve(remote.source({ commit: next }), never))).toEqual({
      calls: 0,
      fetches: 0,
    });
  });

  test("a new process finds what the last one fetched", async () => {
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    await store().resolve(remote.source(), never);
    expect(await remote.requests(() => store().resolve(remote.source(), never))).toEqual({ calls: 1, fetches: 0 });
  });

  test("twenty syncs at once share one ls-remote and one fetch", async () => {
    const git = store();
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    const seen = await remote.requests(async () => {
      const commits = await Promise.all(Array.from({ length: 20 }, () => git.resolve(remote.source(), never)));
      expect(new Set(commits.map((commit) => commit.sha))).toEqual(new Set([sha]));
    });
    expect(seen).toEqual({ calls: 2, fetches: 1 });
  });

  test("tells every sync of a rewritten branch, until it moves on", async () => {
    const git = store();
    const first = remote.repository.commit({ "a.yaml": "a: 1\n" });
    await git.resolve(remote.source(), never);
    remote.repository.commit({ "a.yaml": "a: 2\n" }, { onto: "none" });
    expect((await git.resolve(remote.source(), never)).forced).toBe(true);
    expect((await git.resolve(remote.source(), never)).forced).toBe(true);
    remote.repository.commit({ "a.yaml": "a: 3\n" });
    expect((await git.resolve(remote.source(), never)).forced).toBe(false);
    expect(await git.read(remote.source(), first, [""], yaml, never)).toHaveLength(1);
  });

  test("peels annotated tags and sees them move", async () => {
    const git = store();
    const one = remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.repository.git(["tag", "-a", "-m", "v1", "v1", one]);
    expect((await git.resolve(remote.source({ tag: "v1" }), never)).sha).toBe(one);
    const two = remote.repository.commit({ "a.yaml": "a: 2\n" });
    remote.repository.git(["tag", "-f", "-a", "-m", "v1", "v1", two]);
    expect((await git.resolve(remote.source({ tag: "v1" }), never)).sha).toBe(two);
  });

  test("follows the highest version in a range: one ls-remote while nothing changes", async () => {
    const git = store();
    const one = remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.repository.git(["tag", "-a", "-m", "v1.2.0", "v1.2.0", one]);
    remote.repository.git(["tag", "v2.0.0", one]);
    const ref = { semver: ">=1.2 <2" };
    expect((await git.resolve(remote.source(ref), never)).sha).toBe(one);
    expect(await remote.requests(() => git.resolve(remote.source(ref), never))).toEqual({ calls: 1, fetches: 0 });
    const two = remote.repository.commit({ "a.yaml": "a: 2\n" }, { onto: "none" });
    remote.repository.git(["tag", "v1.10.0", two]);
    // A history that has nothing in common with the former one, and yet another tag is no rewritten history.
    expect(await git.resolve(remote.source(ref), never)).toMatchObject({ sha: two, forced: false });
    await expect(git.resolve(remote.source({ semver: "^3" }), never)).rejects.toMatchObject({
      reason: "RefNotFound",
      message: expect.stringContaining('is a version in semver "^3"'),
    });
  });

  test("follows a full name outside of branches and tags", async () => {
    const git = store();
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.repository.git(["update-ref", "refs/pull/7/head", sha]);
    const source = remote.source({ name: "refs/pull/7/head" });
    expect((await git.resolve(source, never)).sha).toBe(sha);
    expect(await remote.requests(() => git.resolve(source, never))).toEqual({ calls: 1, fetches: 0 });
  });

  test("fetches a pinned commit by its hash, and reads after the cache is gone", async () => {
    const sha = remote.repository.commit({ "d/a.yaml": "a: 1\n" });
    remote.repository.commit({ "d/a.yaml": "a: 2\n" });
    expect((await store().resolve(remote.source({ commit: sha }), never)).sha).toBe(sha);
    const fresh = store({ cacheRoot: `${remote.cacheRoot}-fresh` });
    const [file] = await fresh.read(remote.source(), sha, ["d"], yaml, never);
    expect(Buffer.from(file?.bytes ?? []).toString()).toBe("a: 1\n");
  });

  test("merges packs, so months of commits stay few files", async () => {
    const git = store({ packs: 2 });
    for (let n = 0; n < 2; n += 1) {
      remote.repository.commit({ "a.yaml": `a: ${n}\n` });
      await git.resolve(remote.source(), never);
    }
    const packs = readdirSync(join(remote.cached(), "objects/pack")).filter((f) => f.endsWith(".pack"));
    expect(packs.length).toBe(1);
  });
});
