import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GitFile } from "../../ports/git.ts";
import { createRepository, type TestRepository, type TreeEntry } from "../../testing/gitRepository.ts";
import type { Local } from "./commit.ts";
import { GitObjects } from "./objects.ts";
import { gitEnvironment } from "./settings.ts";
import { lookAt, readTree } from "./tree.ts";

const yaml = (path: string): boolean => /(^|\/)[^.][^/]*\.ya?ml$/.test(path);
const limits = { fileBytes: 1000, totalBytes: 2000, files: 4 };
let root: string;
let repository: TestRepository;
let local: Local;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fairlead-tree-"));
  repository = createRepository(root, "r.git");
  const env = gitEnvironment(repository.dir, root, ["https"], {});
  local = { env, timeoutMs: 5_000, signal: new AbortController().signal, objects: new GitObjects(env) };
});
afterAll(() => {
  local.objects.close();
  rmSync(root, { recursive: true });
});

async function read(files: Readonly<Record<string, TreeEntry>>, ...paths: string[]): Promise<readonly GitFile[]> {
  const at = { sha: repository.commit(files), paths: paths.length === 0 ? [""] : paths, limits };
  return (await readTree(local, at, yaml)).files;
}

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n";

describe("reading a tree", () => {
  test("gives the wanted files below the path, sorted, with their content", async () => {
    const files = { "d/b.yaml": "b: ö\n", "d/a/a.yml": "", "d/README.md": "x", "da/c.yaml": "c\n", "e.yaml": "e\n" };
    const found = await read(files, "d");
    expect(found.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual([
      ["d/a/a.yml", ""],
      ["d/b.yaml", "b: ö\n"],
    ]);
  });

  test("gives the files of several paths, each once", async () => {
    const files = { "d/a.yaml": "a", "d/e/b.yaml": "b", "f/c.yaml": "c", "g/d.yaml": "d" };
    const found = await read(files, "f/c.yaml", "d/e", "d/e/b.yaml", "d");
    expect(found.map(({ path }) => path)).toEqual(["d/a.yaml", "d/e/b.yaml", "f/c.yaml"]);
  });

  test("a path may be one file, and a name with spaces and line breaks", async () => {
    expect((await read({ "d/a.yaml": "a\n" }, "d/a.yaml")).map(({ path }) => path)).toEqual(["d/a.yaml"]);
    expect((await read({ "d/ü \n.yaml": "a\n" }, "d")).map(({ path }) => path)).toEqual(["d/ü \n.yaml"]);
  });

  test("the hash changes with what is below the path, and only then", async () => {
    const hashes: (string | undefined)[] = [];
    for (const files of [{ "d/a.yaml": "1" }, { "d/a.yaml": "1", "e.yaml": "2" }, { "d/a.yaml": "2" }]) {
      hashes.push((await lookAt(local, repository.commit(files), ["d"])).get("d")?.hash);
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{40}$/);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  test("a look tells what stands at each path, also at one that leads through another", async () => {
    const sub = { submodule: "1".repeat(40) };
    const sha = repository.commit({ "d/e/a.yaml": "1", "d/link": { link: "e" }, "d/sub": sub });
    const paths = ["", "d", "d/e", "d/e/a.yaml", "d/link", "d/sub", "d/gone", "d/link/a.yaml"];
    const found = await lookAt(local, sha, paths);
    expect(paths.map((path) => found.get(path)?.kind)).toEqual([
      "Directory",
      "Directory",
      "Directory",
      "File",
      "Link",
      "Submodule",
      undefined,
      undefined,
    ]);
  });

  test("a look at thousands of paths is answered", async () => {
    const paths = Array.from({ length: 1_201 }, (_, n) => `d/${n}.yaml`);
    const sha = repository.commit(Object.fromEntries(paths.map((path) => [path, path])));
    expect((await lookAt(local, sha, paths)).size).toBe(1_201);
  });

  test("leaves out other links and unwanted LFS pointers, and names submodules", async () => {
    const found = await read({
      "a.yaml": "a\n",
      sub: { submodule: "1".repeat(40) },
      "README.md": { link: "a.yaml" },
      dangling: { link: "nowhere" },
      loop: { link: "loop" },
      "logo.png": pointer,
    });
    expect(found.map(({ path }) => path)).toEqual(["a.yaml"]);
  });
});

describe("refusing", () => {
  test.each<[string, Record<string, TreeEntry>, string, string, string]>([
    ["A06: the path is a link", { deploy: { link: "/" }, "a.yaml": "a" }, "deploy", "SymlinkRefused", "deploy"],
    ["A06: a link on the way", { d: { link: "e" }, "e/x/a.yaml": "a" }, "d/x", "SymlinkRefused", "d"],
    [
      "A06: a manifest is a link to a secret",
      { "a.yaml": { link: "/var/run/secrets/token" } },
      "",
      "SymlinkRefused",
      "a.yaml",
    ],
    ["A06: a manifest is a link to itself", { "d/a.yaml": { link: "a.yaml" } }, "d", "SymlinkRefused", "d/a.yaml"],
    ["A06: a link to a directory", { "d/more": { link: "../e" }, "e/a.yaml": "a" }, "d", "SymlinkRefused", "d/more"],
    [
      "A06: a link out of the repository",
      { "d/x": { link: "../../other" }, "d/a.yaml": "a" },
      "d",
      "SymlinkRefused",
      "d/x",
    ],
    ["a missing path", { "a.yaml": "a" }, "deploy", "PathNotFound", "deploy"],
    ["a path below a file", { a: "a" }, "a/b", "PathNotFound", "a/b"],
    ["A10: a large file", { "d/a.yaml": "x".repeat(1001) }, "d", "TooLarge", "d/a.yaml has 1001 bytes"],
    [
      "A10: large files together",
      Object.fromEntries([1, 2, 3].map((n) => [`${n}.yaml`, `${n}${"x".repeat(900)}`])),
      "",
      "TooLarge",
      "together",
    ],
    [
      "A10: many files",
      Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`${n}.yaml`, "a"])),
      "",
      "TooLarge",
      "5 manifest files",
    ],
  ])("%s", async (_name, files, path, reason, words) => {
    await expect(read(files, path)).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  test("an abort ends the reading", async () => {
    const sha = repository.commit({ "a.yaml": "a" });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(readTree({ ...local, signal }, { sha, paths: [""], limits }, yaml)).rejects.toThrow("enough");
  });
});
