import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Git, GitSource } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { createGit, type GitStoreOptions } from "./store.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();

function store(options: Partial<GitStoreOptions> = {}): Git {
  return createGit({ cacheRoot: remote.cacheRoot, tempRoot: remote.tempRoot, ...options });
}

describe("failures", () => {
  test("a missing branch is told with the default branch", async () => {
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    await expect(store().resolve(remote.source({ branch: "gone" }), never)).rejects.toMatchObject({
      reason: "RefNotFound",
      message: expect.stringContaining('its default branch is "main"'),
    });
    await expect(store().resolve(remote.source({ commit: "1".repeat(40) }), never)).rejects.toMatchObject({
      reason: "RefNotFound",
    });
  });

  test.each<[string, Partial<GitSource>, string]>([
    ["no such repository", { url: "missing.git" }, "RepositoryNotFound"],
    ["an authority that is not trusted", { credentials: {} }, "TLSFailed"],
  ])("%s", async (_name, change, reason) => {
    const url = change.url === undefined ? remote.source().url : `${remote.server.url}/${change.url}`;
    await expect(store().resolve({ ...remote.source(), ...change, url }, never)).rejects.toMatchObject({ reason });
  });

  test.each([
    [301, "InvalidURL"],
    [403, "AuthFailed"],
    [429, "HostUnreachable"],
    [503, "HostUnreachable"],
  ])("the server answers %i", async (status, reason) => {
    remote.server.answer = (_request, response) => {
      response.writeHead(status, { location: `${remote.server.url}/elsewhere.git/info/refs` }).end();
    };
    await expect(store().resolve(remote.source(), never)).rejects.toMatchObject({ reason });
  });

  test("a server that never answers is left after the timeout, and the next call works", async () => {
    const git = store();
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    remote.server.answer = () => undefined;
    await expect(git.resolve(remote.source({ branch: "main" }, {}, 150), never)).rejects.toMatchObject({
      reason: "Timeout",
    });
    remote.server.answer = undefined;
    await expect(git.resolve(remote.source(), never)).resolves.toBeDefined();
    await expect.poll(() => remote.server.seen.open, { timeout: 3000 }).toBe(0);
  });

  test("one who leaves does not end the work of the others", async () => {
    const git = store();
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    const leaver = new AbortController();
    const left = git.resolve(remote.source(), leaver.signal);
    const stays = git.resolve(remote.source(), never);
    leaver.abort(new Error("deleted"));
    await expect(left).rejects.toThrow("deleted");
    expect((await stays).sha).toBe(sha);
  });

  test("a repository beyond its bound is refused and removed", async () => {
    remote.repository.commit({ "a.yaml": "x".repeat(10_000) });
    const git = store({ repositoryBytes: 100 });
    await expect(git.resolve(remote.source(), never)).rejects.toMatchObject({ reason: "TooLarge" });
  });

  test("a store with holes is thrown away and fetched anew", async () => {
    const git = store();
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    await git.resolve(remote.source(), never);
    const packs = join(remote.cached(), "objects/pack");
    for (const file of readdirSync(packs)) rmSync(join(packs, file), { force: true });
    await git.read(remote.source(), sha, [""], yaml, never).catch(() => undefined);
    await git.resolve(remote.source(), never).catch(() => undefined);
    expect(await git.read(remote.source(), sha, [""], yaml, never)).toHaveLength(1);
  });

  test("a branch may take the place of a branch with its name as directory", async () => {
    const git = store();
    remote.repository.commit({ "a.yaml": "a: 1\n" }, { branch: "x" });
    await git.resolve(remote.source({ branch: "x" }), never);
    remote.repository.git(["update-ref", "-d", "refs/heads/x"]);
    const sha = remote.repository.commit({ "a.yaml": "a: 2\n" }, { branch: "x/y" });
    expect((await git.resolve(remote.source({ branch: "x/y" }), never)).sha).toBe(sha);
  });

  test("locks and half packs of a killed process do not block", async () => {
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    await store().resolve(remote.source(), never);
    const dir = remote.cached();
    const [ref = ""] = readdirSync(join(dir, "refs/fairlead/heads"));
    writeFileSync(join(dir, `refs/fairlead/heads/${ref}.lock`), "");
    writeFileSync(join(dir, "objects/pack/tmp_pack_x"), "");
    const next = remote.repository.commit({ "a.yaml": "a: 2\n" });
    expect((await store().resolve(remote.source(), never)).sha).toBe(next);
    expect(existsSync(join(dir, "objects/pack/tmp_pack_x"))).toBe(false);
  });
});
