import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { makeIdleFleet, untilLookedAt } from "../../harness/idleFleet.ts";
import { ROOT } from "../../harness/operatorImage.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import { release, untilAtRest } from "../../harness/podless.ts";

const COUNT = 500;
const NEWER = { NODE_OPTIONS: `--import=${pathToFileURL(join(ROOT, "e2e/harness/newerOperator.ts"))}` };

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** Name, uid and version of every object that a release would touch. */
async function versions(namespace: string): Promise<readonly string[]> {
  const kinds = [
    ["apps/v1", "Deployment"],
    ["v1", "Service"],
    ["v1", "ConfigMap"],
    [API_VERSION, "ProgressiveRollout"],
  ] as const;
  const lists = await Promise.all(kinds.map(([apiVersion, kind]) => scene.kube.list(apiVersion, kind, { namespace })));
  return lists
    .flat()
    .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`);
}

describe("an upgrade of the operator", () => {
  it(`P30: ${COUNT} idle rollouts meet a newer operator on a newer Kubernetes, and nothing is written`, {
    timeout: 240_000,
  }, async () => {
    const namespace = await scene.namespace("idle");
    const { kube, operator, proxy } = scene;
    const app = await makeIdleFleet(scene, namespace, COUNT);
    const before = await versions(namespace);
    expect(before.length).toBeGreaterThan(4 * COUNT);

    proxy.forget();
    await operator.start({ env: NEWER });
    await untilLookedAt(scene, COUNT);
    expect(proxy.writes).toEqual([]);
    expect(await versions(namespace)).toEqual(before);

    // The same process does work: a changed template is a new revision, of that app alone.
    const changed = { ...app, name: "app-7", release: "2" };
    await release(kube, changed);
    await untilAtRest(kube, changed, "Promoted");
    const written = proxy.writes.map(({ resource, name }) => `${resource} ${name}`);
    expect(written.filter((one) => !/ (app-7|settings)(-|$)/.test(one))).toEqual([]);
  });
});
