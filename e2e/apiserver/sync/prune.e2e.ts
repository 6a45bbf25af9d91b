import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { title } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { configMap, definition } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const TRAILER = "Fairlead-Prune: confirm";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** One file for each name, with a ConfigMap of that name. */
function maps(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}.yaml`, toYaml([configMap(name)])]));
}

function without(...names: readonly string[]): Record<string, undefined> {
  return Object.fromEntries(names.map((name) => [`${name}.yaml`, undefined]));
}

async function present(project: GitProject, ...names: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(names.map((name) => scene.kube.find(project.refTo("v1", "ConfigMap", name))));
  return names.filter((_, index) => found[index] !== undefined);
}

function deletes(project: GitProject): number {
  return scene.proxy.writes.filter(({ verb, namespace }) => verb === "delete" && namespace === project.namespace)
    .length;
}

/** Lets the API server refuse the deletion of one ConfigMap, as an admission webhook would. */
async function refuseDeletion(namespace: string, name: string) {
  const policy = `keep-${namespace}-${name}`;
  const group = "admissionregistration.k8s.io/v1";
  const match = {
    resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["DELETE"], resources: ["configmaps"] }],
  };
  const denied = `request.namespace != '${namespace}' || request.name != '${name}'`;
  await scene.kube.apply({
    apiVersion: group,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: policy },
    spec: { failurePolicy: "Fail", matchConstraints: match, validations: [{ expression: denied, message: "kept" }] },
  });
  const binding = { apiVersion: group, kind: "ValidatingAdmissionPolicyBinding", name: policy };
  await scene.kube.apply({
    apiVersion: group,
    kind: binding.kind,
    metadata: { name: policy },
    spec: { policyName: policy, validationActions: ["Deny"] },
  });
  const probe = { apiVersion: "v1", kind: "ConfigMap", namespace, name };
  await until("the deletion to be refused", async (saw) => {
    const dryRun = await scene.kube.kubectl(["-n", namespace, "delete", "configmap", name, "--dry-run=server"]).then(
      () => "it would be deleted",
      () => undefined,
    );
    saw(dryRun ?? title(probe));
    return dryRun === undefined ? true : undefined;
  });
  return { lift: () => scene.kube.delete(binding) };
}

async function begin(files: Record<string, string>, spec = {}): Promise<GitProject> {
  const project = await scene.project({ files, spec });
  await project.untilApplied(await project.copy.head());
  return project;
}

describe.concurrent("what must delete nothing", () => {
  it("E02: an empty directory, unless a commit confirms that all may go", async () => {
    const project = await begin(maps("a", "b"));
    await project.push("Empty it", { ...without("a", "b"), ".gitkeep": "" });
    expect(await project.untilReady("False", "NoManifests")).toContain("commit manifests there");
    await project.push("Touch it", { ".gitkeep": "\n" });
    await scene.kube.delete(project.refTo("v1", "ConfigMap", "a"));
    await scene.kube.waitFor(project.refTo("v1", "ConfigMap", "a"), "put back meanwhile", () => true);
    expect(deletes(project)).toBe(0);
    await project.untilApplied(await project.push("Fill it", maps("a", "b")));
    expect(await present(project, "a", "b")).toEqual(["a", "b"]);
    await project.push("Empty it again", without("a", "b"));
    await project.untilReady("False", "NoManifests", TRAILER);
    await project.copy.commit(`Mean it\n\n${TRAILER}`, { allowEmpty: true });
    await project.copy.push();
    await project.untilApplied(await project.copy.head());
    expect(await present(project, "a", "b")).toEqual([]);
    expect(await project.inventory()).toEqual([]);
  });

  it("E03: a path that was renamed, while drift is corrected to what was there", async () => {
    const project = await begin(maps("a", "b"));
    await project.copy.git("mv", "deploy", "k8s");
    await project.copy.commit("Rename it");
    await project.copy.push();
    const message = await project.untilReady("False", "PathNotFound");
    console.log(message);
    await scene.kube.delete(project.refTo("v1", "ConfigMap", "a"));
    await scene.kube.waitFor(project.refTo("v1", "ConfigMap", "a"), "put back meanwhile", () => true);
    expect(deletes(project)).toBe(0);
    await project.copy.git("mv", "k8s", "deploy");
    await project.untilApplied(await project.push("Bring it back", maps("a", "b")));
    expect(await present(project, "a", "b")).toEqual(["a", "b"]);
  });

  it("spec.prune: false", async () => {
    const project = await begin(maps("a", "b", "c"), { prune: false });
    const sha = await project.push("Remove b", without("b"));
    await project.untilApplied(sha);
    expect(await project.untilReady("True", "Applied", "spec.prune is false")).toContain("1 object");
    expect(await present(project, "a", "b", "c")).toEqual(["a", "b", "c"]);
    await project.change({ prune: true });
    await scene.kube.waitGone(project.refTo("v1", "ConfigMap", "b"));
  });

  it("an object on which pruning is disabled", async () => {
    const kept = toYaml([
      { ...configMap("b"), metadata: { name: "b", annotations: { "fairlead.dev/prune": "disabled" } } },
    ]);
    const project = await begin({ ...maps("a", "c"), "b.yaml": kept });
    await project.untilApplied(await project.push("Remove b", without("b")));
    expect(await present(project, "a", "b", "c")).toEqual(["a", "b", "c"]);
    expect(await project.inventory()).toHaveLength(2);
  });

  it("E07: an object that bears our label and a copied mark, or another uid", async () => {
    const project = await begin(maps("a", "b", "c"));
    const { metadata } = await scene.kube.get(project.refTo("v1", "ConfigMap", "b"));
    const copied = { labels: metadata.labels, annotations: metadata.annotations };
    await scene.kube.apply({
      ...configMap("copy"),
      metadata: { ...copied, name: "copy", namespace: project.namespace },
    });
    // Replaced while nobody looks: the same name and mark, another uid.
    await project.change({ suspend: true });
    await project.untilReady("False", "Suspended");
    await scene.kube.delete(project.refTo("v1", "ConfigMap", "b"));
    await scene.kube.apply({ ...configMap("b"), metadata: { ...copied, name: "b", namespace: project.namespace } });
    const sha = await project.push("Remove b", without("b"));
    await project.change({ suspend: false });
    await project.untilApplied(sha);
    expect(await present(project, "a", "b", "c", "copy")).toEqual(["a", "b", "c", "copy"]);
    expect(deletes(project)).toBe(0);
    // The copy is nobody's: it is not spoken of either.
    const told = JSON.stringify([await project.sync(), await project.events()]);
    expect(told).not.toContain("copy");
  });
});

describe.concurrent("what deletes", () => {
  it("the removal of one object", async () => {
    const project = await begin(maps("a", "b", "c"));
    await project.untilApplied(await project.push("Remove b", without("b")));
    expect(await present(project, "a", "b", "c")).toEqual(["a", "c"]);
    await project.untilEvent("Pruned", `ConfigMap ${project.namespace}/b`);
    expect(await project.inventory()).toHaveLength(2);
    await project.untilApplied(await project.push("Put b back", maps("b")));
    expect(await present(project, "b")).toEqual(["b"]);
    // What Git brings back was not drift.
    expect((await project.events()).map(({ reason }) => reason)).not.toContain("DriftCorrected");
  });

  it("E15: an object with a foreign finalizer, which stays in the inventory until it is gone", async () => {
    const project = await begin(maps("a", "b", "c"));
    const b = project.refTo("v1", "ConfigMap", "b");
    await scene.kube.patch(b, { metadata: { finalizers: ["example.com/keep"] } });
    await project.untilApplied(await project.push("Remove b, add d", { ...without("b"), ...maps("d") }));
    const message = await project.untilReady("True", "Applied", "it waits for example.com/keep");
    expect(message).toContain(`ConfigMap ${project.namespace}/b is being deleted`);
    expect(await project.inventory()).toContain(`/ConfigMap/${project.namespace}/b`);
    expect(await present(project, "b", "d")).toEqual(["b", "d"]);
    // Other work goes on, and nothing is asked of it twice.
    await project.untilApplied(await project.push("Add e", maps("e")));
    expect(deletes(project)).toBe(1);
    const uid = (await scene.kube.get(b)).metadata.uid;
    await scene.kube.patch(b, { metadata: { finalizers: [] } });
    await scene.kube.waitGone(b);
    await project.until("b out of the inventory", (sync) => !JSON.stringify(sync["status"]).includes("/b"));
    expect(uid).toBeDefined();
    expect(await present(project, "b")).toEqual([]);
  });

  it("E15: an object whose deletion is refused, which is tried again", async () => {
    const project = await begin(maps("a", "b", "c"));
    const guard = await refuseDeletion(project.namespace, "b");
    await project.push("Remove b and c", without("b", "c"));
    const message = await project.untilReady("False", "PruneFailed");
    console.log(message);
    expect(message).toContain(`ConfigMap ${project.namespace}/b was not deleted`);
    expect(await project.inventory()).toContain(`/ConfigMap/${project.namespace}/b`);
    expect(await present(project, "b", "c")).toEqual(["b"]);
    await guard.lift();
    await scene.kube.waitGone(project.refTo("v1", "ConfigMap", "b"));
    await project.untilApplied(await project.copy.head());
  });

  it.each([
    ["more than half and at least five", ["a", "b", "c", "d", "e", "f", "g", "h"], ["a", "b", "c", "d", "e"]],
    ["everything but one of six", ["a", "b", "c", "d", "e", "f"], ["a", "b", "c", "d", "e"]],
  ])("%s, only once a commit confirms it", async (_, all, removed) => {
    const project = await begin(maps(...all));
    const sha = await project.push("Remove many", without(...removed));
    const pushed = performance.now();
    const message = await project.untilReady("False", "PruneHeld");
    console.log(`held after ${((performance.now() - pushed) / 1_000).toFixed(1)} s: ${message}`);
    // It is the first thing that is said of the commit: nobody waits for health to learn that he is asked.
    const [first] = scene.proxy.writes.filter((call) => JSON.stringify(call.body).includes(sha));
    expect(JSON.stringify(first?.body)).toContain("PruneHeld");
    const reads = () =>
      scene.proxy.calls.filter(({ verb, namespace }) => verb === "get" && namespace === project.namespace);
    const before = reads().length;
    for (const name of removed) expect(message).toContain(`ConfigMap ${project.namespace}/${name}`);
    expect(message).toContain(TRAILER);
    await project.untilEvent("PruneHeld", TRAILER);
    expect(await present(project, ...all)).toEqual(all);
    // Passes over a set that is held read nothing.
    await scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": "1" } } });
    await project.until("another pass", (sync) => stringAt(sync, "status", "lastHandledRequest") === "1");
    expect(reads().length).toBe(before);
    await project.copy.commit(`Confirm it\n\n${TRAILER}`, { allowEmpty: true });
    await project.copy.push();
    await project.untilApplied(await project.copy.head());
    expect(await present(project, ...all)).toEqual(all.filter((name) => !removed.includes(name)));
  });

  it("everything replaced by another object, only once a commit confirms it", async () => {
    const project = await begin(maps("a"));
    await project.push("Rename it", { ...without("a"), ...maps("z") });
    // The new object counts as what stays: one of two is neither everything nor five.
    await scene.kube.waitGone(project.refTo("v1", "ConfigMap", "a"));
    expect(await present(project, "z")).toEqual(["z"]);
  });

  it("E10: a definition, held with the count of other people's objects that would go with it", async () => {
    const suffix = Math.random().toString(36).slice(2, 8);
    const [plural, kind] = [`boats${suffix}`, `Boat${suffix}`];
    const boat = (name: string) => ({ apiVersion: "example.com/v1", kind, metadata: { name } });
    const crd = toYaml([definition(plural, kind)]);
    const files = { ...maps("a", "b", "c"), "crd.yaml": crd, "boat.yaml": toYaml([boat("own")]) };
    const project = await begin(files);
    const elsewhere = await scene.namespace("elsewhere");
    for (const name of ["x", "y"]) {
      await scene.kube.apply({ ...boat(name), metadata: { name, namespace: elsewhere } });
    }
    await project.push("Remove boats", { "crd.yaml": undefined, "boat.yaml": undefined });
    const message = await project.untilReady("False", "PruneHeld");
    console.log(message);
    expect(message).toContain(`CustomResourceDefinition ${plural}.example.com with 2 objects of other origin`);
    expect(deletes(project)).toBe(0);
    await scene.kube.get({ apiVersion: "example.com/v1", kind, namespace: elsewhere, name: "x" });
  });

  it("a Namespace, a definition or a claim, only once a commit confirms it", async () => {
    const suffix = Math.random().toString(36).slice(2, 8);
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } },
    };
    const precious = {
      "claim.yaml": toYaml([claim]),
      "crd.yaml": toYaml([definition(`things${suffix}`, `Thing${suffix}`)]),
      "namespace.yaml": toYaml([{ apiVersion: "v1", kind: "Namespace", metadata: { name: `extra-${suffix}` } }]),
    };
    const project = await begin({ ...maps("a", "b", "c", "d"), ...precious });
    for (const [file, named] of [
      ["claim.yaml", "PersistentVolumeClaim"],
      ["crd.yaml", `CustomResourceDefinition things${suffix}.example.com`],
      ["namespace.yaml", `Namespace extra-${suffix}`],
    ] as const) {
      await project.push(`Remove ${file}`, { [file]: undefined });
      const message = await project.untilReady("False", "PruneHeld", named);
      expect(message).toContain(TRAILER);
      expect(deletes(project)).toBe(0);
      await project.untilApplied(await project.push(`Put ${file} back`, { [file]: precious[file] }));
    }
    await project.push(`Remove the claim\n\n${TRAILER}`, { "claim.yaml": undefined });
    await scene.kube.waitFor(
      project.refTo("v1", "PersistentVolumeClaim", "data"),
      "to be deleted",
      (live) => live.metadata.deletionTimestamp !== undefined,
    );
  });
});
