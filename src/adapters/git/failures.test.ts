import { once } from "node:events";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { GitSource } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { createRepository } from "../../testing/gitRepository.ts";
import type { HostPolicy } from "./hosts.ts";
import type { GitStoreOptions } from "./store.ts";

const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");
const remote = useRemote();
const store = (options?: Partial<GitStoreOptions>) => remote.store(options);

/** The text once, and without end when the time has come. */
async function* endless(text: string, when: Promise<void>): AsyncGenerator<string> {
  yield text;
  await when;
  for (;;) yield text;
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

  test.each<[number, Record<string, string>, string, number | undefined]>([
    [401, {}, "AuthFailed", undefined],
    [403, {}, "AccessDenied", undefined],
    [404, {}, "RepositoryNotFound", undefined],
    [429, { "retry-after": "7" }, "RateLimited", 7_000],
    [503, { "Retry-After": "120" }, "HostError", 120_000],
  ])("E41: the server answers %i with %j", async (status, headers, reason, retryAfterMs) => {
    remote.server.answer = (_request, response) => void response.writeHead(status, headers).end();
    await expect(store().resolve(remote.source(), never)).rejects.toMatchObject({ reason, retryAfterMs });
  });

  test("A08: a redirect is not followed, and no credential goes there", async () => {
    let called = 0;
    const canary = createServer((_request, response) => {
      called += 1;
      response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(canary, "listening");
    const { port } = canary.address() as AddressInfo;
    remote.server.answer = (_request, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${port}/x.git/info/refs` }).end();
    };
    const failed = store().resolve(remote.source({ branch: "main" }, { bearerToken: "t" }), never);
    await expect(failed).rejects.toMatchObject({ reason: "InvalidURL", message: expect.stringContaining("final URL") });
    expect(called).toBe(0);
    canary.close();
  });

  test.each<[string, HostPolicy]>([
    ["by its address", { addresses: "private" }],
    ["by its name", { hosts: ["git.example.com"], addresses: "any" }],
  ])("A08: a host that is not allowed %s is not connected to", async (_name, hosts) => {
    const seen = await remote.requests(async () => {
      await expect(store({ hosts }).resolve(remote.source(), never)).rejects.toMatchObject({ reason: "HostRefused" });
    });
    expect(seen).toEqual({ calls: 0, fetches: 0 });
  });

  test("A10: a server that never answers is left after the timeout, and the next call works", async () => {
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

  test.each<[string, Partial<GitStoreOptions>, string]>([
    ["bytes", { repositoryBytes: 100 }, "100 bytes"],
    ["objects", { repositoryObjects: 2 }, "2 objects"],
  ])("A10: a repository of more %s than its bound is refused and removed", async (_name, options, words) => {
    remote.repository.commit({ "a.yaml": "x".repeat(1_000) });
    await expect(store(options).resolve(remote.source(), never)).rejects.toMatchObject({
      reason: "TooLarge",
      message: expect.stringContaining(words),
    });
    expect(readdirSync(remote.cacheRoot)).toEqual([]);
  });

  test("A10: a content that unpacks without end goes through in pieces, and is refused where it is wanted", async () => {
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n", "d/bomb.yaml": "\0".repeat(24 * 1024 * 1024) });
    const git = store({ processBytes: 80 * 1024 * 1024 });
    expect((await git.resolve(remote.source(), never)).sha).toBe(sha);
    expect(await git.read(remote.source(), sha, ["a.yaml"], yaml, never)).toHaveLength(1);
    await expect(git.read(remote.source(), sha, [""], yaml, never)).rejects.toMatchObject({ reason: "TooLarge" });
  });

  test("A10: a list of references without end costs bounded memory, and nobody else waits for it", async () => {
    const other = createRepository(remote.root, "other.git");
    other.commit({ "a.yaml": "a: 1\n" });
    remote.repository.commit({ "a.yaml": "a: 1\n" });
    const git = store({ processBytes: 96 * 1024 * 1024 });
    const served = Promise.withResolvers<void>();
    remote.server.answer = (request, response, serve) => {
      if (request.method === "GET" || request.url?.startsWith("/other")) return serve();
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-result" });
      const line = `0049${"a".repeat(40)} refs/heads/some-branch-name\n`;
      Readable.from(endless(line.repeat(10_000), served.promise))
        .on("error", () => undefined)
        .pipe(response);
      request.resume();
    };
    const flooded = git.resolve(remote.source(), never);
    const beside = { ...remote.source(), url: `${remote.server.url}/other.git` };
    expect(await git.resolve(beside, never)).toMatchObject({ subject: "change" });
    served.resolve();
    await expect(flooded).rejects.toMatchObject({ reason: "TooLarge" });
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
