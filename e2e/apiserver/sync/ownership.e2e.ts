import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JsonObject, stringAt, stringify } from "../../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../../src/api/objects.ts";
import { identity, refOf } from "../../../src/api/objects.ts";
import { Mark } from "../../../src/api/v1alpha1/names.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { conditionOf } from "../../harness/kube.ts";
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

const suffix = () => Math.random().toString(36).slice(2, 8);
const deletes = () => scene.proxy.writes.filter(({ verb }) => verb === "delete").map(({ path }) => path);
const uidOf = async (ref: ObjectRef) => (await scene.kube.get(ref)).metadata.uid;
const ownerOf = async (ref: ObjectRef) => (await scene.kube.get(ref)).metadata.annotations?.[Mark.owner];

/** A sync that declares a Namespace and a ConfigMap of its own. */
async function declaring(name: string, extra: string): Promise<GitProject> {
  const shared = toYaml([{ apiVersion: "v1", kind: "Namespace", metadata: { name: extra } }]);
  return scene.project({ name, files: { "shared.yaml": shared, "own.yaml": toYaml([configMap("own")]) } });
}

it("E06: of two syncs that declare one Namespace the first keeps it, both say so, and it outlives the first", async () => {
  const extra = `shared-${suffix()}`;
  const ref = { apiVersion: "v1", kind: "Namespace", name: extra };
  const first = await declaring("first", extra);
  await first.untilApplied(await first.copy.head());
  const uid = await uidOf(ref);
  const second = await declaring("second", extra);
  const [one, two] = [`${first.namespace}/first`, `${second.namespace}/second`];
  expect(await second.untilReady("False", "OwnedByOther", `Namespace ${extra}`)).toContain(`GitSync ${one}`);
  const contested = await first.until("told of the conflict", (sync) => conditionOf(sync, "Contested") !== undefined);
  console.log(conditionOf(contested, "Contested")?.message);
  expect(conditionOf(contested, "Contested")?.message).toContain(`Namespace ${extra}, which GitSync ${two} declares`);
  expect(conditionOf(contested, "Ready")?.status).toBe("True");
  await first.untilEvent("Contested", two);
  // What is known after a restart is the same.
  await scene.operator.restart();
  await first.push("Change it", { "own.yaml": toYaml([configMap("own", { key: "other" })]) });
  await first.untilApplied(await first.copy.head());
  expect(await ownerOf(ref)).toContain(`${one}/`);
  await first.until("told again", (sync) => conditionOf(sync, "Contested") !== undefined);

  await scene.kube.delete(first.ref);
  await scene.kube.waitGone(first.ref);
  await second.untilApplied(await second.copy.head());
  expect(await ownerOf(ref)).toContain(`${two}/`);
  const live = await scene.kube.get(ref);
  expect([live.metadata.uid, live.metadata.deletionTimestamp]).toEqual([uid, undefined]);
});

/** The GitSync of a project under another name, as a manifest. */
async function renamed(project: GitProject, name: string): Promise<Manifest> {
  const { spec } = (await project.sync()) as unknown as { spec: JsonObject };
  return {
    apiVersion: project.ref.apiVersion,
    kind: "GitSync",
    metadata: { name, namespace: project.namespace },
    spec,
  };
}

describe.concurrent("who owns", () => {
  it("E06: of two that come at the same time one keeps an object, however often both look", async () => {
    const extra = `race-${suffix()}`;
    const ref = { apiVersion: "v1", kind: "Namespace", name: extra };
    const projects = await Promise.all([declaring("left", extra), declaring("right", extra)]);
    const reasonOf = (sync: Manifest) => conditionOf(sync, "Ready")?.reason ?? "";
    for (const asked of [undefined, "1", "2"]) {
      for (const project of asked === undefined ? [] : projects) {
        await scene.kube.patch(project.ref, { metadata: { annotations: { [Mark.requestedAt]: asked } } });
      }
      // Both may have applied before either heard of the other; one of them gives way.
      const syncs = await until("one to be applied and the other one refused", async (saw) => {
        const both = await Promise.all(projects.map(({ ref: of }) => scene.kube.get(of)));
        saw(stringify(both.map((sync) => sync["status"])));
        const handled = both.every((sync) => (stringAt(sync, "status", "lastHandledRequest") ?? "") === (asked ?? ""));
        return handled && both.map(reasonOf).sort().join() === "Applied,OwnedByOther" ? both : undefined;
      });
      const winner = syncs.find((sync) => reasonOf(sync) === "Applied")?.metadata;
      expect(await ownerOf(ref)).toContain(`${winner?.namespace}/${winner?.name}/`);
    }
  });

  it.each(["the new one is there first", "the old one is deleted first"])(
    "E04: a GitSync that is renamed keeps its objects, when %s",
    async (order) => {
      const files = { "a.yaml": toYaml([configMap("a")]), "b.yaml": toYaml([configMap("b")]) };
      const old = await scene.project({ name: "old", files });
      const sha = await old.copy.head();
      await old.untilApplied(sha);
      const refs = ["a", "b"].map((name) => old.refTo("v1", "ConfigMap", name));
      const uids = await Promise.all(refs.map(uidOf));
      const manifest = await renamed(old, "new");
      const ref = { ...old.ref, name: "new" };
      const make = () => scene.kube.apply(manifest);
      const remove = () => scene.kube.delete(old.ref);
      if (order.startsWith("the new")) {
        await make();
        await scene.kube.waitFor(ref, "refused", (sync) => conditionOf(sync, "Ready")?.reason === "OwnedByOther");
        await remove();
      } else {
        await remove();
        await make();
      }
      await scene.kube.waitGone(old.ref);
      await scene.kube.waitFor(ref, "applied", (sync) => stringAt(sync, "status", "appliedRevision") === sha);
      expect(await Promise.all(refs.map(uidOf))).toEqual(uids);
      for (const one of refs) expect(await ownerOf(one)).toContain(`${old.namespace}/new/`);
      expect(deletes().filter((path) => path.includes(old.namespace) && path.includes("configmaps"))).toEqual([]);
    },
  );

  it("E04: a GitSync that is renamed by the commit of another one keeps its objects", async () => {
    const namespace = await scene.namespace("parent");
    const parent = await scene.project({
      name: "parent",
      namespace,
      files: { "app/a.yaml": toYaml([configMap("a")]), "syncs/keep.yaml": toYaml([configMap("keep")]) },
      spec: { path: "deploy/syncs" },
    });
    await parent.untilApplied(await parent.copy.head());
    const { spec } = (await parent.sync()) as unknown as { spec: JsonObject };
    const child = (name: string) =>
      toYaml([
        {
          apiVersion: parent.ref.apiVersion,
          kind: "GitSync",
          metadata: { name },
          spec: { ...spec, path: "deploy/app" },
        },
      ]);
    await parent.untilApplied(await parent.push("Add the app", { "syncs/app.yaml": child("app") }));
    const ref = parent.refTo("v1", "ConfigMap", "a");
    await scene.kube.waitFor(ref, "applied", () => true);
    const uid = await uidOf(ref);
    const sha = await parent.push("Rename the app", { "syncs/app.yaml": child("shop") });
    await scene.kube.waitGone({ ...parent.ref, name: "app" }, { timeoutMs: 60_000 });
    const holds = (sync: Manifest) => stringAt(sync, "status", "appliedRevision") === sha;
    await scene.kube.waitFor({ ...parent.ref, name: "shop" }, "applied", holds);
    await parent.untilApplied(sha, { timeoutMs: 60_000 });
    expect(await uidOf(ref)).toBe(uid);
    expect(await ownerOf(ref)).toContain(`${namespace}/shop/`);
  });

  it("A17, E11: a forged inventory deletes nothing, in kube-system and beside Fairlead least of all", async () => {
    const project = await scene.project({
      files: { "a.yaml": toYaml([configMap("a")]), "b.yaml": toYaml([configMap("b")]) },
    });
    const other = await scene.project({ name: "other", files: { "a.yaml": toYaml([configMap("a")]) } });
    await Promise.all([project.untilApplied(await project.copy.head()), other.untilApplied(await other.copy.head())]);
    await project.change({ suspend: true });
    await project.untilReady("False", "Suspended");
    const foreign = async (namespace: string, name: string, mark?: string) => {
      const ref = { apiVersion: "v1", kind: "ConfigMap", namespace, name };
      const own = `${project.namespace}/${project.name}/${mark ?? identity(ref)}`;
      const metadata = { name, namespace, labels: { [Mark.managed]: "true" }, annotations: { [Mark.owner]: own } };
      return scene.kube.apply({ apiVersion: "v1", kind: "ConfigMap", metadata });
    };
    const { namespace } = project;
    const bare = await scene.kube.apply({ ...configMap("bare"), metadata: { name: "bare", namespace } });
    const targets = [
      // With a perfect mark: only the place protects it.
      await foreign("kube-system", `forged-${suffix()}`),
      await foreign("kube-public", `forged-${suffix()}`),
      await foreign(scene.operator.namespace, `forged-${suffix()}`),
      // With the marks of another object of ours, and with none.
      await foreign(namespace, "copy", `/ConfigMap/${namespace}/a`),
      bare,
      // Another sync's.
      await scene.kube.get(other.refTo("v1", "ConfigMap", "a")),
    ];
    // With a perfect mark and another uid than the recorded one.
    const replaced = await foreign(namespace, "replaced");
    const stored = ((await project.sync()) as unknown as { status: { inventory: JsonObject[] } }).status.inventory;
    const forged = [
      ...stored,
      ...targets.map((object) => ({ id: identity(refOf(object)), apiVersion: "v1", uid: object.metadata.uid ?? "" })),
      { id: identity(refOf(replaced)), apiVersion: "v1", uid: "00000000-0000-0000-0000-000000000000" },
      { id: "/Namespace//kube-system", apiVersion: "v1" },
      { id: `/Namespace//${namespace}`, apiVersion: "v1" },
      { id: "///", apiVersion: "v1" },
      { id: "../../../etc", apiVersion: "v1" },
    ];
    await scene.kube.patch(project.ref, { status: { inventory: forged } }, "status");
    const sha = await project.push("Remove b", { "b.yaml": undefined });
    await project.change({ suspend: false });
    await project.untilApplied(sha);
    await scene.kube.waitGone(project.refTo("v1", "ConfigMap", "b"));
    for (const object of [...targets, replaced]) {
      expect((await scene.kube.find(refOf(object)))?.metadata.uid, object.metadata.name).toBe(object.metadata.uid);
    }
    // The deletion of the sync trusts it no more.
    await scene.kube.patch(project.ref, { status: { inventory: forged } }, "status");
    await scene.kube.delete(project.ref);
    await scene.kube.waitGone(project.ref);
    for (const object of [...targets, replaced]) {
      const live = await scene.kube.find(refOf(object));
      expect([live?.metadata.uid, live?.metadata.deletionTimestamp]).toEqual([object.metadata.uid, undefined]);
    }
  });
});
