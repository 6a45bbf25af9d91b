import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRepository, type TestRepository } from "../../testing/gitRepository.ts";
import { GitObjects } from "./objects.ts";
import { gitEnvironment } from "./settings.ts";
import { readTree } from "./tree.ts";

const patience = { timeoutMs: 5_000, signal: new AbortController().signal };
let root: string;
let repository: TestRepository;
let env: Readonly<Record<string, string>>;
let objects: GitObjects;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fairlead-objects-"));
  repository = createRepository(root, "r.git");
  env = gitEnvironment(repository.dir, root, ["https"], {});
  objects = new GitObjects(env);
});
afterAll(() => {
  objects.close();
  rmSync(root, { recursive: true });
});

const blob = (text: string): string => repository.git(["hash-object", "-w", "--stdin"], text);

test("many questions at once are each answered with their own object, of any content", async () => {
  const texts = ["", "\n", "a\nb", `${"x".repeat(70_000)}\n`, "0123456789abcdef missing\n"];
  const oids = texts.map(blob);
  const asked = [...oids, ...oids, ...oids];
  const read = await Promise.all(asked.map((oid) => objects.content(oid, 100_000, patience)));
  expect(read.map((bytes) => bytes?.toString())).toEqual([...texts, ...texts, ...texts]);
  expect(await objects.info(oids[2] ?? "", patience)).toMatchObject({ type: "blob", size: 3 });
});

test("what is missing or too large is none, and the next answer is not the worse for it", async () => {
  const [large, small] = [blob("x".repeat(300_000)), blob("small")];
  const read = await Promise.all([
    objects.content(large, 1000, patience),
    objects.content("1".repeat(40), 1000, patience),
    objects.content(small, 1000, patience),
  ]);
  expect(read.map((bytes) => bytes?.toString())).toEqual([undefined, undefined, "small"]);
});

test("one who leaves takes nobody's answer along", async () => {
  const [first, second] = [blob("first"), blob("second")];
  const leaving = new AbortController();
  const left = objects.content(first, 1000, { timeoutMs: 5_000, signal: leaving.signal });
  const stays = objects.content(second, 1000, patience);
  leaving.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  expect((await stays)?.toString()).toBe("second");
});

test("after it was closed it answers again", async () => {
  const oid = blob("again");
  const cut = objects.content(oid, 1000, patience);
  objects.close();
  await expect(cut).rejects.toMatchObject({ reason: "GitFailed" });
  expect((await objects.content(oid, 1000, patience))?.toString()).toBe("again");
});

test("a tree that unfolds without end is refused", async () => {
  let oid = blob("a: 1\n");
  let kind = "100644 blob";
  for (let level = 0; level < 8; level++) {
    const names = Array.from({ length: 100 }, (_, index) => `${kind} ${oid}\t${index}.yaml\n`);
    oid = repository.git(["mktree"], names.join(""));
    kind = "040000 tree";
  }
  const sha = repository.git(["commit-tree", oid, "-m", "bomb"]);
  const limits = { fileBytes: 1000, totalBytes: 1_000_000, files: 10_000 };
  const reading = readTree({ env, ...patience, timeoutMs: 60_000, objects }, { sha, paths: [""], limits }, () => true);
  await expect(reading).rejects.toMatchObject({ reason: "TooLarge" });
});
