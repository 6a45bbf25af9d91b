import { afterAll, beforeAll, expect, it } from "vitest";
import { at, type JsonObject, numberAt, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const RECREATE = { "fairlead.dev/recreate": "allowed" };

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

interface Change {
  readonly app?: string;
  readonly replicas?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A Deployment "web" that selects what the label app says. */
function web({ app = "web", replicas = 0, annotations = {} }: Change): Manifest {
  const git = deployment(app, replicas);
  return { ...git, metadata: { ...git.metadata, name: "web", annotations } };
}

async function begin(first: Change): Promise<{ readonly project: GitProject; readonly live: () => Promise<Manifest> }> {
  const project = await scene.project({ files: { "app.yaml": toYaml([web(first)]) } });
  const ref = project.refTo("apps/v1", "Deployment", "web");
  await settle(scene.kube, ref);
  await project.untilApplied(await project.copy.head());
  return { project, live: () => scene.kube.get(ref) };
}

it.concurrent("E17: an immutable field is refused with its path, and the object is left alone", async () => {
  const { project, live } = await begin({});
  const before = await live();
  await project.push("Select others", { "app.yaml": toYaml([web({ app: "other" })]) });
  const message = await project.untilReady("False", "ImmutableField", "spec.selector");
  console.log(message);
  expect(message).toContain("deploy/app.yaml:1:1");
  expect(message).toContain("fairlead.dev/recreate: allowed");
  await project.untilEvent("ImmutableField", "spec.selector");
  expect(await live()).toEqual(before);
  await project.untilApplied(await project.push("Put it back", { "app.yaml": toYaml([web({})]) }));
});

it.concurrent("E17: an object whose annotation allows it is made anew for an immutable field", async () => {
  const { project, live } = await begin({});
  const before = await live();
  const sha = await project.push("Select others", {
    "app.yaml": toYaml([web({ app: "other", annotations: RECREATE })]),
  });
  await project.untilEvent("Recreated", "spec.selector");
  await settle(scene.kube, project.refTo("apps/v1", "Deployment", "web"));
  await project.untilApplied(sha);
  const after = await live();
  expect(after.metadata.uid).not.toBe(before.metadata.uid);
  expect(stringAt(after, "spec", "selector", "matchLabels", "app")).toBe("other");
});

it.concurrent.each<readonly [string, Change]>([
  ["a plain validation error", { replicas: -1 }],
  ["an immutable field next to a validation error", { app: "other", replicas: -1 }],
])("E18: %s never deletes the object, though the annotation allows to make it anew", async (_, change) => {
  const { project, live } = await begin({ annotations: RECREATE });
  const { uid } = (await live()).metadata;
  await project.push("Break it", { "app.yaml": toYaml([web({ ...change, annotations: RECREATE })]) });
  const message = await project.untilReady("False", "ApplyFailed", "spec.replicas");
  console.log(message);
  const now = await live();
  expect(now.metadata.uid).toBe(uid);
  expect(numberAt(now, "spec", "replicas")).toBe(0);
  await project.untilApplied(await project.push("Mend it", { "app.yaml": toYaml([web({ annotations: RECREATE })]) }));
  expect((await live()).metadata.uid).toBe(uid);
});

it.concurrent("E18: a volume claim is never deleted, whatever its annotation says", async () => {
  const claim = (storage: string): Manifest => ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", annotations: RECREATE },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName: storage, resources: { requests: { storage: "1Gi" } } },
  });
  const project = await scene.project({ files: { "claim.yaml": toYaml([claim("slow")]) } });
  const ref = project.refTo("v1", "PersistentVolumeClaim", "data");
  const { uid } = (await scene.kube.waitFor(ref, "there", () => true)).metadata;
  await project.push("Another class", { "claim.yaml": toYaml([claim("fast")]) });
  const message = await project.untilReady("False", "ImmutableField", "never deleted");
  console.log(message);
  const live = await scene.kube.get(ref);
  expect(live.metadata.uid).toBe(uid);
  expect(at(live["spec"] as JsonObject, "storageClassName")).toBe("slow");
});
