import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { desiredBy } from "../../testing/rollout/autoscaler.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { BAD, BASE, JUDGED, reads, starts } from "../../testing/rollout/words.ts";
import { SimWorld } from "../../testing/rollout/world.ts";
import type { Autoscaled } from "./seen.ts";

const REPLICAS = 4;
const SHARED: Json = {
  canary: { stableCapacity: "Shared", maxSurge: 1, steps: [{ weight: 25 }, { weight: 75, hold: "60s" }] },
};

interface Told {
  readonly spec?: Record<string, Json>;
  readonly replicas?: number;
}

async function rested({ spec = BASE, replicas = REPLICAS }: Told = {}): Promise<SimWorld> {
  const world = new SimWorld({ template: "v1", replicas, spec });
  await until(world, resting("v1"));
  return world;
}

type Holds = (world: SimWorld) => boolean;

/** Plays until something holds; at every second enough pods serve. Gives the seconds that it took. */
async function until(world: SimWorld, holds: Holds, least = 0, limit = 300): Promise<number> {
  for (let second = 0; second < limit; second++) {
    await work(world);
    expect(world.endpoints().size).toBeGreaterThanOrEqual(least);
    if (holds(world)) return second;
    world.pass(1_000);
  }
  throw new Error(`not after ${limit} s: ${ready(world)?.reason} ${ready(world)?.message}`);
}

const ready = (world: SimWorld) => world.status.conditions?.find(({ type }) => type === "Ready");
const resting =
  (stable: string): Holds =>
  ({ status: { rollout } }) =>
    rollout?.stage === "Resting" && rollout.stable === stable && rollout.selection.kind === "Git";
const says =
  (reason: string, words = ""): Holds =>
  (world) =>
    ready(world)?.reason === reason && (ready(world)?.message ?? "").includes(words);
const at =
  (weight: number): Holds =>
  (world) =>
    world.status.rollout?.weight === weight && world.status.rollout.inPlaceAt !== undefined;
const seconds = (count: number): Holds => {
  let left = count;
  return () => left-- <= 0;
};
const outcomes = (world: SimWorld) => world.status.history?.map(({ outcome }) => outcome);

describe("a quota that runs out", () => {
  test("P9: while the candidate comes up: the hold says so, stable serves, no clock runs, and more room is enough", async () => {
    const world = await rested();
    world.quota = REPLICAS;
    world.push("v2");
    await until(world, says("QuotaExceeded", "exceeded quota"), REPLICAS);
    await until(world, seconds(120), REPLICAS);
    expect(ready(world)?.message).toContain("0 of 1 pods of revision v2 are ready");
    world.quota = 2 * REPLICAS;
    await until(world, resting("v2"), REPLICAS);
    expect(outcomes(world)).toEqual(["Promoted", "Adopted"]);
  });

  test("P9: after the last pass: traffic stays at pods that are proven, and a revert works", async () => {
    const world = await rested();
    world.push("v2");
    await until(world, at(20), REPLICAS);
    // Now there is no room for the rest of the candidate.
    world.quota = world.pods.length;
    await until(world, says("QuotaExceeded"), REPLICAS);
    await until(world, seconds(60), REPLICAS);
    world.push("v1");
    expect(await until(world, resting("v1"), REPLICAS)).toBeLessThan(15);
    expect(outcomes(world)).toEqual(["Cancelled", "Adopted"]);
  });

  test.each<[string, Json, Record<string, Json>]>([
    [
      "a canary beside a full stable",
      {
        canary: {
          steps: [
            { weight: 20, hold: "9s" },
            { weight: 75, hold: "9s" },
          ],
        },
      },
      {},
    ],
    ["a canary with stable lowered", SHARED, {}],
    ["the same by routes", SHARED, { routeRefs: [{ name: "web" }] }],
    ["a rolling update", { rolling: { batch: 1, hold: "4s" } }, {}],
    ["blue-green", { blueGreen: { hold: "5s", watch: "9s" } }, {}],
  ])(
    "P26: a revert from every second of %s, without room for one pod more, is home within a minute",
    async (_what, strategy, more) => {
      const spec = { ...BASE, strategy, ...more };
      const whole = await rested({ spec });
      whole.push("v2");
      const length = await until(whole, resting("v2"));
      for (let second = 1; second < length; second += 3) {
        const world = await rested({ spec });
        world.push("v2");
        await until(world, seconds(second));
        // Afterwards it is the way back from another stable revision, which may lack the room for all of its pods.
        if (world.status.rollout?.stage !== "Stepping") break;
        world.quota = world.pods.length;
        world.push("v1");
        // At most one pod makes room for another at a time; by routes not all of them are endpoints of the callers' Service.
        const least = "routeRefs" in more ? 0 : REPLICAS - 1;
        expect(await until(world, resting("v1"), least)).toBeLessThan(60);
      }
    },
  );
});

describe("the clock of the progress deadline", () => {
  test("P22: stands while the rollout is paused, and begins anew", async () => {
    const world = await rested();
    starts("v2", Number.POSITIVE_INFINITY)(world);
    world.push("v2");
    await until(world, says("CapacityMissing"));
    Object.assign(world, { spec: { ...world.spec, paused: true } });
    await until(world, seconds(60));
    expect(world.status.rollout?.candidate).toBe("v2");
    Object.assign(world, { spec: { ...world.spec, paused: false } });
    const taken = await until(world, says("Rejected"));
    expect(taken).toBeGreaterThanOrEqual(20);
    expect(taken).toBeLessThan(30);
  });

  test("P22: runs for pods that an admission refuses, and the rejection says why", async () => {
    const world = await rested();
    world.denials.set("v2", "violates PodSecurity");
    world.push("v2");
    await until(world, says("Rejected", "violates PodSecurity"), REPLICAS);
  });
});

describe("who says how many pods there are", () => {
  test.each<[string, { inGit: boolean; autoscaled: boolean }, number, number]>([
    ["nobody: what ran stays", { inGit: false, autoscaled: false }, 7, 7],
    ["Git: its number is reached by both", { inGit: true, autoscaled: false }, 7, 9],
    ["an autoscaler: its number is reached by both", { inGit: false, autoscaled: true }, 7, 5],
    ["an autoscaler, and Git's number counts for nothing", { inGit: true, autoscaled: true }, 7, 5],
  ])("P37: %s", async (_who, { inGit, autoscaled }, before, after) => {
    const world = new SimWorld({ template: "v1", replicas: before, spec: BASE });
    Object.assign(world, {
      autoscaled: autoscaled ? "Load" : undefined,
      git: { template: "v1", replicas: inGit ? before : undefined },
    });
    await until(world, resting("v1"));
    world.push("v2");
    await until(world, at(20), before);
    if (inGit) world.git = { ...world.git, replicas: 9 };
    if (autoscaled) Object.assign(world, { spec: { ...world.spec, replicas: 5 } });
    world.log.length = 0;
    await until(world, resting("v2"), Math.min(before, after));
    expect(world.podsOf("v2").filter((pod) => pod.ready)).toHaveLength(after);
    // The number is the autoscaler's to write.
    expect(world.log.filter((line) => line.startsWith("BeginScale"))).toEqual([]);
  });
});

describe("an autoscaler in a rollout", () => {
  test("P38: after a rejection a higher minimum leaves the candidate at 0", async () => {
    const world = await rested({ spec: JUDGED });
    reads("v2", BAD)(world);
    world.push("v2");
    await until(world, says("Rejected"));
    Object.assign(world, { autoscaled: "Load", spec: { ...world.spec, replicas: 8 } });
    await until(world, () => world.podsOf("v1").filter((pod) => pod.ready).length === 8, REPLICAS);
    await until(world, seconds(30), 8);
    expect(world.podsOf("v2")).toEqual([]);
    expect(world.revisions.get("v2")?.replicas).toBe(0);
  });

  /** Pods that an autoscaler measures by the rollout's scale subresource, at the first step. */
  async function measured(autoscaled: Autoscaled, spec = BASE) {
    const world = new SimWorld({ template: "v1", replicas: 10, spec });
    Object.assign(world, { autoscaled });
    await until(world, resting("v1"));
    world.push("v2");
    await until(world, at(spec === BASE ? 20 : 25), 10);
    // Simulated pods carry no label of their rollout: there is only one.
    const [, alone] = /fairlead\.dev\/revision=(\w+)/.exec(world.status.selector ?? "none") ?? [];
    const pods = world.pods.filter(({ revision }) => revision !== undefined && (alone ?? revision) === revision);
    expect(pods.length).toBeGreaterThanOrEqual(10);
    return pods.map(({ revision }) => revision);
  }

  test("P38: one that looks at memory scales as it would without the candidate", async () => {
    // Pods of the candidate are at 90 %, those of stable at 40 %.
    const values = (await measured("Memory")).map((revision) => (revision === "v2" ? 90 : 40));
    for (const target of [35, 40, 45, 50, 60]) {
      const alone = desiredBy(
        10,
        Array.from({ length: 10 }, () => 40),
        target,
      );
      expect(Math.abs(desiredBy(10, values, target) - alone), `target ${target}`).toBeLessThanOrEqual(1);
    }
  });

  test.each<[string, Autoscaled, Record<string, Json>]>([
    ["at load", "Load", BASE],
    ["at memory, while both share the replicas", "Memory", { ...BASE, strategy: SHARED }],
  ])(
    "P38: one that looks %s measures all pods, which together have the load of the replicas",
    async (_what, by, spec) => {
      expect(new Set(await measured(by, spec))).toEqual(new Set(["v1", "v2"]));
    },
  );
});
