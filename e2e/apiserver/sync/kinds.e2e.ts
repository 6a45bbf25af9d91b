import { afterAll, beforeAll, expect, it } from "vitest";
import { type JsonObject, stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, definition, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

it.concurrent("E19: applies a definition, its object, a namespace and what is in it from one commit, whatever their order", async () => {
  const inside = `inside-${Math.random().toString(36).slice(2, 8)}`;
  const placed = { ...deployment("app", 0), metadata: { name: "app", namespace: inside } };
  const files = {
    "1.yaml": toYaml([placed]),
    "2.yaml": toYaml([
      { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "one", namespace: inside }, spec: {} },
    ]),
    "3.yaml": toYaml([{ apiVersion: "v1", kind: "Namespace", metadata: { name: inside } }]),
    "4.yaml": toYaml([definition("gadgets", "Gadget")]),
  };
  const started = performance.now();
  const project = await scene.project({ files });
  await settle(scene.kube, { apiVersion: "apps/v1", kind: "Deployment", namespace: inside, name: "app" });
  await project.untilApplied(await project.copy.head());
  console.log(`CRD, CR, Namespace and Deployment: ${Math.round(performance.now() - started)} ms`);
  const warnings = (await project.events()).filter(({ type }) => type === "Warning");
  expect(warnings).toEqual([]);
});

it.concurrent("E19: lets an unknown kind wait alone, and applies it when its definition comes", async () => {
  const late = { apiVersion: "example.com/v1", kind: "Late", metadata: { name: "one" }, spec: { a: 1 } };
  const project = await scene.project({ files: { "a.yaml": toYaml([late]), "b.yaml": toYaml([configMap("one")]) } });
  const message = await project.untilReady("False", "UnknownKind");
  console.log(message);
  expect(message).toContain("deploy/a.yaml:1:1");
  expect(message).toContain("install what brings the kind");
  await scene.kube.get(project.refTo("v1", "ConfigMap", "one"));
  await project.untilEvent("UnknownKind", "Late");
  await scene.kube.apply(definition("lates", "Late"));
  const started = performance.now();
  await project.untilApplied(await project.copy.head());
  console.log(`applied ${Math.round(performance.now() - started)} ms after its definition came`);
});

it.concurrent("says which kind cannot be listed, and applies the rest", async () => {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: { name: "x" } };
  const files = { "a.yaml": toYaml([{ ...review, spec: { token: "x" } }]), "b.yaml": toYaml([configMap("one")]) };
  const project = await scene.project({ files });
  const message = await project.untilReady("False", "ReconcileFailed");
  console.log(message);
  expect(message).toContain("TokenReview");
  await scene.kube.get(project.refTo("v1", "ConfigMap", "one"));
  await project.untilApplied(await project.push("Remove the review", { "a.yaml": undefined }));
});

it.concurrent("backs off from a definition that never serves what the commit wants", async () => {
  const files = {
    "crd.yaml": toYaml([definition("halves", "Half")]),
    "cr.yaml": toYaml([{ apiVersion: "example.com/v9", kind: "Half", metadata: { name: "one" } }]),
  };
  const project = await scene.project({ files });
  const message = await project.untilReady("False", "UnknownKind", "example.com/v9");
  console.log(message);
});

it.concurrent("goes on without a group whose API server is down", async () => {
  const down = { kind: "Deny", status: 503, reason: "ServiceUnavailable" } as const;
  const end = scene.proxy.rule(({ path }) => path.startsWith("/apis/scheduling.k8s.io/"), down);
  const priority = {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: `low-${Math.random().toString(36).slice(2, 8)}` },
    value: 1,
  };
  const files = { "a.yaml": toYaml([priority]), "b.yaml": toYaml([configMap("one")]) };
  const project = await scene.project({ files });
  const message = await project.untilReady("False", "ReconcileFailed", "PriorityClass");
  console.log(message);
  await scene.kube.get(project.refTo("v1", "ConfigMap", "one"));
  end();
  await project.untilApplied(await project.copy.head());
});

it.concurrent("E33: applies objects that are too large for kubectl's annotation", async () => {
  const base = definition("giants", "Giant");
  const description = "A field that says a lot of itself. ".repeat(23);
  const properties = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`field${index}`, { type: "string", description }]),
  );
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const giant = { ...base, spec: { ...(base["spec"] as JsonObject), versions } };
  const large = configMap("large", { text: "x".repeat(900 * 1024) });
  const project = await scene.project({ files: { "crd.yaml": toYaml([giant]), "map.yaml": toYaml([large]) } });
  await project.untilApplied(await project.copy.head());
  const live = await scene.kube.get(project.refTo("v1", "ConfigMap", "large"));
  expect(stringAt(live, "data", "text")).toHaveLength(900 * 1024);
  const crd = await scene.kube.get({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    name: "giants.example.com",
  });
  const size = JSON.stringify(crd["spec"]).length;
  console.log(`the definition has ${Math.round(size / 1024)} KiB`);
  expect(size).toBeGreaterThan(800 * 1024);
});
