import { afterAll, beforeAll, expect, it } from "vitest";
import { at, type JsonObject, listAt, numberAt, stringAt } from "../../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap, deployment, settle } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** A Deployment as somebody once wrote it: with one variable, one label and one annotation more than Git has. */
function older(namespace: string, name: string): Manifest {
  const git = deployment(name, 2);
  const labels = { app: name, "example.com/left": "over" };
  const containers = [
    { name: "app", image: "registry.example.com/app:0", env: ["A", "B"].map((n) => ({ name: n, value: n })) },
  ];
  const spec = git["spec"] as JsonObject;
  const template = { metadata: { labels: { app: name } }, spec: { containers } };
  const metadata = { name, namespace, labels, annotations: { "example.com/left": "over" } };
  return { ...git, metadata, spec: { ...spec, template } };
}

function inGit(name: string): Manifest {
  const git = deployment(name, 2);
  const containers = [{ name: "app", image: "registry.example.com/app:1", env: [{ name: "A", value: "A" }] }];
  return {
    ...git,
    spec: { ...(git["spec"] as JsonObject), template: { metadata: { labels: { app: name } }, spec: { containers } } },
  };
}

/** Creates an object as a manager that does not use server-side apply. */
async function createAs(manager: string, object: Manifest): Promise<void> {
  const namespace = object.metadata.namespace ?? "";
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments?fieldManager=${manager}`;
  await scene.kube.raw({ method: "POST", path, body: object });
}

/** Waits until what the older applier alone had is gone, and reports on the Deployment as its controller would. */
async function untilOurs(ref: ObjectRef): Promise<void> {
  const isOurs = ({ metadata: { labels = {} } }: Manifest) =>
    labels["fairlead.dev/managed"] === "true" && labels["example.com/left"] === undefined;
  await scene.kube.waitFor(ref, "taken over", isOurs);
  await settle(scene.kube, ref);
}

const APPLIERS: readonly (readonly [string, (object: Manifest) => Promise<unknown>])[] = [
  ["kubectl apply", (object) => scene.kube.kubectl(["apply", "-f", "-"], object)],
  ["kubectl apply --server-side", (object) => scene.kube.kubectl(["apply", "--server-side", "-f", "-"], object)],
  ["kubectl create", (object) => scene.kube.kubectl(["create", "-f", "-"], object)],
  ["kubectl edit", (object) => createAs("kubectl-edit", object)],
  ["Helm", (object) => createAs("helm", object)],
  ["Flux", (object) => scene.kube.apply(object, { manager: "kustomize-controller" })],
  ["Argo CD", (object) => scene.kube.apply(object, { manager: "argocd-controller" })],
  [
    "an API server that did not record managers",
    async (object) => {
      await scene.kube.create(object);
      const { namespace = "", name } = object.metadata;
      const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace, name };
      // An empty entry is the documented way to clear them; the next apply records "before-first-apply".
      await scene.kube.patch(ref, { metadata: { managedFields: [{}] } });
    },
  ],
];

it.concurrent.each(APPLIERS)("E23: what %s once wrote and Git does not have is removed", async (_, write) => {
  const namespace = await scene.namespace("older");
  await write(older(namespace, "web"));
  const ref = { apiVersion: "apps/v1", kind: "Deployment", namespace, name: "web" };
  const before = await scene.kube.get(ref);
  const theirs = { name: "web", namespace, annotations: { "example.com/theirs": "stays" } };
  await scene.kube.apply({ apiVersion: "apps/v1", kind: "Deployment", metadata: theirs });
  const project = await scene.project({ namespace, files: { "app.yaml": toYaml([inGit("web")]) } });
  await untilOurs(ref);
  await project.untilApplied(await project.copy.head());
  const live = await scene.kube.get(ref);
  expect(live.metadata.uid).toBe(before.metadata.uid);
  expect(live.metadata.labels?.["example.com/left"]).toBeUndefined();
  expect(live.metadata.annotations?.["example.com/left"]).toBeUndefined();
  expect(live.metadata.annotations?.[LAST_APPLIED]).toBeUndefined();
  // What a manager wrote that is no applier is none of Git's business.
  expect(live.metadata.annotations?.["example.com/theirs"]).toBe("stays");
  const [container] = listAt(live, "spec", "template", "spec", "containers");
  expect(listAt(container, "env").map((one) => stringAt(one, "name"))).toEqual(["A"]);
  expect(stringAt(container, "image")).toBe("registry.example.com/app:1");
});

it.concurrent("E23: replicas that a controller set, or that Git does not name, stay when an older applier is taken over", async () => {
  const namespace = await scene.namespace("older");
  const refTo = (name: string) => ({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
  const without = (name: string): Manifest => {
    const { replicas: _, ...spec } = inGit(name)["spec"] as JsonObject;
    return { ...inGit(name), spec };
  };
  for (const name of ["scaled", "fixed"]) await scene.kube.kubectl(["apply", "-f", "-"], older(namespace, name));
  await scene.kube.scale(refTo("scaled"), 7);
  const files = { "app.yaml": toYaml([without("scaled"), without("fixed")]) };
  const project = await scene.project({ namespace, files });
  for (const name of ["scaled", "fixed"]) await untilOurs(refTo(name));
  await project.untilApplied(await project.copy.head());
  expect(numberAt(await scene.kube.get(refTo("scaled")), "spec", "replicas")).toBe(7);
  expect(numberAt(await scene.kube.get(refTo("fixed")), "spec", "replicas")).toBe(2);
});

it.concurrent("E23: an object that nobody had before costs one write and no read", async () => {
  const project = await scene.project({ name: "fresh", files: { "app.yaml": toYaml([configMap("new")]) } });
  await project.untilApplied(await project.copy.head());
  const calls = scene.proxy.calls.filter(({ namespace, name }) => namespace === project.namespace && name === "new");
  expect(calls.map(({ verb }) => verb)).toEqual(["apply"]);
  const live = await scene.kube.get(project.refTo("v1", "ConfigMap", "new"));
  expect(at(live.metadata, "managedFields")).toHaveLength(1);
});
