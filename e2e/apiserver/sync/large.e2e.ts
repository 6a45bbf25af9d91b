import { afterAll, beforeAll, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import type { CallFilter } from "../../harness/apiProxy.ts";
import { freeLeases } from "../../harness/install.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

/** Enough for a packed inventory. FAIRLEAD_OBJECTS=20000 tries what takes minutes. */
const OBJECTS = Number(process.env["FAIRLEAD_OBJECTS"] ?? 1_200);
const A_FILE = 400;

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const patient = { timeoutMs: OBJECTS * 100 + 60_000, everyMs: 500 };
const sizes = (call: { readonly body: unknown }) => JSON.stringify(call.body).length;

it(
  `E33: a set of ${OBJECTS} objects is applied, survives a crash before its first apply, and is pruned`,
  async () => {
    const names = Array.from({ length: OBJECTS }, (_, i) => `service-${i.toString(36)}-settings`);
    const maps = (from: number, to: number) => toYaml(names.slice(from, to).map((name) => configMap(name)));
    const files = Object.fromEntries(
      Array.from({ length: Math.ceil(OBJECTS / A_FILE) }, (_, i) => [
        `${i}.yaml`,
        maps(i * A_FILE, Math.min(OBJECTS, (i + 1) * A_FILE)),
      ]),
    );
    const statusWrite: CallFilter = ({ write, resource, subresource }) =>
      write && resource === "gitsyncs" && subresource === "status";
    const died = Promise.withResolvers<void>();
    scene.proxy.afterWrite(1, () => scene.operator.kill().then(died.resolve, died.reject), statusWrite);
    const project = await scene.project({ files });
    await died.promise;
    // Write-ahead: all of it is known, and nothing of it is there.
    expect(await project.inventory()).toHaveLength(OBJECTS);
    expect(await scene.kube.list("v1", "ConfigMap", { namespace: project.namespace })).toEqual([]);
    expect(scene.proxy.writes.filter(statusWrite)).toHaveLength(1);

    await freeLeases(scene.kube, scene.operator.namespace);
    const started = performance.now();
    await scene.operator.start();
    await project.untilApplied(await project.copy.head(), patient);
    const seconds = (performance.now() - started) / 1_000;
    const writes = scene.proxy.writes.filter(statusWrite);
    const packed = stringAt(await project.sync(), "status", "packedInventory") ?? "";
    console.log(
      `${OBJECTS} objects: ${seconds.toFixed(0)} s, ${writes.length} writes of the status, the largest of ${Math.max(...writes.map(sizes))} characters; packed ${packed.length}`,
    );
    expect(packed.length).toBeGreaterThan(0);
    expect(packed.length).toBeLessThan(1_048_576);
    expect(JSON.stringify((await project.sync())["status"])).not.toContain('"inventory"');

    scene.proxy.forget();
    const sha = await project.push("Drop the last file", { [`${Math.ceil(OBJECTS / A_FILE) - 1}.yaml`]: undefined });
    const left = (Math.ceil(OBJECTS / A_FILE) - 1) * A_FILE;
    await project.untilApplied(sha, patient);
    expect(await project.inventory()).toHaveLength(left);
    const live = await scene.kube.list("v1", "ConfigMap", { namespace: project.namespace });
    expect(live).toHaveLength(left);
    const after = scene.proxy.writes.filter(statusWrite);
    console.log(`${OBJECTS - left} pruned: ${after.length} writes of the status`);
    expect(after.length).toBeLessThanOrEqual(3);
  },
  patient.timeoutMs * 3,
);
