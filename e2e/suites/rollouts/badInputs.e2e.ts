import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type Json } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { shopManifests, toYaml } from "../../apps/shop.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { DEPLOY, type Shop } from "../../harness/shop.ts";
import { log, underLoad, untilEvent, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const healthy = { canary: [{ weight: 50, hold: "0s" }], settleSeconds: 1 };

interface Input {
  readonly name: string;
  readonly workload: string;
  readonly service: string;
  readonly spec?: Record<string, Json>;
}

function rolloutOf(namespace: string, { name, workload, service, spec = {} }: Input): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: "ProgressiveRollout",
    metadata: { name, namespace },
    spec: { workloadRef: { name: workload }, serviceRef: { name: service }, ...spec },
  };
}

/** Rollouts that the API server takes and that cannot be worked with, with what must be said of each. */
const inputs: readonly (Input & { readonly reason: string; readonly message: RegExp })[] = [
  {
    name: "no-workload",
    workload: "absent",
    service: "spare",
    reason: "WorkloadMissing",
    message: /no Deployment absent.*commit the Deployment, or correct spec\.workloadRef\.name/,
  },
  {
    name: "no-service",
    workload: "spare",
    service: "absent",
    reason: "ServiceMissing",
    message: /no Service absent.*commit the Service, or correct spec\.serviceRef\.name/,
  },
  {
    name: "no-pods",
    workload: "lonely",
    service: "lonely",
    reason: "ServiceSelectsNothing",
    message: /selector app=somebody-else.*does not match.*correct spec\.selector/,
  },
  {
    name: "late",
    workload: "web",
    service: "web",
    reason: "TargetConflict",
    message: /ProgressiveRollout web already drives Deployment web.*remove one of the two from Git/,
  },
];

/** The spec and the labels of everything that a bad input names, and the pods behind it. */
async function untouched(shop: Shop): Promise<unknown> {
  const { namespace } = shop;
  return Promise.all(
    ["spare", "lonely"].map(async (name) => {
      const deployment = await scene.kube.get({ apiVersion: "apps/v1", kind: "Deployment", namespace, name });
      const service = await scene.kube.get({ apiVersion: "v1", kind: "Service", namespace, name });
      const pods = await scene.kube.list("v1", "Pod", { namespace, labels: `app=${name}` });
      const objects = [deployment, service].map((object) => ({ spec: object["spec"], labels: object.metadata.labels }));
      return { name, objects, pods: pods.map(({ metadata }) => metadata.uid) };
    }),
  );
}

describe("bad inputs of a rollout", () => {
  it("each is told with its way out, and changes nothing; the older rollout of a Deployment goes on", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: healthy });
    const { namespace } = shop;
    await untilRest(shop, "Adopted");
    const other = (name: string) =>
      shopManifests({ namespace, name, version: "v1", replicas: 1, image: scene.images.shop });
    const [deployment, service] = other("lonely");
    const lonely = [deployment, { ...service, spec: { ...service.spec, selector: { app: "somebody-else" } } }];
    const files = { [`${DEPLOY}/others.yaml`]: toYaml([...other("spare"), ...lonely]) };

    await underLoad(scene, shop, "inputs that cannot be worked with", async (load) => {
      const before = await shop.push({ files, message: "Add the others" }).then(async (sha) => {
        await shop.untilApplied(sha);
        return untouched(shop);
      });
      await shop.push({
        version: "v2",
        files: { [`${DEPLOY}/bad.yaml`]: toYaml(inputs.map((input) => rolloutOf(namespace, input))) },
        message: "Four bad rollouts",
      });
      for (const { name, reason, message } of inputs) {
        const object = await scene.kube.waitFor(
          { ...shop.rolloutRef, name },
          `Ready=False ${reason}`,
          (rollout) => conditionOf(rollout, "Ready")?.reason === reason,
        );
        expect(conditionOf(object, "Ready"), name).toMatchObject({ status: "False" });
        expect(conditionOf(object, "Ready")?.message, name).toMatch(message);
        expect(conditionOf(object, "Stalled"), name).toMatchObject({ status: "True", reason });
        expect(at(object, "status", "rollout"), name).toBeUndefined();
        await untilEvent(scene.kube, { namespace, name }, { type: "Warning", reason, message });
      }
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      expect(await untouched(shop)).toEqual(before);
    });
  });

  it("what the API server refuses is told with its place and the rule; nothing of the commit is applied", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: healthy });
    const { namespace } = shop;
    await untilRest(shop, "Adopted");
    const steps = (...weights: readonly number[]) => ({
      strategy: { canary: { steps: weights.map((weight) => ({ weight })) } },
    });
    const metrics = [{ name: "errors", query: "vector(1)", limit: {} }];
    const refused = [
      { name: "descending", spec: steps(50, 20), rule: "steps are in ascending order of weight, each weight once" },
      { name: "heavy", spec: steps(101), rule: "should be less than or equal to 100" },
      {
        name: "limitless",
        spec: { analysis: { prometheus: { address: "http://prometheus" }, metrics } },
        rule: "a limit has min, max, or both",
      },
    ];
    const text = toYaml(
      refused.map(({ name, spec }) => rolloutOf(namespace, { name, workload: "absent", service: "absent", spec })),
    );
    const lines = text.split("\n").flatMap((line, index) => (line.startsWith("apiVersion:") ? [index + 1] : []));
    const config = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "other", namespace },
      data: { key: "value" },
    };

    await underLoad(scene, shop, "rollouts that the API server refuses", async (load) => {
      await shop.push({
        version: "v2",
        files: { [`${DEPLOY}/refused.yaml`]: text, [`${DEPLOY}/config.yaml`]: toYaml([config]) },
        message: "Three refused rollouts and a ConfigMap",
      });
      const sync = await shop.untilSync("refused", (object) => conditionOf(object, "Ready")?.reason === "ApplyFailed");
      const message = conditionOf(sync, "Ready")?.message ?? "";
      refused.forEach(({ name, rule }, index) => {
        expect(message).toContain(`${DEPLOY}/refused.yaml:${lines[index]}`);
        expect(message).toContain(name);
        expect(message).toContain(rule);
      });
      expect(conditionOf(sync, "Ready")).toMatchObject({ status: "False" });
      expect(await scene.kube.find({ apiVersion: "v1", kind: "ConfigMap", namespace, name: "other" })).toBeUndefined();
      for (const { name } of refused) expect(await scene.kube.find({ ...shop.rolloutRef, name }), name).toBeUndefined();
      await untilRest(shop, "Adopted");
      await load.untilOnly(["v1"]);
    });
  });
});
