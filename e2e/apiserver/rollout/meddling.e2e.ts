import { afterAll, beforeAll, expect, it } from "vitest";
import { at, type JsonObject, listAt, stringAt } from "../../../src/api/json.ts";
import type { Manifest, ObjectRef } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { shopManifests, toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { type ApiCall, describeCall } from "../../harness/apiCalls.ts";
import { meaningfulWrite } from "../../harness/apiRules.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";
import { StandInPods } from "../../harness/standInPods.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true, controllers: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

interface Commit {
  readonly version: string;
  readonly hold: string;
  /** Labels of the Service beside its own. */
  readonly labels?: Readonly<Record<string, string>>;
}

function files(namespace: string, { version, hold, labels = {} }: Commit): Readonly<Record<string, string>> {
  const [deployment, service] = shopManifests({ namespace, name: "web", version, replicas: 2, image: "shop" });
  const spec: JsonObject = {
    workloadRef: { name: "web" },
    serviceRef: { name: "web" },
    strategy: { canary: { steps: [{ weight: 50, hold }] } },
    settleSeconds: 1,
    scaleDownDelaySeconds: 0,
  };
  const rollout = { apiVersion: API_VERSION, kind: "ProgressiveRollout", metadata: { name: "web", namespace }, spec };
  const labelled = { ...service, metadata: { ...service.metadata, labels: { app: "web", ...labels } } };
  return { "all.yaml": toYaml([deployment, labelled, rollout]) };
}

const rolloutOf = (project: GitProject): ObjectRef => project.refTo(API_VERSION, "ProgressiveRollout", "web");
const outcomesOf = (rollout: Manifest) => listAt(rollout, "status", "history").map((one) => stringAt(one, "outcome"));

/** At rest after so many rollouts, with nothing left to do. */
function untilRested(project: GitProject, rollouts: number): Promise<Manifest> {
  const rests = (one: Manifest) =>
    outcomesOf(one).length === rollouts &&
    conditionOf(one, "Ready")?.reason === "AtRest" &&
    stringAt(one, "status", "rollout", "selection", "kind") === "Git";
  return scene.kube.waitFor(rolloutOf(project), `at rest after ${rollouts} rollouts`, rests);
}

/** The writes in a namespace that the API server has taken while something went on. */
async function takenWhile(namespace: string, story: () => Promise<unknown>): Promise<readonly string[]> {
  const taken: string[] = [];
  const ours = (call: ApiCall) => meaningfulWrite(call) && call.namespace === namespace;
  const run = (call: ApiCall, status: number) => void (status < 300 && taken.push(describeCall(call)));
  const end = scene.proxy.rule(ours, { kind: "After", run });
  await story().finally(end);
  return taken;
}

/** Annotates objects five times a second, as careless controllers do; gives how often, in the end. */
async function meddling(refs: readonly ObjectRef[], story: () => Promise<unknown>): Promise<number> {
  const ended = new AbortController();
  let times = 0;
  const working = until(
    "the end of the meddling",
    async () => {
      times += 1;
      const metadata = { annotations: { "example.com/seen": String(times) } };
      for (const ref of refs) await scene.kube.patch(ref, { metadata });
      return undefined;
    },
    { timeoutMs: 600_000, everyMs: 200, signal: ended.signal },
  ).catch(() => undefined);
  await story().finally(() => ended.abort());
  await working;
  return times;
}

it("P21: annotations of the rollout, the Deployment and the Service, five times a second, cost a rollout next to no write", async () => {
  const namespace = await scene.namespace("meddled");
  await using _pods = new StandInPods(scene.kube, namespace);
  const project = await scene.project({ namespace, files: files(namespace, { version: "v1", hold: "2s" }) });
  await untilRested(project, 1);
  const released = async (version: string, rollouts: number) => {
    await project.push(version, files(namespace, { version, hold: "2s" }));
    await untilRested(project, rollouts);
  };
  const calm = await takenWhile(namespace, () => released("v2", 2));
  const refs = [
    rolloutOf(project),
    project.refTo("apps/v1", "Deployment", "web"),
    project.refTo("v1", "Service", "web"),
  ];
  let times = 0;
  const meddled = await takenWhile(namespace, async () => {
    times = await meddling(refs, () => released("v3", 3));
  });
  console.log(`calm: ${calm.length} writes; annotated ${times} times: ${meddled.length}`);
  expect(times).toBeGreaterThan(10);
  // A write that what was seen is too old for is refused, looked at again, and not made twice.
  const ofRollout = (calls: readonly string[]) => calls.filter((call) => !call.includes("gitsyncs"));
  expect(ofRollout(meddled).length, meddled.join("\n")).toBeLessThanOrEqual(ofRollout(calm).length + 5);
  // The status of the sync is told again now and then; never more often than others write.
  expect(meddled.length, meddled.join("\n")).toBeLessThanOrEqual(calm.length + times);
  const rollout = await scene.kube.get(rolloutOf(project));
  expect(outcomesOf(rollout)).toEqual(["Promoted", "Promoted", "Adopted"]);
  expect(conditionOf(rollout, "Stalled")).toBeUndefined();
  await project.untilReady("True", "Applied");
});

it("P11: a commit that touches the Service at weight 50 is one write of it, and the selector stays", async () => {
  const namespace = await scene.namespace("touched");
  await using _pods = new StandInPods(scene.kube, namespace);
  const project = await scene.project({ namespace, files: files(namespace, { version: "v1", hold: "1h" }) });
  await untilRested(project, 1);
  await project.push("v2", files(namespace, { version: "v2", hold: "1h" }));
  await scene.kube.waitFor(
    rolloutOf(project),
    "weight 50 in place",
    (one) => stringAt(one, "status", "rollout", "inPlaceAt") !== undefined && at(one, "status", "weight") === 50,
  );
  const service = project.refTo("v1", "Service", "web");
  const before = await scene.kube.get(service);
  const taken = await takenWhile(namespace, async () => {
    await project.push("Name the team", files(namespace, { version: "v2", hold: "1h", labels: { team: "checkout" } }));
    await scene.kube.waitFor(service, "the label", (one) => one.metadata.labels?.["team"] === "checkout");
    // Git is asked each second: these are as many chances to undo one another.
    const asked = scene.git.requests(project.repo).listed;
    await until("five more looks at Git", async (saw) => {
      const now = scene.git.requests(project.repo).listed;
      saw(`${now - asked}`);
      return now >= asked + 5 ? true : undefined;
    });
  });
  expect(taken.filter((call) => call.includes("services"))).toEqual([`apply services ${namespace}/web`]);
  expect(at(await scene.kube.get(service), "spec", "selector")).toEqual(at(before, "spec", "selector"));
  await project.push("Go back", files(namespace, { version: "v1", hold: "1h" }));
  await untilRested(project, 2);
});
