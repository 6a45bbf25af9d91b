import { afterAll, beforeAll, expect, it } from "vitest";
import { at, type JsonObject, listAt, numberAt, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

function withApply(value: string, object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, annotations: { "fairlead.dev/apply": value } } };
}

/** Asks for a pass over everything, and waits until it has been made. */
async function force(project: GitProject, request: string): Promise<void> {
  await scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": request } } });
  await project.until("the request answered", (sync) => stringAt(sync, "status", "lastHandledRequest") === request);
}

it.concurrent("makes what is missing and never changes it: if-not-present", async () => {
  const namespace = await scene.namespace("present");
  const theirs = { ...configMap("theirs", { key: "theirs" }), metadata: { name: "theirs", namespace } };
  await scene.kube.apply(theirs);
  const files = (value: string) => ({
    "a.yaml": toYaml(["ours", "theirs"].map((name) => withApply("if-not-present", configMap(name, { key: value })))),
  });
  const project = await scene.project({ namespace, files: files("git") });
  await project.untilApplied(await project.copy.head());
  const refTo = (name: string) => project.refTo("v1", "ConfigMap", name);
  const dataOf = async (name: string) => stringAt(await scene.kube.get(refTo(name)), "data", "key");
  expect([await dataOf("ours"), await dataOf("theirs")]).toEqual(["git", "theirs"]);
  await scene.kube.patch(refTo("ours"), { data: { key: "edited" } });
  await project.untilApplied(await project.push("Change both", files("changed")));
  expect([await dataOf("ours"), await dataOf("theirs")]).toEqual(["edited", "theirs"]);
  // What it has made it makes again; at rest it asks nobody about the other.
  await scene.kube.delete(refTo("ours"));
  await scene.kube.waitFor(refTo("ours"), "made anew", (live) => stringAt(live, "data", "key") === "changed");
  scene.proxy.forget();
  await force(project, "once more");
  const calls = scene.proxy.calls.filter(({ name, verb }) => ["ours", "theirs"].includes(name) && verb !== "watch");
  expect(calls.filter((call) => call.namespace === namespace)).toEqual([]);
  // What was there before is not ours to delete.
  await project.untilApplied(await project.push("Keep one", { "a.yaml": toYaml([configMap("ours")]) }));
  expect(await dataOf("theirs")).toBe("theirs");
});

it.concurrent("leaves an object alone, and neither makes nor deletes it: ignore", async () => {
  const files = { "a.yaml": toYaml([configMap("left", { key: "git" }), configMap("other")]) };
  const project = await scene.project({ name: "left", files });
  await project.untilApplied(await project.copy.head());
  const ref = project.refTo("v1", "ConfigMap", "left");
  const ignored = withApply("ignore", configMap("left", { key: "changed" }));
  const never = withApply("ignore", configMap("never"));
  await project.untilApplied(await project.push("Ignore", { "a.yaml": toYaml([ignored, never, configMap("other")]) }));
  await scene.kube.patch(ref, { data: { key: "edited" } });
  await force(project, "again");
  expect(stringAt(await scene.kube.get(ref), "data", "key")).toBe("edited");
  expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "never"))).toBeUndefined();
});

it.concurrent("keeps what an older applier has beside Git's word: merge", async () => {
  const namespace = await scene.namespace("merge");
  const older = { ...configMap("both", { a: "theirs", b: "theirs" }), metadata: { name: "both", namespace } };
  await scene.kube.kubectl(["apply", "-f", "-"], older);
  const files = { "a.yaml": toYaml([withApply("merge", configMap("both", { a: "git" }))]) };
  const project = await scene.project({ namespace, files });
  await project.untilApplied(await project.copy.head());
  const live = await scene.kube.get(project.refTo("v1", "ConfigMap", "both"));
  expect(live["data"]).toEqual({ a: "git", b: "theirs" });
});

it.concurrent("refuses a commit with an annotation that nobody reads, and says where", async () => {
  const project = await scene.project({ name: "typo", files: { "a.yaml": toYaml([configMap("a")]) } });
  await project.untilApplied(await project.copy.head());
  await project.push("A typo", { "b.yaml": toYaml([configMap("b"), withApply("if-not-there", configMap("c"))]) });
  const message = await project.untilReady("False", "InvalidAnnotation", "deploy/b.yaml:");
  console.log(message);
  expect(message).toContain('"merge" or "if-not-present" or "ignore"');
  expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "b"))).toBeUndefined();
});

it.concurrent("leaves ignored fields to others once the object is there, even those that it had applied before", async () => {
  const noted = (value: string): Manifest => {
    const metadata = { name: "shared", annotations: { "example.com/note": value } };
    return { ...configMap("shared", { ours: value, theirs: value }), metadata };
  };
  const files = { "a.yaml": toYaml([noted("1"), deployment("web", 2)]) };
  const project = await scene.project({ name: "ignored", files });
  const workload = project.refTo("apps/v1", "Deployment", "web");
  await settle(scene.kube, workload);
  await project.untilApplied(await project.copy.head());
  const ref = project.refTo("v1", "ConfigMap", "shared");
  await project.change({
    ignoreFields: [
      {
        target: { kind: "ConfigMap", name: "shared" },
        paths: ["/data/theirs", "/metadata/annotations/example.com~1note", "/__proto__/polluted"],
      },
      { target: { group: "apps", kind: "Deployment" }, paths: ["/spec/template/spec/containers/0/image"] },
    ],
  });
  await project.until("the ignoring pass", (sync) => numberAt(sync, "status", "observedGeneration") === 2);
  await settle(scene.kube, workload);
  await project.untilReady("True", "Applied");
  await scene.kube.patch(ref, {
    metadata: { annotations: { "example.com/note": "theirs" } },
    data: { theirs: "theirs" },
  });
  const containers = [{ name: "app", image: "registry.example.com/app:theirs" }];
  await scene.kube.patch(workload, { spec: { template: { spec: { containers } } } });
  await settle(scene.kube, workload);
  const changed = toYaml([noted("2"), deployment("web", 3)]);
  const sha = await project.push("Change both", { "a.yaml": changed });
  await scene.kube.waitFor(workload, "three replicas", (live) => numberAt(live, "spec", "replicas") === 3);
  await settle(scene.kube, workload);
  await project.untilApplied(sha);
  const live = await scene.kube.get(ref);
  expect(live["data"]).toEqual({ ours: "2", theirs: "theirs" });
  expect(live.metadata.annotations?.["example.com/note"]).toBe("theirs");
  const [container] = listAt(await scene.kube.get(workload), "spec", "template", "spec", "containers");
  expect(stringAt(container, "image")).toBe("registry.example.com/app:theirs");
});

const autoscaler = (name: string): Manifest => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 3, maxReplicas: 9 },
});

it.concurrent("E24: replicas in Git never set back what an autoscaler says, whether Git has the autoscaler or the cluster", async () => {
  const namespace = await scene.namespace("scaled");
  const refTo = (name: string) => ({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
  // One that ran, scaled, before Git came.
  await scene.kube.kubectl(["apply", "-n", namespace, "-f", "-"], deployment("old", 2));
  await scene.kube.scale(refTo("old"), 6);
  await scene.kube.apply({ ...autoscaler("live"), metadata: { name: "live", namespace } });
  const files = (image: string, hpa: boolean) => ({
    "a.yaml": toYaml([
      deployment("live", 2, image),
      deployment("old", 2, image),
      deployment("mine", 2, image),
      autoscaler("old"),
      ...(hpa ? [autoscaler("mine")] : []),
    ]),
  });
  const project = await scene.project({ namespace, files: files("registry.example.com/app:1", false) });
  const names = ["live", "old", "mine"];
  const replicas = async () =>
    Promise.all(names.map(async (name) => numberAt(await scene.kube.get(refTo(name)), "spec", "replicas")));
  await scene.kube.waitFor(refTo("mine"), "made", () => true);
  // What Git says is where a new one begins.
  await scene.kube.waitFor(refTo("old"), "ours", (live) => live.metadata.labels?.["fairlead.dev/managed"] === "true");
  expect(await replicas()).toEqual([2, 6, 2]);
  await scene.kube.scale(refTo("live"), 7);
  // An autoscaler that comes with a commit takes the replicas over as they are.
  await project.push("Autoscale", files("registry.example.com/app:2", true));
  const image = (live: Manifest) => stringAt(listAt(live, "spec", "template", "spec", "containers")[0], "image");
  for (const name of names)
    await scene.kube.waitFor(refTo(name), "the new image", (live) => image(live)?.endsWith(":2") === true);
  expect(await replicas()).toEqual([7, 6, 2]);
  await scene.kube.scale(refTo("mine"), 5);
  await force(project, "after scaling");
  expect(await replicas()).toEqual([7, 6, 5]);
  const warnings = (await project.events()).filter(({ reason }) => reason === "DriftCorrected");
  expect(warnings).toEqual([]);
});

it.concurrent("E24: replicas that Git no longer names stay as they are", async () => {
  const project = await scene.project({ name: "unnamed", files: { "a.yaml": toYaml([deployment("web", 4)]) } });
  const ref = project.refTo("apps/v1", "Deployment", "web");
  await settle(scene.kube, ref);
  await project.untilApplied(await project.copy.head());
  const { replicas: _, ...spec } = deployment("web", 4, "registry.example.com/app:2")["spec"] as JsonObject;
  const sha = await project.push("Leave the replicas to others", {
    "a.yaml": toYaml([{ ...deployment("web", 4), spec }]),
  });
  await scene.kube.waitFor(ref, "the new image", (live) => JSON.stringify(live["spec"]).includes("app:2"));
  await settle(scene.kube, ref);
  await project.untilApplied(sha);
  expect(at((await scene.kube.get(ref))["spec"], "replicas")).toBe(4);
});
