import { afterAll, beforeAll, expect, it } from "vitest";
import { at, stringAt } from "../../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, definition, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const LIMIT_MS = 5_000;

let scene: PlaneScene;
let project: GitProject;
let workload: ObjectRef;

beforeAll(async () => {
  scene = await openPlaneScene();
  const files = { "app.yaml": toYaml([deployment("plain", 2), configMap("one")]) };
  // Git is asked once: what is corrected is corrected by watches.
  project = await scene.project({ files, spec: { interval: "10m" } });
  workload = project.refTo("apps/v1", "Deployment", "plain");
  await settle(scene.kube, workload);
  await project.untilApplied(await project.copy.head());
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

async function corrected(what: string, ref: ObjectRef, holds: (object: Manifest) => boolean): Promise<Manifest> {
  const started = performance.now();
  const object = await scene.kube.waitFor(ref, what, holds, { timeoutMs: LIMIT_MS, everyMs: 20, describe: String });
  console.log(`${what}: after ${Math.round(performance.now() - started)} ms`);
  return object;
}

it("puts back a label that kubectl changed", async () => {
  await scene.kube.kubectl(["-n", project.namespace, "label", "deployment/plain", "app=other", "--overwrite"]);
  await corrected("the label put back", workload, (live) => live.metadata.labels?.["app"] === "plain");
  await project.untilEvent("DriftCorrected", "/metadata/labels/app", { timeoutMs: LIMIT_MS });
});

it("puts back the replicas of a plain Deployment", async () => {
  await scene.kube.kubectl(["-n", project.namespace, "scale", "deployment/plain", "--replicas=7"]);
  await corrected("the replicas put back", workload, (live) => at(live["spec"], "replicas") === 2);
  await project.untilEvent("DriftCorrected", "/spec/replicas", { timeoutMs: LIMIT_MS });
});

it("makes a deleted object anew", async () => {
  const ref = project.refTo("v1", "ConfigMap", "one");
  const before = await scene.kube.get(ref);
  await scene.kube.kubectl(["-n", project.namespace, "delete", "configmap/one"]);
  await corrected("the ConfigMap made anew", ref, (live) => live.metadata.uid !== before.metadata.uid);
  await project.untilEvent("DriftCorrected", "was deleted", { timeoutMs: LIMIT_MS });
  const now = await scene.kube.get(ref);
  await project.until("the new uid in the inventory", (sync) =>
    JSON.stringify(sync["status"]).includes(now.metadata.uid ?? "none"),
  );
});

it("puts back an object that lost our label, and one that lost its mark", async () => {
  const ref = project.refTo("v1", "ConfigMap", "one");
  await scene.kube.kubectl(["-n", project.namespace, "label", "configmap/one", "fairlead.dev/managed-"]);
  await corrected("the label back", ref, (live) => live.metadata.labels?.["fairlead.dev/managed"] === "true");
  await scene.kube.kubectl(["-n", project.namespace, "annotate", "configmap/one", "fairlead.dev/owner-"]);
  await corrected("the mark back", ref, (live) => live.metadata.annotations?.["fairlead.dev/owner"] !== undefined);
});

it("leaves a field alone that another manager set and Git does not name", async () => {
  await scene.kube.patch(workload, {
    metadata: { annotations: { "example.com/theirs": "stays" } },
    spec: { minReadySeconds: 3, template: { metadata: { annotations: { restarted: "today" } } } },
  });
  await settle(scene.kube, workload);
  await scene.kube.kubectl(["-n", project.namespace, "scale", "deployment/plain", "--replicas=5"]);
  const live = await corrected("the replicas put back", workload, (now) => at(now["spec"], "replicas") === 2);
  expect(at(live["spec"], "minReadySeconds")).toBe(3);
  expect(live.metadata.annotations?.["example.com/theirs"]).toBe("stays");
  expect(stringAt(live, "spec", "template", "metadata", "annotations", "restarted")).toBe("today");
});

it("E34: a fight is noticed after five corrections within a minute, slowed down, and told with the other manager's name", async () => {
  const files = { "fight.yaml": toYaml([configMap("fought", { key: "git" })]) };
  const other = await scene.project({ files, spec: { interval: "10m" } });
  await other.untilApplied(await other.copy.head());
  const ref = other.refTo("v1", "ConfigMap", "fought");
  for (let round = 0; round < 5; round++) {
    await scene.kube.patch(ref, { data: { key: `theirs ${round}` } });
    await corrected(`round ${round} put back`, ref, (live) => stringAt(live, "data", "key") === "git");
  }
  await scene.kube.patch(ref, { data: { key: "theirs at last" } });
  const message = await other.untilReady("False", "Fighting", '/data/key by "test"');
  console.log(message);
  await other.untilEvent("Fighting", '"test"');
  expect(stringAt(await scene.kube.get(ref), "data", "key")).toBe("theirs at last");
});

it("carries fields and numbers through that no typed model knows", async () => {
  const exact = "-9223372036854775807";
  const custom = [
    "apiVersion: example.com/v1",
    "kind: Anything",
    "metadata: { name: odd }",
    "spec:",
    `  exact: ${exact}`,
    "  beyond: 9007199254740993",
    "  deep: [{ unheard: { of: [1, 1.5, true, null, text] } }]",
    "",
  ].join("\n");
  const files = { "crd.yaml": toYaml([definition("anythings", "Anything")]), "odd.yaml": custom };
  const other = await scene.project({ files });
  await other.untilApplied(await other.copy.head());
  const stored = await scene.kube.kubectl(["-n", other.namespace, "get", "anythings", "odd", "-o", "json"]);
  console.log(stored.replace(/\s+/g, " ").slice(0, 900));
  for (const number of [exact, "9007199254740993"]) expect(stored).toContain(`: ${number}`);
  expect(stored).toContain('"unheard"');
});

it("applies a built-in field that the client library's models do not have", async () => {
  const pod = deployment("newer", 0);
  const files = { "newer.yaml": toYaml([pod]).replace("containers:", "hostnameOverride: newer\n      containers:") };
  const other = await scene.project({ files });
  await settle(scene.kube, other.refTo("apps/v1", "Deployment", "newer"));
  await other.untilApplied(await other.copy.head());
  const live = await scene.kube.get(other.refTo("apps/v1", "Deployment", "newer"));
  console.log(JSON.stringify(at(at(live["spec"], "template"), "spec")));
});
