import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, definition, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const OBSERVED_MS = 60_000;
const INTERVAL_S = 10;

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** A hundred objects of six kinds, as they come from people: with quantities, defaults and numbers to be normalised. */
function hundred(): readonly Manifest[] {
  const times = (n: number, make: (index: number) => Manifest) => Array.from({ length: n }, (_, index) => make(index));
  return [
    definition("resters", "Rester"),
    ...times(50, (i) => configMap(`map-${i}`, { index: `${i}` })),
    ...times(20, (i) => withResources(deployment(`app-${i}`, 0))),
    ...times(15, (i) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: `service-${i}` },
      spec: { selector: { app: `app-${i}` }, ports: [{ port: 80, targetPort: 8080 }] },
    })),
    ...times(8, (i) => ({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: `account-${i}` } })),
    ...times(4, (i) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `secret-${i}` },
      stringData: { key: "v" },
    })),
    ...times(2, (i) => ({
      apiVersion: "example.com/v1",
      kind: "Rester",
      metadata: { name: `rester-${i}` },
      spec: { many: [1, 2.5, "three"] },
    })),
  ];
}

function withResources(object: Manifest): Manifest {
  const limits = { cpu: "0.1", memory: "1024Mi" };
  const containers = [{ name: "app", image: "registry.example.com/app:1", resources: { requests: limits, limits } }];
  const spec = object["spec"] as Record<string, unknown>;
  const template = spec["template"] as Record<string, unknown>;
  return { ...object, spec: { ...spec, template: { ...template, spec: { containers } } } } as Manifest;
}

it("reads and writes nothing at rest, and asks Git only what the branch is", async () => {
  const objects = hundred();
  expect(objects).toHaveLength(100);
  const project = await scene.project({ files: { "all.yaml": toYaml(objects) }, spec: { interval: `${INTERVAL_S}s` } });
  const { namespace } = project;
  for (const { kind, metadata } of objects) {
    if (kind === "Deployment") await settle(scene.kube, project.refTo("apps/v1", "Deployment", metadata.name));
  }
  await project.untilApplied(await project.copy.head());
  // Everything that is on its way has come when the next look at Git has.
  const settled = scene.git.requests(project.repo).listed;
  await expect.poll(() => scene.git.requests(project.repo).listed, { timeout: 90_000 }).toBeGreaterThan(settled);

  scene.proxy.forget();
  const before = scene.git.requests(project.repo);
  await sleep(OBSERVED_MS);
  const after = scene.git.requests(project.repo);
  const counts = scene.proxy.counts();
  console.log(`calls within ${OBSERVED_MS / 1000} s with 100 objects in ${namespace}:`, counts);
  console.log(`looks at Git: ${after.listed - before.listed}, fetches: ${after.fetched - before.fetched}`);
  expect(scene.proxy.writes).toEqual([]);
  const others = scene.proxy.calls.filter(({ verb, resource }) => verb !== "watch" && resource !== "leases");
  expect(others).toEqual([]);
  const checks = OBSERVED_MS / 1000 / INTERVAL_S;
  expect(after.listed - before.listed).toBeGreaterThanOrEqual(checks - 1);
  expect(after.listed - before.listed).toBeLessThanOrEqual(checks + 1);
  expect(after.fetched).toBe(before.fetched);
});
