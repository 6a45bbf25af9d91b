import { afterAll, beforeAll, expect, it } from "vitest";
import { at, listAt, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION, Mark } from "../../../src/api/v1alpha1/names.ts";
import { type ShopEnv, shopManifests, toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { configured, SETTINGS, settingsOf } from "../../harness/configured.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";
import { StandInPods } from "../../harness/standInPods.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ controllers: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

interface Commit {
  readonly version: string;
  readonly env: ShopEnv;
  /** The variable that comes from a ConfigMap. */
  readonly from: string;
  readonly rolledOut: boolean;
}

function files(namespace: string, { version, env, from, rolledOut }: Commit): Readonly<Record<string, string>> {
  const [web, service] = shopManifests({ namespace, name: "web", version, replicas: 2, image: "shop", env });
  const spec = {
    ...{ workloadRef: { name: "web" }, serviceRef: { name: "web" }, settleSeconds: 1, scaleDownDelaySeconds: 0 },
    strategy: { canary: { steps: [{ weight: 50 }] } },
  };
  const rollout = { apiVersion: API_VERSION, kind: "ProgressiveRollout", metadata: { name: "web", namespace }, spec };
  const all = [configured(web, { [from]: "setting" }), service, settingsOf(namespace, { setting: "s1" })];
  return { "all.yaml": toYaml(rolledOut ? [...all, rollout] : all) };
}

const FIRST: Commit = { version: "v1", env: { DELAY: "1ms" }, from: "SETTING", rolledOut: true };

const envOf = (deployment: Manifest) => {
  const [container] = listAt(deployment, "spec", "template", "spec", "containers");
  return listAt(container, "env").map((one) => stringAt(one, "name"));
};

async function adopted(namespace: string): Promise<GitProject> {
  const project = await scene.project({ namespace, files: files(namespace, FIRST) });
  const rollout = project.refTo(API_VERSION, "ProgressiveRollout", "web");
  await scene.kube.waitFor(rollout, "at rest", (one) => conditionOf(one, "Ready")?.reason === "AtRest", {
    timeoutMs: 60_000,
  });
  return project;
}

it("P39: a revision whose Deployment a person deletes is made anew with its configuration, which stays", async () => {
  const { kube } = scene;
  const namespace = await scene.namespace("deleted");
  await using _pods = new StandInPods(kube, namespace);
  await adopted(namespace);
  const revision = async () => {
    const all = await kube.list("apps/v1", "Deployment", { namespace, labels: Mark.revision });
    return all.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  };
  const copy = async () => {
    const all = await kube.list("v1", "ConfigMap", { namespace, labels: Mark.revision });
    return all.find(({ metadata }) => metadata.name.startsWith(`${SETTINGS}-`));
  };
  for (let time = 1; time <= 3; time++) {
    const before = await revision();
    const { name = "", uid } = before?.metadata ?? {};
    await kube.delete({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
    const made = await until(`another Deployment, ${time}`, async (saw) => {
      const now = await revision();
      saw(now?.metadata.uid ?? "none");
      return now === undefined || now.metadata.uid === uid ? undefined : now;
    });
    const settled = async () => stringAt(listAt(await copy(), "metadata", "ownerReferences")[0], "uid");
    await expect.poll(settled, { timeout: 30_000 }).toBe(made.metadata.uid);
    // The pods of the former one go when its collection is over, and the copy with them if it were to go.
    await until(`its pods alone, ${time}`, async (saw) => {
      const pods = await kube.list("v1", "Pod", { namespace, labels: "app=web" });
      const sets = await kube.list("apps/v1", "ReplicaSet", { namespace, labels: Mark.revision });
      saw(`${pods.length} pods of ${sets.length} sets`);
      return pods.length === 2 && sets.length === 1 ? true : undefined;
    });
    expect(await copy()).toMatchObject({ data: { setting: "s1" } });
  }
});

it("a commit that removes a rollout and changes its Deployment gets all of its word, whatever was handed back", async () => {
  const { kube } = scene;
  const namespace = await scene.namespace("released");
  await using _pods = new StandInPods(kube, namespace);
  const project = await adopted(namespace);
  const workload = project.refTo("apps/v1", "Deployment", "web");
  expect(envOf(await kube.get(workload))).toEqual(["VERSION", "DELAY", "SETTING"]);
  const sha = await project.push(
    "No rollout, no setting, and a delay from elsewhere",
    files(namespace, { version: "v2", env: {}, from: "DELAY", rolledOut: false }),
  );
  await kube.waitGone(project.refTo(API_VERSION, "ProgressiveRollout", "web"), { timeoutMs: 60_000 });
  await project.untilApplied(sha, { timeoutMs: 60_000 });
  await expect
    .poll(async () => envOf(await kube.get(workload)).sort(), { timeout: 20_000 })
    .toEqual(["DELAY", "VERSION"]);
  expect(at(await kube.get(workload), "spec", "replicas")).toBe(2);
});
