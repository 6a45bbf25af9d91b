import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ args: ["--git-hosts", "127.0.0.1,169.254.169.254"] });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const files = { "app.yaml": toYaml([configMap("app", { value: "good" })]) };

async function valueIn(project: GitProject, name: string): Promise<string | undefined> {
  return stringAt(await scene.kube.find(project.refTo("v1", "ConfigMap", name)), "data", "value");
}

it("A08: a host that the operator's flag does not name is refused, and nothing is sent there", async () => {
  let called = 0;
  const canary = createServer((socket) => {
    called += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(canary, "listening");
  const { port } = canary.address() as AddressInfo;
  const project = await scene.project({ files });
  await project.untilApplied(await project.copy.head());
  await project.change({ url: `https://localhost:${port}/x.git` });
  const message = await project.untilReady("False", "HostRefused", "--git-hosts");
  expect(message).toContain("stays in place");
  expect(called).toBe(0);
  canary.close();
  await project.change({ url: scene.git.httpsUrl(project.repo) });
  await project.untilReady("True", "Applied");
});

it("A09: a submodule is refused by its path until it is wanted, and then applied like the rest", async () => {
  const inner = await scene.project({
    name: "inner",
    files: { "inner.yaml": toYaml([configMap("inner", { value: "in" })]) },
  });
  const project = await scene.project({ files });
  const first = await project.copy.head();
  await project.untilApplied(first);
  const { copy } = project;
  const url = `../${inner.repo}.git`;
  await copy.write({ ".gitmodules": `[submodule "inner"]\n\tpath = deploy/inner\n\turl = ${url}\n` });
  await copy.git("add", ".gitmodules");
  await copy.git("update-index", "--add", "--cacheinfo", `160000,${await inner.copy.head()},deploy/inner`);
  await copy.git("commit", "--quiet", "--message", "Add a submodule");
  await copy.push();
  await project.untilReady("False", "SubmoduleRefused", "deploy/inner");
  expect(stringAt(await project.sync(), "status", "appliedRevision")).toBe(first);
  await project.change({ submodules: true });
  await project.untilApplied(await copy.head());
  expect(await valueIn(project, "inner")).toBe("in");
});

it("E43: a pointer of Git LFS is refused by its name, and never applied", async () => {
  const project = await scene.project({ files });
  await project.untilApplied(await project.copy.head());
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12\n`;
  await project.push("Move it to LFS", { "app.yaml": pointer });
  await project.untilReady("False", "LfsPointerRefused", "deploy/app.yaml");
  // The server of the tests has no LFS: what the sync wants cannot be had, and the last good state stays.
  await project.change({ lfs: true });
  await project.untilReady("False", "RepositoryNotFound", "LFS server");
  expect(await valueIn(project, "app")).toBe("good");
});
