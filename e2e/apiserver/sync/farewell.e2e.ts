import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import type { ObjectRef } from "../../../src/api/objects.ts";
import { Mark } from "../../../src/api/v1alpha1/names.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, definition } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const map = (project: GitProject, name = "a"): ObjectRef => project.refTo("v1", "ConfigMap", name);

/** A sync with ConfigMaps a and b. */
async function begin(spec = {}): Promise<GitProject> {
  const files = { "a.yaml": toYaml([configMap("a")]), "b.yaml": toYaml([configMap("b")]) };
  const project = await scene.project({ files, spec });
  await project.untilApplied(await project.copy.head());
  return project;
}

/** Deletes a sync as `kubectl delete --cascade` does. Of the finalizers only the API server's own may be left. */
async function remove(project: GitProject, propagationPolicy = "Background"): Promise<void> {
  const { namespace, name } = project;
  const path = `/apis/fairlead.dev/v1alpha1/namespaces/${namespace}/gitsyncs/${name}`;
  await scene.kube.raw({
    method: "DELETE",
    path,
    body: { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy },
  });
}

/** Waits until Fairlead has let a sync go; what the garbage collector would take off, of which there is none here, may stay. */
async function released(project: GitProject, timeoutMs = 30_000): Promise<void> {
  if ((await scene.kube.find(project.ref)) === undefined) return;
  await scene.kube
    .waitFor(project.ref, "let go", ({ metadata }) => !metadata.finalizers?.includes(Mark.finalizer), { timeoutMs })
    .catch(async (error: unknown) => {
      if ((await scene.kube.find(project.ref)) !== undefined) throw error;
    });
}

describe.concurrent("what becomes of the objects of a deleted sync", () => {
  const propagations = ["Background", "Foreground", "Orphan"] as const;
  it.each([
    ...propagations.map((propagation) => ["Prune", propagation, false] as const),
    ...propagations.map((propagation) => ["Orphan", propagation, true] as const),
    ["Wait", "Background", false] as const,
  ])("E12: deletionPolicy %s says it, however the sync is deleted: %s", async (deletionPolicy, propagation, stays) => {
    const project = await begin({ deletionPolicy });
    await remove(project, propagation);
    await released(project);
    for (const name of ["a", "b"]) {
      const left = await scene.kube.find(map(project, name));
      expect(left !== undefined, name).toBe(stays);
      expect(left?.metadata.labels?.[Mark.managed]).toBeUndefined();
      expect(left?.metadata.annotations?.[Mark.owner]).toBeUndefined();
      if (stays && left !== undefined) expect(stringAt(left, "data", "key")).toBe("value");
    }
  });

  it("with prune: false they stay", async () => {
    const project = await begin({ prune: false });
    await remove(project);
    await scene.kube.waitGone(project.ref);
    expect((await scene.kube.get(map(project))).metadata.annotations?.[Mark.owner]).toBeUndefined();
  });

  it("suspended, it touches nothing", async () => {
    const project = await begin({ suspend: false });
    await project.change({ suspend: true });
    await project.untilReady("False", "Suspended");
    const before = await scene.kube.get(map(project));
    await remove(project);
    await scene.kube.waitGone(project.ref);
    expect((await scene.kube.get(map(project))).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it.each(["Wait", "Prune"] as const)("an object with a foreign finalizer, under %s", async (deletionPolicy) => {
    const project = await begin({ deletionPolicy });
    await scene.kube.patch(map(project), { metadata: { finalizers: ["example.com/keep"] } });
    await remove(project);
    if (deletionPolicy === "Wait") {
      const message = await project.untilReady("False", "Deleting", "example.com/keep");
      console.log(message);
      expect(message).toContain("after 10 minutes is left behind");
      await scene.kube.waitGone(map(project, "b"));
      expect((await scene.kube.get(project.ref)).metadata.finalizers).toContain(Mark.finalizer);
      await scene.kube.patch(map(project), { metadata: { finalizers: [] } });
    }
    await scene.kube.waitGone(project.ref);
    const left = await scene.kube.find(map(project));
    expect(left?.metadata.deletionTimestamp !== undefined).toBe(deletionPolicy === "Prune");
  });

  it("objects of an API that is gone hold nothing up", async () => {
    const suffix = Math.random().toString(36).slice(2, 8);
    const [plural, kind] = [`gone${suffix}`, `Gone${suffix}`];
    const object = { apiVersion: "example.com/v1", kind, metadata: { name: "x" } };
    const crd = definition(plural, kind);
    const definitionRef = { apiVersion: crd.apiVersion, kind: crd.kind, name: crd.metadata.name };
    await scene.kube.apply(crd);
    const files = { "x.yaml": toYaml([object]), "a.yaml": toYaml([configMap("a")]) };
    const project = await scene.project({ files, spec: { deletionPolicy: "Wait" } });
    await project.untilApplied(await project.copy.head());
    await scene.kube.delete(definitionRef);
    await scene.kube.waitGone(definitionRef);
    await remove(project);
    await scene.kube.waitGone(project.ref);
    expect(await scene.kube.find(map(project))).toBeUndefined();
  });

  it("a namespace that ends with its RoleBindings and accounts gets its sync released", async () => {
    const namespace = await scene.namespace("ending");
    const rbac = "rbac.authorization.k8s.io";
    await scene.kube.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "deployer", namespace } });
    await scene.kube.apply({
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: { name: "deployer", namespace },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", name: "deployer", namespace }],
    });
    const files = { "a.yaml": toYaml([configMap("a")]) };
    const project = await scene.project({ namespace, files, spec: { serviceAccountName: "deployer" } });
    await project.untilApplied(await project.copy.head());
    await scene.kube.delete({ apiVersion: "v1", kind: "Namespace", name: namespace });
    // What the namespace controller does, as there is none here: everything in it is deleted, in any order.
    await scene.kube.delete(project.refTo(`${rbac}/v1`, "RoleBinding", "deployer"));
    await scene.kube.delete(project.refTo("v1", "ServiceAccount", "deployer"));
    await remove(project);
    await scene.kube.waitGone(project.ref);
    expect(await scene.operator.logs()).toContain(`ConfigMap ${namespace}/a was not deleted`);
  });
});
