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
    expect(commit).toMatchObject({ sha, subject: "Ship red", author: "Ada <ada@example.com>", ref: "refs/heads/main" });
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

  test("tells a rewritten branch from one that went on, also with a store that never saw the former commit", async () => {
    const git = store();
    const first = remote.repository.commit({ "a.yaml": "a: 1\n" });
    await git.resolve(remote.source(), never);
    const second = remote.repository.commit({ "a.yaml": "a: 2\n" });
    const other = remote.repository.commit({ "a.yaml": "a: 3\n" }, { onto: "none" });
    await git.resolve(remote.source(), never);
    for (const one of [git, store({ cacheRoot: `${remote.cacheRoot}-fresh` })]) {
      expect(await one.descends(remote.source(), second, first, never)).toBe(true);
      expect(await one.descends(remote.source(), other, first, never)).toBe(false);
      expect(await one.descends(remote.source(), first, second, never)).toBe(false);
    }
    expect(await git.read(remote.source(), first, [""], yaml, never)).toHaveLength(1);
  });

  test("one answer serves everybody who is content with its age; a later push wants a later one", async () => {
    const git = store();
    const first = remote.repository.commit({ "a.yaml": "a: 1\n" });
    const { askedAt } = await git.resolve(remote.source(), never);
    remote.repository.commit({ "a.yaml": "a: 2\n" });
    const seen = await remote.requests(async () => {
      const many = Array.from({ length: 20 }, () => git.resolve(remote.source(), never, askedAt - 1));
      for (const { sha } of await Promise.all(many)) expect(sha).toBe(first);
    });
    expect(seen).toEqual({ calls: 0, fetches: 0 });
    expect(await remote.requests(() => git.resolve(remote.source(), never, askedAt))).toEqual({ calls: 2, fetches: 1 });
  });

  test("a host that is down is asked once for all as well", async () => {
    const git = store();
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.server.answer = (_request, response) => void response.writeHead(503).end();
    const since = Date.now() - 1;
    const { calls } = await remote.requests(async () => {
      for (let n = 0; n < 5; n += 1) {
        await expect(git.resolve(remote.source(), never, since)).rejects.toMatchObject({ reason: "HostError" });
      }
    });
    expect(calls).toBe(1);
    remote.server.answer = undefined;
    await git.resolve(remote.source(), never);
  });

  test("peels annotated tags and sees them move", async () => {
    const git = store();
    const one = remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.repository.git(["tag", "-a", "-m", "v1", "v1", one]);
    expect((await git.resolve(remote.source({ tag: "v1" }), never)).sha).toBe(one);
    const two = remote.repository.commit({ "a.yaml": "a: 2\n" });
    remote.repository.git(["tag", "-f", "-a", "-m", "v1", "v1", two]);
    const moved = await git.resolve(remote.source({ tag: "v1" }), never);
    expect(moved).toMatchObject({ sha: two, ref: "refs/tags/v1", tag: expect.stringMatching(/^[0-9a-f]{40}$/) });
    remote.repository.git(["tag", "-f", "-a", "-m", "v1, told anew", "v1", two]);
    const anew = await git.resolve(remote.source({ tag: "v1" }), never);
    expect([anew.sha, anew.tag === moved.tag]).toEqual([two, false]);
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
    expect(await git.resolve(remote.source(ref), never)).toMatchObject({ sha: two, ref: "refs/tags/v1.10.0" });
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
