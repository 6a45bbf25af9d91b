import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { SimWorld } from "../../testing/rollout/world.ts";

const ANALYSIS: Json = {
  prometheus: { address: "http://prometheus:9090" },
  interval: "2s",
  deadline: "20s",
  metrics: [{ name: "errors", successRate: { min: 99.5 } }],
};
const BASE: Record<string, Json> = {
  strategy: {
    canary: {
      steps: [
        { weight: 20, hold: "4s" },
        { weight: 50, hold: "4s" },
      ],
    },
  },
  analysis: ANALYSIS,
  settleSeconds: 2,
  scaleDownDelaySeconds: 10,
  progressDeadlineSeconds: 15,
};

/** A world at rest with v1, under this spec. */
async function atRest(spec: Record<string, Json> = {}, base = BASE): Promise<SimWorld> {
  const world = new SimWorld({ template: "v1", replicas: 4, spec: { ...base, ...spec } });
  await pass(world, 10);
  expect(world.status.rollout?.stage).toBe("Resting");
  return world;
}

async function pass(world: SimWorld, seconds: number, each: () => void = () => {}): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await work(world);
    each();
    world.pass(1_000);
  }
}

const bad = (world: SimWorld, ...templates: string[]) => {
  for (const template of templates)
    world.behaviours.set(template, { readyAfter: 2_000, reading: { kind: "Value", value: 90 } });
};
const set = (world: SimWorld, spec: Record<string, Json>) => Object.assign(world, { spec: { ...world.spec, ...spec } });
const unready = (world: SimWorld, revision: string | undefined, ms: number) => {
  for (const pod of world.pods) if (pod.revision === revision) pod.readyAt = world.now + ms;
};
const serving = (world: SimWorld) => [...new Set([...world.endpoints()].map((name) => name.split("-")[0]))].sort();

describe("a rollout under way", () => {
  test("comes to its end when it is scaled down at weight 0", async () => {
    const world = await atRest({
      strategy: {
        canary: {
          steps: [
            { weight: 0, hold: "4s" },
            { weight: 50, hold: "2s" },
          ],
        },
      },
    });
    world.push("v2");
    await pass(world, 3);
    set(world, { replicas: 3 });
    await pass(world, 60);
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v2", replicas: 3 });
  });

  test("is judged anew when Git changes the weight of its step", async () => {
    const world = await atRest();
    world.push("v2");
    await pass(world, 12);
    expect(world.status.rollout).toMatchObject({ step: 1, weight: 50 });
    set(world, {
      strategy: {
        canary: {
          steps: [
            { weight: 20, hold: "4s" },
            { weight: 90, hold: "4s" },
          ],
        },
      },
    });
    await work(world);
    expect(world.status.rollout).toMatchObject({ step: 0, weight: 20 });
  });

  test("holds at no replicas, and is not rejected for the silence", async () => {
    const world = await atRest();
    world.push("v2");
    await pass(world, 4);
    set(world, { replicas: 0 });
    await pass(world, 60);
    expect(world.status.rollout).toMatchObject({ stage: "Stepping", candidate: "v2", rejected: [] });
  });

  test("of a program that keeps crashing is rejected by the progress deadline, however often it is ready in between", async () => {
    const { analysis: _none, ...unjudged } = BASE;
    const world = await atRest({ strategy: { canary: { steps: [{ weight: 20, hold: "60s" }] } } }, unjudged);
    world.push("v2");
    let second = 0;
    await pass(world, 70, () => {
      if (++second % 4 === 0) unready(world, "v2", 3_000);
    });
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected", revision: "v2" });
  });
});

describe("at no replicas", () => {
  test("a new revision is stable at once: nobody is served", async () => {
    const world = await atRest({ replicas: 0 });
    world.push("v2");
    await pass(world, 6);
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v2" });
  });
});

describe("a spell without readiness", () => {
  test("of stable is no licence for an unjudged revision", async () => {
    const world = await atRest();
    bad(world, "v2");
    unready(world, "v1", 1_000);
    world.push("v2");
    await pass(world, 40);
    expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v1", rejected: [{ revision: "v2" }] });
  });

  test("in the middle of an adoption gives the traffic back to the Deployment", async () => {
    const world = new SimWorld({ template: "v1", replicas: 4, spec: BASE });
    await pass(world, 3);
    expect(world.status.rollout?.stage).toBe("Narrowing");
    unready(world, "v1", 5_000);
    await work(world);
    expect(world.status.rollout?.stage).toBe("Adopting");
    expect(serving(world)).toEqual(["web"]);
    await pass(world, 20);
    expect(world.status.rollout?.stage).toBe("Resting");
  });
});

describe("a lost status", () => {
  test("leaves what serves, and judges what Git says from the first step", async () => {
    const world = await atRest();
    bad(world, "v2");
    world.push("v2");
    await pass(world, 30);
    expect(world.status.rollout?.rejected).toMatchObject([{ revision: "v2" }]);
    world.status = {};
    let most = 0;
    await pass(world, 30, () => {
      most = Math.max(most, world.status.rollout?.weight ?? 0);
      expect(world.podsOf("v1").filter(({ ready }) => ready)).toHaveLength(4);
    });
    expect(most).toBe(20);
    expect(world.status.rollout).toMatchObject({ stable: "v1", rejected: [{ revision: "v2" }] });
  });

  test("does not keep a deletion from handing back", async () => {
    const world = await atRest();
    world.status = {};
    Object.assign(world, { deleting: true });
    await pass(world, 20, () => expect(world.endpoints().size).toBeGreaterThanOrEqual(4));
    expect(world.released).toBe(true);
  });
});

describe("a deletion", () => {
  test("whose Service is gone brings the Deployment back before the revisions go", async () => {
    const world = await atRest();
    Object.assign(world, { deleting: true, serviceGone: true });
    await pass(world, 20, () =>
      expect(world.pods.filter(({ gone }) => gone === undefined).length).toBeGreaterThanOrEqual(4),
    );
    expect(world.released).toBe(true);
    expect(world.podsOf(undefined)).toHaveLength(4);
  });

  test("ends by its deadline when the Deployment never comes up, and stable serves on", async () => {
    const world = await atRest();
    world.behaviours.set("v1", { readyAfter: Number.POSITIVE_INFINITY, reading: { kind: "Value", value: 100 } });
    Object.assign(world, { deleting: true });
    await pass(world, 30);
    expect(world.released).toBe(true);
    expect(serving(world)).toEqual(["v1"]);
  });
});

describe("refused revisions", () => {
  test("are remembered one by one: going back to an earlier one releases nothing", async () => {
    const world = await atRest();
    bad(world, "v2", "v3");
    for (const template of ["v2", "v3"]) {
      world.push(template);
      await pass(world, 30);
    }
    world.push("v2");
    await pass(world, 10, () => expect(serving(world)).toEqual(["v1"]));
    expect(world.status.conditions?.[0]).toMatchObject({ type: "Ready", status: "False", reason: "Rejected" });
  });
});

describe("a Deployment that was scaled by hand", () => {
  test("loses its pods only after they have left the Service", async () => {
    const world = await atRest();
    world.workload.replicas = 3;
    // Nobody looks for a while: the pods are ready and serve.
    for (let second = 0; second < 5; second++) world.pass(1_000);
    expect(serving(world)).toEqual(["v1", "web"]);
    await pass(world, 10, () => {
      const reachable = world.reachable();
      expect([...world.stopped()].filter((name) => reachable.has(name))).toEqual([]);
    });
    expect(world.workload.replicas).toBe(0);
    expect(serving(world)).toEqual(["v1"]);
  });
});

describe("an autoscaled Deployment", () => {
  test("keeps the pods that its autoscaler gave it, whatever Git says, and hands the number on", async () => {
    const world = new SimWorld({ template: "v1", replicas: 6, spec: BASE });
    Object.assign(world, { autoscaled: "Load", git: { ...world.git, replicas: 2 } });
    await pass(world, 15, () => expect(world.endpoints().size).toBeGreaterThanOrEqual(6));
    expect(world.status.rollout).toMatchObject({ stage: "Resting", replicas: 6 });
    expect(world.spec["replicas"]).toBe(6);
  });
});

test("P31: an outage of Prometheus that went on while no operator ran is measured again before anything is held against it", async () => {
  const world = await atRest();
  world.behaviours.set("v2", { readyAfter: 2_000, reading: { kind: "ProviderError", message: "connection refused" } });
  world.push("v2");
  await pass(world, 10);
  expect(world.status.conditions?.[0]?.reason).toBe("ProviderError");
  world.watchedSince = world.now + 60_000;
  await pass(world, 60);
  // The next operator has asked, and has no answer yet.
  const measure = world.measure.bind(world);
  world.measure = () => [];
  await pass(world, 1);
  expect(world.status.rollout?.stage).toBe("Stepping");
  Object.assign(world, { measure });
  world.behaviours.set("v2", { readyAfter: 2_000, reading: { kind: "Value", value: 100 } });
  await pass(world, 60);
  expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v2" });
});
