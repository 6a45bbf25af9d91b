import { afterAll, beforeAll, expect, it } from "vitest";
import { toYaml } from "../../apps/shop.ts";
import type { CallFilter } from "../../harness/apiProxy.ts";
import { freeLeases } from "../../harness/install.ts";
import { configMap, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const inventoryWrite: CallFilter = ({ write, resource, body }) =>
  write &&
  resource === "gitsyncs" &&
  JSON.stringify(body).includes('"inventory"') &&
  JSON.stringify(body).includes("/new");
const firstApply: CallFilter = ({ verb, resource, name }) =>
  verb === "apply" && resource === "configmaps" && name === "new";

it.each([
  ["right after the inventory was written ahead", inventoryWrite, false],
  ["right after the first apply", firstApply, true],
] as const)("leaves no orphan when it is killed %s", async (_, which, applied) => {
  const project = await scene.project({ files: { "old.yaml": toYaml([configMap("old")]) } });
  await project.untilApplied(await project.copy.head());
  const ref = project.refTo("v1", "ConfigMap", "new");

  const killed = Promise.withResolvers<void>();
  scene.proxy.afterWrite(1, () => scene.operator.kill().then(killed.resolve, killed.reject), which);
  await project.push("Add new", { "new.yaml": toYaml([configMap("new")]) });
  await killed.promise;
  scene.proxy.behave();
  expect(await project.inventory()).toContain(`/ConfigMap/${project.namespace}/new`);
  expect((await scene.kube.find(ref)) !== undefined).toBe(applied);

  const dropped = await project.push("Drop new", { "new.yaml": undefined });
  await freeLeases(scene.kube, scene.operator.namespace);
  await scene.operator.start();
  await project.untilApplied(dropped);
  expect(await scene.kube.find(ref)).toBeUndefined();
  expect(await project.inventory()).toEqual([`/ConfigMap/${project.namespace}/old`]);
});

it.each([
  ["while the operator runs", false],
  ["with the operator killed after the first apply", true],
] as const)("E08: what a half-applied commit brought goes with the next one, %s", async (_, killed) => {
  // Without a trial, an object that is refused leaves a commit half applied.
  const files = { "old.yaml": toYaml([configMap("old")]) };
  const project = await scene.project({ files, spec: { dryRun: "Never" } });
  await project.untilApplied(await project.copy.head());
  const broken = deployment("b", 0);
  const [good, bad] = [toYaml([broken]), toYaml([{ ...broken, spec: { replicas: 0 } }])];
  const died = Promise.withResolvers<void>();
  if (killed)
    scene.proxy.afterWrite(
      1,
      () => scene.operator.kill().then(died.resolve, died.reject),
      ({ verb, resource, name, namespace }) =>
        verb === "apply" && resource === "configmaps" && name === "a" && namespace === project.namespace,
    );
  await project.push("Add a, and b that is invalid", { "a.yaml": toYaml([configMap("a")]), "b.yaml": bad });
  if (killed) await died.promise;
  else await project.untilReady("False", "ApplyFailed", "Deployment");
  scene.proxy.behave();
  await scene.kube.get(project.refTo("v1", "ConfigMap", "a"));
  const sha = await project.push("Mend b, drop a", { "a.yaml": undefined, "b.yaml": good });
  if (killed) {
    await freeLeases(scene.kube, scene.operator.namespace);
    await scene.operator.start();
  }
  await settle(scene.kube, project.refTo("apps/v1", "Deployment", "b"));
  await project.untilApplied(sha);
  expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "a"))).toBeUndefined();
  expect([...(await project.inventory())].sort()).toEqual([
    `/ConfigMap/${project.namespace}/old`,
    `apps/Deployment/${project.namespace}/b`,
  ]);
});

it("applies nothing again and changes nothing when it starts anew", async () => {
  const project = await scene.project({ files: { "old.yaml": toYaml([configMap("old")]) } });
  await project.untilApplied(await project.copy.head());
  const [object, sync] = [await scene.kube.get(project.refTo("v1", "ConfigMap", "old")), await project.sync()];
  await scene.operator.restart();
  await project.untilApplied(await project.push("Add new", { "new.yaml": toYaml([configMap("new")]) }));
  const after = await scene.kube.get(project.refTo("v1", "ConfigMap", "old"));
  expect(after.metadata.resourceVersion).toBe(object.metadata.resourceVersion);
  expect((await project.sync()).metadata.generation).toBe(sync.metadata.generation);
});
