import { afterAll, beforeAll, expect, it } from "vitest";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

it("refuses to a second sync what another one declares, and names it", async () => {
  const shared = toYaml([configMap("shared")]);
  const first = await scene.project({ name: "first", files: { "shared.yaml": shared } });
  await first.untilApplied(await first.copy.head());
  const { namespace } = first;
  const files = { "shared.yaml": shared, "own.yaml": toYaml([configMap("own")]) };
  const second = await scene.project({ name: "second", namespace, files });
  const message = await second.untilReady("False", "OwnedByOther");
  console.log(message);
  expect(message).toContain(`GitSync ${namespace}/first`);
  expect(message).toContain("deploy/shared.yaml:1:1");
  await second.untilEvent("OwnedByOther", `${namespace}/first`);
  await scene.kube.get(first.refTo("v1", "ConfigMap", "own"));
  await first.untilReady("True", "Applied");
  const before = await scene.kube.get(first.refTo("v1", "ConfigMap", "shared"));
  // The first lets go, in a repository of its own.
  await first.push("Give it away", { "shared.yaml": undefined, "other.yaml": toYaml([configMap("other")]) });
  await second.untilApplied(await second.copy.head());
  expect((await scene.kube.get(first.refTo("v1", "ConfigMap", "shared"))).metadata.uid).toBe(before.metadata.uid);
});

const lb = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "moved" },
  spec: { type: "LoadBalancer", selector: { app: "moved" }, ports: [{ port: 80 }] },
};
const claim = {
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "moved" },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
};

it("E05: a Service and a claim that move within one commit keep their uid, in every one of 20 moves", async () => {
  const moved = toYaml([lb, claim]);
  const a = await scene.project({
    name: "a",
    files: {
      "a/moved.yaml": moved,
      "a/stays.yaml": toYaml([configMap("a")]),
      "b/stays.yaml": toYaml([configMap("b")]),
    },
    spec: { path: "deploy/a", interval: "10m" },
  });
  const { namespace } = a;
  const b = await scene.project({ name: "b", namespace, beside: a, spec: { path: "deploy/b", interval: "10m" } });
  const service = a.refTo("v1", "Service", "moved");
  await scene.kube.waitFor(service, "applied", () => true);
  // Without an address it is not healthy, and there is nobody here who gives one.
  await scene.kube.patch(service, { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } }, "status");
  await Promise.all([a.untilApplied(await a.copy.head()), b.untilApplied(await a.copy.head())]);
  const refs = [service, a.refTo("v1", "PersistentVolumeClaim", "moved")];
  const lives = () => Promise.all(refs.map((ref) => scene.kube.get(ref)));
  const uids = (await lives()).map(({ metadata }) => metadata.uid);
  const ask = (project: GitProject, value: string) =>
    scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": value } } });
  for (let round = 0; round < 20; round++) {
    const [from, to] = round % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
    const sha = await a.push(`Move it to ${to}`, { [`${from}/moved.yaml`]: undefined, [`${to}/moved.yaml`]: moved });
    // The giver sees it first, then the taker, then both at once.
    const order = [
      [a, b],
      [a, b],
      [b, a],
      [b, a],
    ][round % 4] ?? [a, b];
    const started = performance.now();
    for (const project of order) await ask(project, `${round}`);
    await Promise.all([a.untilApplied(sha), b.untilApplied(sha)]);
    const now = await lives();
    expect(now.map(({ metadata }) => metadata.uid)).toEqual(uids);
    for (const { metadata } of now)
      expect(metadata.annotations?.["fairlead.dev/owner"]).toContain(`${namespace}/${to}/`);
    console.log(
      `round ${round}: ${order.map(({ name }) => name).join(" then ")}, ${Math.round(performance.now() - started)} ms`,
    );
  }
  expect(scene.proxy.writes.filter(({ verb, namespace: where }) => verb === "delete" && where === namespace)).toEqual(
    [],
  );
  for (const project of [a, b]) {
    const warnings = (await project.events()).filter(({ type }) => type === "Warning");
    expect(warnings).toEqual([]);
  }
}, 300_000);

it("E05: objects are handed over when the commit that moves them removes their sync as well", async () => {
  const moved = toYaml([configMap("moved")]);
  const files = { "a/moved.yaml": moved, "b/stays.yaml": toYaml([configMap("b")]) };
  const a = await scene.project({ name: "a", files, spec: { path: "deploy/a", interval: "10m" } });
  const { namespace } = a;
  const b = await scene.project({ name: "b", namespace, beside: a, spec: { path: "deploy/b", interval: "10m" } });
  await Promise.all([a.untilApplied(await a.copy.head()), b.untilApplied(await a.copy.head())]);
  const { uid } = (await scene.kube.get(a.refTo("v1", "ConfigMap", "moved"))).metadata;
  const sha = await a.push("Move it", { "a/moved.yaml": undefined, "b/moved.yaml": moved });
  await scene.kube.delete(a.ref);
  await scene.kube.waitGone(a.ref);
  await b.untilApplied(sha);
  expect((await scene.kube.get(a.refTo("v1", "ConfigMap", "moved"))).metadata.uid).toBe(uid);
});
