import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { git } from "./git.ts";
import { WorkingCopy } from "./gitRepo.ts";

let directory: string;
let remote: string;
let copy: WorkingCopy;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fairlead-repo-"));
  remote = join(directory, "remote.git");
  await git(["init", "--quiet", "--bare", "--initial-branch=main", remote]);
  copy = await WorkingCopy.init({ directory: join(directory, "copy"), remote });
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const remoteHas = (ref: string) => git(["rev-parse", ref], { cwd: remote });

test("a change is committed by the fixed author and pushed; a revert takes it back", async () => {
  const first = await copy.change("First", { "deploy/web.yaml": "replicas: 1\n", "old.yaml": "a: 1\n" });
  const second = await copy.change("Second", { "deploy/web.yaml": "replicas: 2\n", "old.yaml": undefined });
  expect(await remoteHas("main")).toBe(second);
  expect(await copy.git("ls-files")).toBe("deploy/web.yaml");
  expect(await copy.git("log", "-1", "--format=%an <%ae>")).toBe("Fairlead tests <tests@example.com>");

  const reverted = await copy.revert(second);
  expect(reverted).not.toBe(first);
  expect(await readFile(join(copy.directory, "deploy/web.yaml"), "utf8")).toBe("replicas: 1\n");
  expect(await copy.git("rev-parse", `${reverted}^{tree}`)).toBe(await copy.git("rev-parse", `${first}^{tree}`));

  await copy.tag("v1.0.0", { annotated: true });
  await copy.push({ ref: "v1.0.0" });
  expect(await remoteHas("v1.0.0^{commit}")).toBe(reverted);

  await copy.branch("other");
  await copy.push();
  expect(await remoteHas("other")).toBe(reverted);
  await copy.branch("main");
  await copy.rewind(first);
  await copy.push({ force: true });
  expect(await remoteHas("main")).toBe(first);
});

test("a commit without a change is refused, and a path outside of the copy too", async () => {
  await expect(copy.commit("Nothing")).rejects.toThrow("git commit");
  await expect(copy.write({ "../out.yaml": "" })).rejects.toThrow("not inside the working copy");
});

test("a failed push says what git said", async () => {
  const lost = await WorkingCopy.init({ directory: join(directory, "lost"), remote: join(directory, "none.git") });
  await lost.write({ a: "1\n" });
  await lost.commit("One");
  await expect(lost.push()).rejects.toThrow("does not appear to be a git repository");
});
