import { afterAll, beforeAll, expect, it } from "vitest";
import { at, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { startAdmission } from "../../harness/admission.ts";
import { configMap, definition, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/**
 * Calls about objects of the project's namespace; what is asked of all namespaces is shared by all syncs. The Secret that the
 * Git server wants here is not part of an app.
 */
function callsOf({ namespace }: GitProject): readonly string[] {
  return scene.proxy.calls
    .filter((call) => call.namespace === namespace && call.verb !== "watch" && call.resource !== "secrets")
    .map(({ verb, resource, path }) => `${path.includes("dryRun=All") ? "try" : verb} ${resource}`);
}

const negative = (name: string): Manifest => deployment(name, -1);

it.concurrent("refuses a commit as a whole, before anything is written, when one object of it is refused", async () => {
  const project = await scene.project({ name: "whole", files: { "a.yaml": toYaml([configMap("a", { key: "1" })]) } });
  await project.untilApplied(await project.copy.head());
  const calls = callsOf(project).length;
  const files = {
    "a.yaml": toYaml([configMap("a", { key: "2" })]),
    "b.yaml": toYaml([configMap("b"), negative("bad")]),
  };
  await project.push("One is wrong", files);
  const message = await project.untilReady("False", "ApplyFailed", "Nothing of");
  console.log(message);
  for (const part of ["dry run", "deploy/b.yaml:8:1", "spec.replicas", "stays in place"])
    expect(message).toContain(part);
  const since = callsOf(project).slice(calls);
  expect(since.filter((call) => call.startsWith("apply"))).toEqual([]);
  expect(since.filter((call) => call.startsWith("try"))).toHaveLength(3);
  const ref = project.refTo("v1", "ConfigMap", "a");
  expect(stringAt(await scene.kube.get(ref), "data", "key")).toBe("1");
  // The last good commit stays in force, against drift too.
  await scene.kube.patch(ref, { data: { key: "edited" } });
  await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "key") === "1");
  await project.untilApplied(await project.push("Mend it", { "b.yaml": toYaml([configMap("b")]) }));
  expect(stringAt(await scene.kube.get(ref), "data", "key")).toBe("2");
});

it.concurrent("E19: what cannot be tried before the commit is applied does not refuse it: new namespaces and definitions", async () => {
  const project = await scene.project({ name: "early", files: { "a.yaml": toYaml([configMap("a")]) } });
  await project.untilApplied(await project.copy.head());
  const inside = `${project.namespace}-inside`;
  const files = {
    "1.yaml": toYaml([{ ...configMap("b"), metadata: { name: "b", namespace: inside } }]),
    "2.yaml": toYaml([{ apiVersion: "example.com/v1", kind: "Early", metadata: { name: "one" }, spec: {} }]),
    "3.yaml": toYaml([{ apiVersion: "v1", kind: "Namespace", metadata: { name: inside } }]),
    "4.yaml": toYaml([definition("earlies", "Early")]),
  };
  await project.untilApplied(await project.push("Bring all", files));
  const warnings = (await project.events()).filter(({ type }) => type === "Warning");
  expect(warnings).toEqual([]);
});

it.concurrent("E28: a webhook that fails in the dry run: never Ready, and nothing is written", async () => {
  let broken = false;
  await using hook = await startAdmission("dry", (request) =>
    broken && at(request, "dryRun") === true ? { fail: 500 } : { patch: [] },
  );
  await scene.kube.apply(hook.configuration);
  const hooked = (value: string) => ({
    ...configMap("hooked", { key: value }),
    metadata: { name: "hooked", labels: { hook: "dry" } },
  });
  const files = (value: string) => ({ "a.yaml": toYaml([hooked(value), configMap("plain", { key: value })]) });
  const project = await scene.project({ name: "hooked", files: files("1") });
  const first = await project.copy.head();
  await project.untilApplied(first);
  broken = true;
  await project.push("Change both", files("2"));
  const message = await project.untilReady("False", "ReconcileFailed", "failed calling webhook");
  console.log(message);
  for (const name of ["hooked", "plain"]) {
    expect(stringAt(await scene.kube.get(project.refTo("v1", "ConfigMap", name)), "data", "key")).toBe("1");
  }
  expect(stringAt(await project.sync(), "status", "appliedRevision")).toBe(first);
  broken = false;
  await project.untilApplied(await project.copy.head());
});

it.concurrent("E34: what a webhook changes at each write is no drift, and costs one write", async () => {
  let stamps = 0;
  await using hook = await startAdmission("stamp", () => {
    stamps += 1;
    const labels = { op: "add", path: "/metadata/labels/stamp", value: `${stamps}` };
    return { patch: [labels, { op: "replace", path: "/data/key", value: `stamped ${stamps}` }] };
  });
  await scene.kube.apply(hook.configuration);
  const stamped = { ...configMap("stamped", { key: "git" }), metadata: { name: "stamped", labels: { hook: "stamp" } } };
  const project = await scene.project({ name: "stamped", files: { "a.yaml": toYaml([stamped]) } });
  await project.untilApplied(await project.copy.head());
  for (const request of ["once", "twice"]) {
    await scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": request } } });
    await project.until("answered", (sync) => stringAt(sync, "status", "lastHandledRequest") === request);
  }
  expect(callsOf(project).filter((call) => call.endsWith("configmaps"))).toEqual(["apply configmaps"]);
  const live = await scene.kube.get(project.refTo("v1", "ConfigMap", "stamped"));
  expect(stringAt(live, "data", "key")).toBe("stamped 1");
});

it.concurrent("tries the first commit of a sync only where spec.dryRun asks for it", async () => {
  const files = { "a.yaml": toYaml([configMap("a"), negative("bad")]) };
  const always = await scene.project({ name: "always", files, spec: { dryRun: "Always" } });
  const never = await scene.project({ name: "never", files, spec: { dryRun: "Never" } });
  await always.untilReady("False", "ApplyFailed", "Nothing of");
  await never.untilReady("False", "ApplyFailed", "is not in place");
  expect(await scene.kube.find(always.refTo("v1", "ConfigMap", "a"))).toBeUndefined();
  await scene.kube.get(never.refTo("v1", "ConfigMap", "a"));
});

it.concurrent("costs at most 8 calls for an app that is new, and 12 for one that changes as a whole", async () => {
  const app = (value: string): readonly Manifest[] => [
    deployment("web", 0, `registry.example.com/app:${value}`),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", annotations: { value } } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", annotations: { value } },
      spec: { ports: [{ port: 80 }] },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "web", annotations: { value } },
      spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    },
  ];
  const project = await scene.project({ name: "counted", files: { "a.yaml": toYaml(app("1")) } });
  const ref = project.refTo("apps/v1", "Deployment", "web");
  await settle(scene.kube, ref);
  await project.untilApplied(await project.copy.head());
  await project.untilEvent("Applied");
  const first = callsOf(project);
  console.log("first:", first.join(", "));
  const sha = await project.push("Change all", { "a.yaml": toYaml(app("2")) });
  await scene.kube.waitFor(ref, "the new image", (live) => JSON.stringify(live["spec"]).includes("app:2"));
  await settle(scene.kube, ref);
  await project.untilApplied(sha);
  await project.untilEvent("Applied", sha.slice(0, 8));
  const second = callsOf(project).slice(first.length);
  console.log("change:", second.join(", "));
  expect(first.length).toBeLessThanOrEqual(8);
  expect(second.length).toBeLessThanOrEqual(12);
});
