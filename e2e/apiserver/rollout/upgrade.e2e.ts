import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/api/json.ts";
import { type Manifest, refOf } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { until } from "../../apps/until.ts";
import { configMap } from "../../harness/manifests.ts";
import { ROOT } from "../../harness/operatorImage.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import { make, podless, release, untilAtRest } from "../../harness/podless.ts";

const COUNT = 500;
const NEWER = { NODE_OPTIONS: `--import=${pathToFileURL(join(ROOT, "e2e/harness/newerOperator.ts"))}` };

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** The same object of another app: what belongs to this one alone is left out. */
function likeFor(name: string, object: Manifest): Manifest {
  const own = { uid: undefined, resourceVersion: undefined, creationTimestamp: undefined, managedFields: undefined };
  const text = JSON.stringify({ ...object, metadata: { ...object.metadata, ...own } }).replaceAll("app-0", name);
  return JSON.parse(text) as Manifest;
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** How many looks at rollouts have ended since the process began; one that failed is an error. */
async function looks(): Promise<number> {
  const series =
    /^fairlead_reconcile_duration_seconds_count\{controller="progressiverollout",outcome="(\w+)"\} (\d+)$/gm;
  const counts = [...(await scene.operator.metrics()).matchAll(series)];
  const failed = counts.find(([, outcome]) => outcome === "Failed");
  if (failed !== undefined) throw new Error(`looks failed: ${failed[0]}`);
  return counts.reduce((sum, [, , count]) => sum + Number(count), 0);
}

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
    const app = { namespace, name: "app-0", container: { envFrom: [{ configMapRef: { name: "settings" } }] } };
    const settings = configMap("settings");
    await make(kube, [{ ...settings, metadata: { name: "settings", namespace } }, ...podless(app)]);
    const adopted = await untilAtRest(kube, app, "Adopted");
    await operator.stop();
    const deployments = await kube.list("apps/v1", "Deployment", { namespace });
    expect(deployments).toHaveLength(2);
    const service = await kube.get({ apiVersion: "v1", kind: "Service", namespace, name: "app-0" });
    const { clusterIP: _ip, clusterIPs: _ips, ...ports } = service["spec"] as JsonObject;
    const names = Array.from({ length: COUNT - 1 }, (_, index) => `app-${index + 1}`);
    // At rest a rollout asks nothing of the status of a Deployment: that is a thousand writes less.
    await inParallel(names, async (name) => {
      for (const object of [...deployments, { ...service, spec: ports }, adopted]) {
        const { status, ...made } = likeFor(name, object);
        await kube.create(made);
        if (object === adopted) await kube.patch(refOf(made), { status: status ?? {} }, "status");
      }
    });
    const before = await versions(namespace);
    expect(before.length).toBeGreaterThan(4 * COUNT);

    proxy.forget();
    await operator.start({ env: NEWER });
    await until(
      "every rollout to have been looked at",
      async (saw) => {
        const done = await looks();
        saw(`${done} looks`);
        return done >= COUNT ? true : undefined;
      },
      { timeoutMs: 60_000 },
    );
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
