import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { SimWorld } from "../../testing/rollout/world.ts";
import { carriedBy } from "./lowering.ts";
import { weightOf } from "./routes/word.ts";

const REPLICAS = 10;
const steps = (...weights: readonly number[]): Json => weights.map((weight) => ({ weight, hold: "30s" }));

function spec(routed: boolean, weights: Json, settleSeconds = 3): Record<string, Json> {
  return {
    strategy: { canary: { stableCapacity: "Shared", maxSurge: 3, steps: weights } },
    routeRefs: routed ? [{ name: "web" }] : [],
    settleSeconds,
    scaleDownDelaySeconds: 5,
  };
}

interface Sample {
  /** Percent of the requests that stable is given. */
  readonly toStable: number;
  readonly stableReady: number;
  /** Ready pods that requests are sent to. */
  readonly serving: number;
  readonly replicas: number;
}

/** Plays until something holds; looks after every second at who gets the requests, and who can carry them. */
async function until(world: SimWorld, holds: (world: SimWorld) => boolean, limit = 900): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let second = 0; second < limit; second++) {
    await work(world);
    samples.push(sample(world));
    if (holds(world)) return samples;
    world.pass(1_000);
  }
  throw new Error(`not after ${limit} s: ${JSON.stringify(world.status.rollout)}`);
}

function sample(world: SimWorld): Sample {
  const { stable, candidate, replicas = 0 } = world.status.rollout ?? {};
  const endpoints = world.endpoints();
  const ready = (revision: string | undefined) => world.podsOf(revision).filter((pod) => pod.ready);
  const inService = (revision: string | undefined) => ready(revision).filter(({ name }) => endpoints.has(name)).length;
  const own = world.route === "Git" ? undefined : world.route;
  const bySelector = (100 * inService(stable)) / Math.max(1, endpoints.size);
  return {
    toStable: own === undefined ? bySelector : weightOf(own, stable ?? ""),
    stableReady: ready(stable).length,
    serving: own === undefined ? endpoints.size : ready(stable).length + ready(candidate).length,
    replicas,
  };
}

const stage = (wanted: string, revision?: string) => (world: SimWorld) =>
  world.status.rollout?.stage === wanted && (revision === undefined || world.status.rollout.stable === revision);
const at = (weight: number) => (world: SimWorld) =>
  world.status.rollout?.weight === weight && ["HoldTime"].includes(reasonOf(world) ?? "");
const reasonOf = (world: SimWorld) => world.status.conditions?.find(({ type }) => type === "Ready")?.reason;

/** A world whose candidate v2 holds 75 %, with three pods of stable left. */
async function lowered(routed: boolean, before?: string): Promise<SimWorld> {
  const world = new SimWorld({ template: before ?? "v1", replicas: REPLICAS, spec: spec(routed, steps(25, 75)) });
  world.behaviours.set("v1", { readyAfter: 6_000, reading: { kind: "Value", value: 100 } });
  await until(world, stage("Resting"));
  if (before !== undefined) {
    world.push("v1");
    await until(world, stage("Resting", "v1"));
  }
  world.push("v2");
  await until(world, at(75));
  expect(world.revisions.get("v1")?.replicas).toBe(routed ? 3 : 2);
  return world;
}

describe.each([
  ["pod share", false],
  ["routes", true],
])("with stable lowered, by %s", (_how, routed) => {
  test.each([
    ["a revert", "v1"],
    ["a third revision", "v3"],
  ])(
    "P3: %s at weight 75 gives stable no more than its ready pods carry, and starts its pods first",
    async (_what, next) => {
      const world = await lowered(routed);
      world.push(next);
      const home = await until(world, (now) => stage("Resting")(now) || now.status.rollout?.candidate === "v3");
      for (const { toStable, stableReady } of home)
        expect(toStable).toBeLessThanOrEqual((100 * stableReady) / REPLICAS);
      expect(Math.min(...home.map(({ serving }) => serving))).toBeGreaterThanOrEqual(REPLICAS);
      expect(home.at(-1)?.toStable).toBe(100);
      expect(home.length).toBeLessThan(20);
    },
  );

  test("P3: a revert to an earlier revision inside the window starts all of its pods before it gets a request", async () => {
    const world = await lowered(routed, "v0");
    world.push("v0");
    const back = await until(world, stage("Resting", "v0"));
    expect(Math.min(...back.map(({ serving }) => serving))).toBeGreaterThanOrEqual(REPLICAS);
    expect(world.podsOf("v0").filter(({ ready }) => ready)).toHaveLength(REPLICAS);
  });

  test("P10: a promotion, and a third revision at 70 %, never have fewer pods than an autoscaler asks for", async () => {
    for (const next of ["v2", "v3"]) {
      const world = new SimWorld({ template: "v1", replicas: REPLICAS, spec: spec(routed, steps(25, 70, 100)) });
      Object.assign(world, { autoscaled: "Load" });
      await until(world, stage("Resting"));
      world.push("v2");
      await until(world, at(70));
      // The autoscaler finds few requests, and then many.
      Object.assign(world, { spec: { ...world.spec, replicas: 3 } });
      for (let second = 0; second < 40; second++) await until(world, () => true).then(() => world.pass(1_000));
      world.push(next);
      const rest = await until(world, next === "v2" ? stage("Resting", "v2") : at(25));
      expect(Math.min(...rest.map(({ serving }) => serving))).toBeGreaterThanOrEqual(3);
      Object.assign(world, { spec: { ...world.spec, replicas: 30 } });
      await until(world, (now) => sample(now).serving >= 30);
    }
  });
});

test.each([5, 15])(
  "P2: behind a gateway that is %i s late, pods of stable stay for what it may still send them",
  async (late) => {
    const world = new SimWorld({
      template: "v1",
      replicas: REPLICAS,
      spec: spec(true, steps(25, 75), late + 1),
      lags: { routes: late * 1_000 },
    });
    await until(world, stage("Resting"));
    world.push("v2");
    await until(world, (now) => {
      const needed = Math.ceil((REPLICAS * now.mostWeightOf("v1")) / 100);
      if (now.route !== "Git") expect(now.revisions.get("v1")?.replicas).toBeGreaterThanOrEqual(needed);
      return now.revisions.get("v1")?.replicas === 3;
    });
  },
);

test.each([
  [5, 5, 10, 50],
  [2, 5, 10, 28],
  [2, 10, 10, 20],
  [0, 5, 10, 0],
  [0, 0, 10, 0],
  [8, 2, 10, 80],
])(
  "a candidate of %i ready pods beside %i of stable, for %i, can carry %i percent",
  (candidate, stable, replicas, weight) => {
    expect(carriedBy(candidate, stable, replicas)).toBe(weight);
  },
);

test("scaled up in the first step, the candidate gets less at once, before stable's newest pods count", async () => {
  const weights = [{ weight: 20, hold: "60s" }];
  const world = new SimWorld({
    template: "v1",
    replicas: 5,
    spec: { ...spec(true, weights), strategy: { canary: { stableCapacity: "Shared", maxSurge: 1, steps: weights } } },
  });
  await until(world, stage("Resting"));
  world.push("v2");
  await work(world);
  world.disturb(0, 4_000);
  for (let second = 0; second < 6; second++) {
    await work(world);
    world.pass(1_000);
  }
  Object.assign(world, { git: { ...world.git, replicas: 6 } });
  await work(world);
  const route = world.route;
  if (route === "Git") throw new Error("the route is not split");
  // Six replicas need two pods for 20 %, and there is one: with a surge of 1 the first part has one sixth.
  expect(weightOf(route, "v2")).toBeLessThan(17);
});
