import { afterAll, beforeAll, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { groupOf, type Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { hardDefinition, hardObjects } from "../../harness/hardKinds.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

const OBJECTS = 1_000;
const PASSES = 20;

let scene: PlaneScene;
let project: GitProject;
let objects: readonly Manifest[];

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
  objects = [hardDefinition(), ...hardObjects(OBJECTS - 1, "rest")];
  project = await scene.project({ files: { "all.yaml": toYaml(objects) }, spec: { interval: "10m" } });
  await pass("first");
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** Asks for a pass over everything, and waits until it has been made. */
async function pass(request: string): Promise<void> {
  await scene.kube.patch(project.ref, { metadata: { annotations: { "fairlead.dev/requested-at": request } } });
  const answered = (sync: Manifest) => stringAt(sync, "status", "lastHandledRequest") === request;
  await project.until(`the request "${request}" answered`, answered, { timeoutMs: 110_000 });
}

/** What the injector of authorities and the aggregation of roles do, each as its own manager. */
async function interfere(): Promise<void> {
  for (const object of objects) {
    const ref = { apiVersion: object.apiVersion, kind: object.kind, name: object.metadata.name };
    if (object.kind === "ClusterRole")
      await scene.kube.patch(ref, { rules: [{ nonResourceURLs: ["/x"], verbs: ["get"] }] });
    if (!object.kind.endsWith("WebhookConfiguration")) continue;
    const plural = `${object.kind.toLowerCase()}s`;
    const path = `/apis/admissionregistration.k8s.io/v1/${plural}/${object.metadata.name}`;
    const patch = [{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: "LS0=" }];
    await scene.kube.raw({ method: "PATCH", path, body: patch, contentType: "application/json-patch+json" });
  }
}

/** The resourceVersion of each object of the set. */
async function versions(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const kinds = new Map(objects.map((one) => [`${one.apiVersion} ${one.kind}`, one]));
  for (const { apiVersion, kind } of kinds.values()) {
    for (const live of await scene.kube.list(apiVersion, kind, { labels: "fairlead.dev/managed=true" })) {
      const key = `${groupOf(apiVersion)}/${kind}/${live.metadata.namespace ?? ""}/${live.metadata.name}`;
      found.set(key, live.metadata.resourceVersion ?? "");
    }
  }
  return found;
}

/** Writes of the set's objects by kind: not the Lease, not the sync's own status and Events. */
function writes(): Readonly<Record<string, number>> {
  const own = ["leases", "events", "gitsyncs"];
  return scene.proxy.counts(({ write, resource }) => write && !own.includes(resource));
}

it(`E21 E22 E26: ${OBJECTS} objects of the hard kinds, ${PASSES} forced passes: no write, no read, same versions`, async () => {
  await interfere();
  await pass("settled");
  const before = await versions();
  expect(before.size).toBe(OBJECTS);
  scene.proxy.forget();
  for (let round = 1; round <= PASSES; round++) await pass(`round ${round}`);
  const reads = scene.proxy.counts(({ verb, resource }) => ["get", "list"].includes(verb) && resource !== "leases");
  console.log(`${PASSES} passes over ${before.size} objects: writes`, writes(), "reads", reads);
  expect(writes()).toEqual({});
  expect(reads).toEqual({});
  expect(await versions()).toEqual(before);
});

it("E21 E22 E26: a new process applies nothing again", async () => {
  const before = await versions();
  await scene.operator.stop();
  scene.proxy.forget();
  await scene.operator.start();
  await pass("restarted");
  console.log(`a restart over ${before.size} objects: writes`, writes());
  expect(writes()).toEqual({});
  expect(await versions()).toEqual(before);
});
