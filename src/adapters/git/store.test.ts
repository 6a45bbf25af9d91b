import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Git, GitCredentials, GitRef, GitSource } from "../../ports/git.ts";
import { type GitHttpServer, selfSigned, serveGit } from "../../testing/gitHttpServer.ts";
import { createRepository, type TestRepository } from "../../testing/gitRepository.ts";
import { createGit, type GitStoreOptions } from "./store.ts";

const certificate = selfSigned();
const never = new AbortController().signal;
const yaml = (path: string): boolean => path.endsWith(".yaml");

let root: string;
let server: GitHttpServer;
let repository: TestRepository;
let count = 0;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fairlead-git-"));
  server = await serveGit(join(root, "remote"), certificate);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  count += 1;
  repository = createRepository(join(root, "remote"), `r${count}.git`);
});
afterEach(() => {
  server.answer = undefined;
  server.authorization = undefined;
});

function source(ref: GitRef = { branch: "main" }, credentials: GitCredentials = {}, timeoutMs = 10_000): GitSource {
  return {
    url: `${server.url}/r${count}.git`,
    ref,
    credentials: { caCert: certificate.cert, ...credentials },
    timeoutMs,
  };
}

function store(options: Partial<GitStoreOptions> = {}): Git {
  return createGit({ cacheRoot: join(root, `cache${count}`), tempRoot: join(root, `temp${count}`), ...options });
}

async function requests(work: () => Promise<unknown>): Promise<{ calls: number; fetches: number }> {
  const before = { ...server.seen };
  await work();
  return { calls: server.seen.advertisements - before.advertisements, fetches: server.seen.fetches - before.fetches };
}

describe("resolving over TLS", () => {
  test("reads the commit with its trailers, free of control characters", async () => {
    const esc = String.fromCharCode(27);
    const message = `Ship ${esc}[31mred${esc}[0m\n\nBody.\n\nFairlead-Prune: confirm\nReviewed-by: A\nReviewed-by: B\n  continued\n`;
    const sha = repository.commit({ "a.yaml": "a: 1\n" }, { message });
    const commit = await store().resolve(source(), never);
    expect(commit).toMatchObject({ sha, subject: "Ship red", author: "Ada <ada@example.com>", forced: false });
    expect(commit.trailers["fairlead-prune"]).toEqual(["confirm"]);
    expect(commit.trailers["reviewed-by"]).toEqual(["A", "B continued"]);
    expect(Object.getPrototypeOf(commit.trailers)).toBe(Object.prototype);
  });

  test("costs one ls-remote while nothing changes, and one fetch when something did", async () => {
    const git = store();
    repository.commit({ "a.yaml": "a: 1\n" });
    expect((await requests(() => git.resolve(source(), never))).fetches).toBe(1);
    expect(await requests(() => git.resolve(source(), never))).toEqual({ calls: 1, fetches: 0 });
    const next = repository.commit({ "a.yaml": "a: 2\n" });
    expect(await requests(() => git.resolve(source(), never))).toEqual({ calls: 2, fetches: 1 });
    expect((await git.resolve(source(), never)).sha).toBe(next);
    expect(await requests(() => git.resolve(source({ commit: next }), never))).toEqual({ calls: 0, fetches: 0 });
  });

  test("a new process finds what the last one fetched", async () => {
    repository.commit({ "a.yaml": "a: 1\n" });
    await store().resolve(source(), never);
    expect(await requests(() => store().resolve(source(), never))).toEqual({ calls: 1, fetches: 0 });
  });

  test("twenty syncs at once share one ls-remote and one fetch", async () => {
    const git = store();
    const sha = repository.commit({ "a.yaml": "a: 1\n" });
    const seen = await requests(async () => {
      const commits = await Promise.all(Array.from({ length: 20 }, () => git.resolve(source(), never)));
      expect(new Set(commits.map((commit) => commit.sha))).toEqual(new Set([sha]));
    });
    expect(seen).toEqual({ calls: 2, fetches: 1 });
  });

  test("tells every sync of a rewritten branch, until it moves on", async () => {
    const git = store();
    const first = repository.commit({ "a.yaml": "a: 1\n" });
    await git.resolve(source(), never);
    repository.commit({ "a.yaml": "a: 2\n" }, { onto: "none" });
    expect((await git.resolve(source(), never)).forced).toBe(true);
    expect((await git.resolve(source(), never)).forced).toBe(true);
    repository.commit({ "a.yaml": "a: 3\n" });
    expect((await git.resolve(source(), never)).forced).toBe(false);
    expect((await git.read(source(), first, "", yaml, never)).files).toHaveLength(1);
  });

  test("peels annotated tags and sees them move", async () => {
    const git = store();
    const one = repository.commit({ "a.yaml": "a: 1\n" });
    repository.git(["tag", "-a", "-m", "v1", "v1", one]);
    expect((await git.resolve(source({ tag: "v1" }), never)).sha).toBe(one);
    const two = repository.commit({ "a.yaml": "a: 2\n" });
    repository.git(["tag", "-f", "-a", "-m", "v1", "v1", two]);
    expect((await git.resolve(source({ tag: "v1" }), never)).sha).toBe(two);
  });

  test("fetches a pinned commit by its hash, and reads after the cache is gone", async () => {
    const sha = repository.commit({ "d/a.yaml": "a: 1\n" });
    repository.commit({ "d/a.yaml": "a: 2\n" });
    expect((await store().resolve(source({ commit: sha }), never)).sha).toBe(sha);
    const fresh = store({ cacheRoot: join(root, `fresh${count}`) });
    const tree = await fresh.read(source(), sha, "d", yaml, never);
    expect(Buffer.from(tree.files[0]?.bytes ?? []).toString()).toBe("a: 1\n");
  });

  test("merges packs, so months of commits stay few files", async () => {
    const git = store({ packs: 3 });
    for (let n = 0; n < 4; n += 1) {
      repository.commit({ "a.yaml": `a: ${n}\n` });
      await git.resolve(source(), never);
    }
    const [name = ""] = readdirSync(join(root, `cache${count}`));
    const packs = readdirSync(join(root, `cache${count}`, name, "objects/pack")).filter((f) => f.endsWith(".pack"));
    expect(packs.length).toBeLessThan(3);
  });
});

describe("credentials", () => {
  test.each<[string, GitCredentials, string]>([
    [
      "a password",
      { username: "bot", password: "s3cret-päss\n" },
      `Basic ${Buffer.from("bot:s3cret-päss").toString("base64")}`,
    ],
    ["a bearer token", { bearerToken: 'tok"en\\x' }, 'Bearer tok"en\\x'],
  ])("%s reaches the server and leaves no file behind", async (_name, credentials, header) => {
    server.authorization = header;
    const sha = repository.commit({ "a.yaml": "a: 1\n" });
    expect((await store().resolve(source({ branch: "main" }, credentials), never)).sha).toBe(sha);
    expect(readdirSync(join(root, `temp${count}`))).toEqual([]);
    expect(readdirSync(join(root, `cache${count}`)).join()).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a wrong one is AuthFailed and is not shown; the right one helps at once", async () => {
    const git = store();
    repository.commit({ "a.yaml": "a: 1\n" });
    server.authorization = "Bearer right-token";
    const failed = git.resolve(source({ branch: "main" }, { bearerToken: "wrong-token" }), never);
    await expect(failed).rejects.toMatchObject({
      reason: "AuthFailed",
      message: expect.not.stringContaining("wrong-token"),
    });
    await expect(git.resolve(source({ branch: "main" }, { bearerToken: "right-token" }), never)).resolves.toBeDefined();
  });

  test("never stand in the arguments or the environment of a process", async () => {
    repository.commit({ "a.yaml": "a: 1\n" });
    let seen = "";
    server.answer = (_request, response) => {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        for (const file of ["cmdline", "environ"]) {
          try {
            const text = readFileSync(`/proc/${pid}/${file}`, "latin1");
            if (text.includes(`r${count}.git`) || text.includes(`cache${count}`)) seen += text;
          } catch {
            // the process ended, or is not ours
          }
        }
      }
      response.writeHead(403).end();
    };
    const credentials = { username: "bot", password: "hunter2hunter2" };
    await expect(store().resolve(source({ branch: "main" }, credentials), never)).rejects.toMatchObject({
      reason: "AuthFailed",
    });
    expect(seen).toContain("ls-remote");
    expect(seen).not.toContain("hunter2");
    expect(seen).not.toContain(Buffer.from("bot:hunter2hunter2").toString("base64"));
  });
});

describe("failures", () => {
  test("a missing branch is told with the default branch", async () => {
    repository.commit({ "a.yaml": "a: 1\n" });
    await expect(store().resolve(source({ branch: "gone" }), never)).rejects.toMatchObject({
      reason: "RefNotFound",
      message: expect.stringContaining('its default branch is "main"'),
    });
    await expect(store().resolve(source({ commit: "1".repeat(40) }), never)).rejects.toMatchObject({
      reason: "RefNotFound",
    });
  });

  test.each<[string, Partial<GitSource>, string]>([
    ["no such repository", { url: "missing.git" }, "RepositoryNotFound"],
    ["an authority that is not trusted", { credentials: {} }, "TLSFailed"],
  ])("%s", async (_name, change, reason) => {
    const url = change.url === undefined ? source().url : `${server.url}/${change.url}`;
    await expect(store().resolve({ ...source(), ...change, url }, never)).rejects.toMatchObject({ reason });
  });

  test.each([
    [301, "InvalidURL"],
    [403, "AuthFailed"],
    [429, "HostUnreachable"],
    [503, "HostUnreachable"],
  ])("the server answers %i", async (status, reason) => {
    server.answer = (_request, response) => {
      response.writeHead(status, { location: `${server.url}/elsewhere.git/info/refs` }).end();
    };
    await expect(store().resolve(source(), never)).rejects.toMatchObject({ reason });
  });

  test("a server that never answers is left after the timeout, and the next call works", async () => {
    const git = store();
    repository.commit({ "a.yaml": "a: 1\n" });
    server.answer = () => undefined;
    await expect(git.resolve(source({ branch: "main" }, {}, 150), never)).rejects.toMatchObject({ reason: "Timeout" });
    server.answer = undefined;
    await expect(git.resolve(source(), never)).resolves.toBeDefined();
    await expect.poll(() => server.seen.open, { timeout: 3000 }).toBe(0);
  });

  test("one who leaves does not end the work of the others", async () => {
    const git = store();
    const sha = repository.commit({ "a.yaml": "a: 1\n" });
    const leaver = new AbortController();
    const left = git.resolve(source(), leaver.signal);
    const stays = git.resolve(source(), never);
    leaver.abort(new Error("deleted"));
    await expect(left).rejects.toThrow("deleted");
    expect((await stays).sha).toBe(sha);
  });

  test("a repository beyond its bound is refused and removed", async () => {
    repository.commit({ "a.yaml": "x".repeat(10_000) });
    const git = store({ repositoryBytes: 100 });
    await expect(git.resolve(source(), never)).rejects.toMatchObject({ reason: "TooLarge" });
  });

  test("a store with holes is thrown away and fetched anew", async () => {
    const git = store();
    const sha = repository.commit({ "a.yaml": "a: 1\n" });
    await git.resolve(source(), never);
    const [name = ""] = readdirSync(join(root, `cache${count}`));
    const packs = join(root, `cache${count}`, name, "objects/pack");
    for (const file of readdirSync(packs)) rmSync(join(packs, file), { force: true });
    await git.read(source(), sha, "", yaml, never).catch(() => undefined);
    await git.resolve(source(), never).catch(() => undefined);
    expect((await git.read(source(), sha, "", yaml, never)).files).toHaveLength(1);
  });

  test("a branch may take the place of a branch with its name as directory", async () => {
    const git = store();
    repository.commit({ "a.yaml": "a: 1\n" }, { branch: "x" });
    await git.resolve(source({ branch: "x" }), never);
    repository.git(["update-ref", "-d", "refs/heads/x"]);
    const sha = repository.commit({ "a.yaml": "a: 2\n" }, { branch: "x/y" });
    expect((await git.resolve(source({ branch: "x/y" }), never)).sha).toBe(sha);
  });

  test("locks and half packs of a killed process do not block", async () => {
    repository.commit({ "a.yaml": "a: 1\n" });
    await store().resolve(source(), never);
    const [name = ""] = readdirSync(join(root, `cache${count}`));
    const dir = join(root, `cache${count}`, name);
    const [ref = ""] = readdirSync(join(dir, "refs/fairlead/heads"));
    writeFileSync(join(dir, `refs/fairlead/heads/${ref}.lock`), "");
    writeFileSync(join(dir, "objects/pack/tmp_pack_x"), "");
    const next = repository.commit({ "a.yaml": "a: 2\n" });
    expect((await store().resolve(source(), never)).sha).toBe(next);
    expect(existsSync(join(dir, "objects/pack/tmp_pack_x"))).toBe(false);
  });
});

describe("attacks run nothing", () => {
  test("a store with hostile config and hooks, and a repository with lookalikes", async () => {
    const canary = join(root, `canary${count}`);
    const run = `touch ${canary}`;
    repository.commit({
      "a.yaml": "a: 1\n",
      ".gitattributes": "* filter=evil diff=evil\n",
      ".gitconfig": `[core]\n\tfsmonitor = ${run}\n`,
      "hooks/post-checkout": `#!/bin/sh\n${run}\n`,
      sub: { submodule: "1".repeat(40) },
    });
    await store().resolve(source(), never);
    const [name = ""] = readdirSync(join(root, `cache${count}`));
    const dir = join(root, `cache${count}`, name);
    const evil = ["fsmonitor", "sshCommand", "askPass", "gitProxy", "pager", "editor"].map(
      (key) => `\t${key} = ${run}\n`,
    );
    writeFileSync(
      join(dir, "config"),
      `[core]\n\thooksPath = ${dir}/hooks\n${evil.join("")}[credential]\n\thelper = !${run}\n[url "file:///"]\n\tinsteadOf = https://\n`,
    );
    mkdirSync(join(dir, "hooks"), { recursive: true });
    for (const hook of ["reference-transaction", "post-checkout", "pre-auto-gc", "post-merge"]) {
      writeFileSync(join(dir, "hooks", hook), `#!/bin/sh\n${run}\n`, { mode: 0o755 });
    }
    const next = repository.commit({ "a.yaml": "a: 2\n", sub: { submodule: "1".repeat(40) } });
    const git = store();
    expect((await git.resolve(source(), never)).sha).toBe(next);
    expect((await git.read(source(), next, "", yaml, never)).files.map((file) => file.path)).toEqual(["a.yaml"]);
    expect(existsSync(canary)).toBe(false);
  });

  test.each([
    ["ext::sh -c touch% CANARY", { branch: "main" }],
    ["ext::sh", { branch: "main" }],
    ["ssh://-oProxyCommand=touch%20CANARY/x", { branch: "main" }],
    ["--upload-pack=touch CANARY", { branch: "main" }],
    ["https://localhost/x", { branch: "--upload-pack=touch CANARY" }],
    ["https://localhost/x", { branch: "refs/heads/$(touch CANARY)" }],
    ["https://localhost/x", { tag: "`touch CANARY`" }],
  ])("%s with %j", async (url, ref) => {
    const canary = join(root, "canary");
    const filled = JSON.parse(JSON.stringify(ref).replaceAll("CANARY", canary)) as GitRef;
    const hostile = { ...source(filled), url: url.replaceAll("CANARY", canary) };
    await expect(store().resolve(hostile, never)).rejects.toMatchObject({ reason: expect.stringMatching(/^Invalid/) });
    expect(existsSync(canary)).toBe(false);
  });
});
