import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { JsonObject } from "../../../src/api/json.ts";
import { stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { describeCall } from "../../harness/apiCalls.ts";
import { conditionOf } from "../../harness/kube.ts";
import { configMap, deployment } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;
let silent: Server;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
  silent = createServer(() => undefined);
  await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
});

afterAll(async () => {
  silent?.close();
  await scene?.[Symbol.asyncDispose]();
});

/** Failing syncs, and after which time a fix must be in place. */
const FAILING = 50;
const LIMIT_MS = 10_000;

it("E47: 50 failing syncs delay no other one, and a fix replaces what fails or waits", async () => {
  const namespace = await scene.namespace("pressure");
  const ofValue = (value: string) => toYaml([configMap("fix", { value })]);
  const healthy = await scene.project({
    namespace,
    name: "healthy",
    webhook: true,
    files: { "a.yaml": ofValue("1") },
    spec: { interval: "15m" },
  });
  await healthy.untilApplied(await healthy.copy.head());
  const alone = await timed(healthy, () => healthy.push("Alone", { "a.yaml": ofValue("2") }), "2");

  const invalid = { ...deployment("invalid", 1), spec: { replicas: -1 } } as never;
  const broken = await scene.project({
    namespace,
    name: "broken",
    webhook: true,
    files: { "app.yaml": toYaml([deployment("broken", 1)]) },
    spec: { interval: "15m" },
  });
  const many = await scene.project({
    namespace,
    name: "many-0",
    files: {
      "waits/app.yaml": toYaml([deployment("waits", 1)]),
      "invalid/app.yaml": toYaml([invalid]),
      "bad/app.yaml": "a: [1\n",
    },
    spec: { interval: "15m", path: "deploy/waits" },
  });
  const { port } = silent.address() as AddressInfo;
  const kinds: readonly JsonObject[] = [
    { path: "deploy/waits" },
    { path: "deploy/invalid" },
    { path: "deploy/bad" },
    { url: `https://127.0.0.1:${port}/silent.git`, timeout: "10m" },
    { dependsOn: [{ name: "broken" }], path: "deploy/waits" },
  ];
  const rest = Array.from({ length: FAILING - 2 }, (_, index) => index + 1);
  await Promise.all(
    rest.map((index) =>
      scene.project({
        namespace,
        name: `many-${index}`,
        beside: many,
        spec: { interval: "15m", ...kinds[index % kinds.length] },
      }),
    ),
  );
  await until(
    "all to fail or to wait",
    async (saw) => {
      const all = await scene.kube.list("fairlead.dev/v1alpha1", "GitSync", { namespace });
      const bad = all.filter((sync) => ["False", "Unknown"].includes(conditionOf(sync, "Ready")?.status ?? ""));
      const hanging = all.filter((sync) => stringAt(sync, "spec", "timeout") === "10m");
      saw(`${bad.length} and ${hanging.length} of ${all.length}`);
      return bad.length + hanging.length >= FAILING ? true : undefined;
    },
    { timeoutMs: 90_000 },
  );
  await broken.untilReady("Unknown", "Progressing");

  const [crowded, fixed] = await Promise.all([
    timed(healthy, () => healthy.push("Crowded", { "a.yaml": ofValue("3") }), "3"),
    timed(broken, () => broken.push("Fix", { "fix.yaml": toYaml([configMap("fixed", { value: "1" })]) }), "1", "fixed"),
  ]);
  console.log(
    `a push is applied after ${alone} ms alone, ${crowded} ms beside ${FAILING} failing syncs; a fix of one of them after ${fixed} ms`,
  );
  expect(Math.max(crowded, fixed)).toBeLessThan(LIMIT_MS);
});

it("E48: what fails for long is tried again and again, and its status is written once", async () => {
  const failing = async () => {
    const all = await scene.kube.list("fairlead.dev/v1alpha1", "GitSync");
    const stalled = all.filter((sync) =>
      ["ApplyFailed", "InvalidYAML", "OwnedByOther"].includes(conditionOf(sync, "Ready")?.reason ?? ""),
    );
    return new Map(stalled.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  };
  let last = new Map<string, string | undefined>();
  const before = await until(
    "all of them to have said so",
    async (saw) => {
      const [former, now] = [last, await failing()];
      last = now;
      saw(`${now.size} fail`);
      return now.size > 15 && isDeepStrictEqual(former, now) ? now : undefined;
    },
    { everyMs: 2_000, timeoutMs: 60_000 },
  );
  const from = scene.proxy.calls.length;
  const tries = () =>
    scene.proxy.calls.slice(from).filter(({ verb, name }) => verb === "apply" && name === "invalid").length;
  await until("the refused object to be tried twice more", async () => (tries() >= 2 ? true : undefined), {
    timeoutMs: 50_000,
  });
  expect(await failing()).toEqual(before);
});

/** Milliseconds from the end of a push until its ConfigMap is in the cluster. */
async function timed(project: GitProject, push: () => Promise<string>, value: string, name = "fix"): Promise<number> {
  await push();
  const began = performance.now();
  await scene.kube.waitFor(
    project.refTo("v1", "ConfigMap", name),
    `value ${value}`,
    (live) => stringAt(live, "data", "value") === value,
    { timeoutMs: 60_000 },
  );
  return Math.round(performance.now() - began);
}

it("E16: a namespace that is deleted while Git has it is made anew with all that is in it, and waited for at rest", async () => {
  const inside = `inside-${Math.random().toString(36).slice(2, 8)}`;
  const names = Array.from({ length: 20 }, (_, index) => `one-${index}`);
  const place = (name: string) => ({ ...configMap(name), metadata: { name, namespace: inside } });
  const files = {
    "ns.yaml": toYaml([{ apiVersion: "v1", kind: "Namespace", metadata: { name: inside } }]),
    "all.yaml": toYaml(names.map(place)),
  };
  const project = await scene.project({ files, spec: { interval: "15m" } });
  await project.untilApplied(await project.copy.head());
  const space = { apiVersion: "v1", kind: "Namespace", name: inside };
  const before = (await scene.kube.get(space)).metadata.uid;

  await scene.kube.delete(space);
  await project.untilReady("Unknown", "Progressing", `is being deleted`);
  const from = scene.proxy.calls.length;
  // There is no controller here that ends namespaces: the test takes its place.
  for (const name of names) await scene.kube.delete({ apiVersion: "v1", kind: "ConfigMap", namespace: inside, name });
  // Absence can only be watched for a while.
  await setTimeout(6_000);
  const writes = scene.proxy.calls
    .slice(from)
    .filter((call) => call.write && [call.namespace, call.name].includes(inside) && call.userAgent === "fairlead");
  expect(writes.map(describeCall)).toEqual([]);
  console.log(await project.untilReady("Unknown", "Progressing"));
  const untold = (await project.events()).filter(({ type }) => type === "Warning");
  expect(untold).toEqual([]);
  const news = (await project.events()).filter(({ reason }) => reason === "Progressing");
  expect(news.length).toBeLessThanOrEqual(2);

  const finalize = { ...(await scene.kube.get(space)), spec: { finalizers: [] } };
  await scene.kube.raw({ method: "PUT", path: `/api/v1/namespaces/${inside}/finalize`, body: finalize });
  await project.untilApplied(await project.copy.head());
  expect((await scene.kube.get(space)).metadata.uid).not.toBe(before);
  for (const name of names) await scene.kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace: inside, name });
});
