import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { ANALYSIS, BAD, BLUE_GREEN, GOOD, JUDGED, reads, world as worldOf } from "../../testing/rollout/words.ts";
import type { SimWorld } from "../../testing/rollout/world.ts";
import type { Reading } from "../analysis/judge.ts";

const NONE: Reading = { kind: "NoData", message: "the query has no result" };
const REFUSED: Reading = { kind: "ProviderError", message: "connection refused" };

async function pass(world: SimWorld, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await work(world);
    world.pass(1_000);
  }
}

/** A rollout of v2 under way, judged by one metric that says this beside its limit; nothing bounds a hold. */
async function underWay(metric: Record<string, Json>, reading: Reading, base = JUDGED): Promise<SimWorld> {
  const { deadline: _none, ...analysis } = ANALYSIS;
  const metrics = [{ name: "errors", successRate: { min: 99.5 }, ...metric }];
  const world = worldOf({ ...base, analysis: { ...analysis, metrics } }, reads("v2", reading))();
  await pass(world, 10);
  world.push("v2");
  return world;
}

const ready = (world: SimWorld) => world.status.conditions?.find(({ type }) => type === "Ready");

describe("a measurement without data", () => {
  test("P12: holds the weight by default, for hours, is neither promoted nor taken back, and goes on with the first value", async () => {
    const world = await underWay({}, NONE);
    await pass(world, 3 * 3_600);
    expect(world.status.rollout).toMatchObject({ stage: "Stepping", candidate: "v2", step: 0, weight: 20 });
    expect(world.status.rollout?.verdicts[0]).toMatchObject({ outcome: "NoData", passes: 0, failures: 0 });
    expect(ready(world)).toMatchObject({ status: "False", reason: "NoData" });
    reads("v2", GOOD)(world);
    await pass(world, 60);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
  });

  test("P12: passes where Git says so", async () => {
    const world = await underWay({ noData: { policy: "Pass" } }, NONE);
    await pass(world, 60);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
  });

  test("P12: fails where Git says so, with the budget of failures", async () => {
    const world = await underWay({ noData: { policy: "Fail" }, failures: 3 }, NONE);
    await pass(world, 14);
    expect(world.status.rollout?.verdicts[0]).toMatchObject({ failures: 2 });
    expect(ready(world)?.message).toContain("rejected at 3 failed measurements");
    await pass(world, 20);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected", reason: "NoData" });
  });

  test("P12: is rejected after the deadline that Git gives it", async () => {
    const world = await underWay({ noData: { deadline: "1m" } }, NONE);
    await pass(world, 55);
    expect(world.status.rollout?.stage).toBe("Stepping");
    await pass(world, 30);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected", reason: "NoData" });
  });
});

describe("an outage of Prometheus", () => {
  test("P14: at weight 50 holds it, costs no failure, and ends in the promotion", async () => {
    const world = await underWay({}, GOOD);
    await pass(world, 14);
    expect(world.status.rollout).toMatchObject({ weight: 50, stage: "Stepping" });
    const before = world.status.rollout?.verdicts[0]?.failures;
    reads("v2", REFUSED)(world);
    for (let minute = 0; minute < 10; minute++) {
      await pass(world, 60);
      expect(world.status.rollout).toMatchObject({ weight: 50, stage: "Stepping" });
      expect(ready(world)).toMatchObject({ status: "False", reason: "ProviderError" });
      expect(ready(world)?.message).toContain("connection refused");
    }
    expect(world.status.rollout?.verdicts[0]?.failures).toBe(before);
    reads("v2", GOOD)(world);
    await pass(world, 30);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
  });

  test("P14: is held up to its own deadline, and what comes after it has a spell of its own", async () => {
    const policies = { noData: { deadline: "1m" }, providerError: { deadline: "10m" } };
    const world = await underWay(policies, REFUSED);
    await pass(world, 540);
    expect(world.status.rollout?.stage).toBe("Stepping");
    // It is back, and has not scraped twice yet.
    reads("v2", NONE)(world);
    await pass(world, 40);
    expect(world.status.rollout?.stage).toBe("Stepping");
    reads("v2", REFUSED)(world);
    await pass(world, 620);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected", reason: "ProviderError" });
  });
});

describe("a limit against stable", () => {
  const relative = { successRate: {}, relative: { minDifference: -1 } };

  test("lets a candidate pass that is as bad as stable, and refuses one that is worse", async () => {
    const world = await underWay(relative, BAD);
    reads("v1", BAD)(world);
    await pass(world, 60);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted", revision: "v2" });
    reads("v3", { kind: "Value", value: 93 })(world);
    world.push("v3");
    await pass(world, 40);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected", revision: "v3" });
    expect(world.status.history?.[0]?.message).toContain("errors is 93, stable's 95: a difference of -2, below -1");
  });

  test("holds without data of stable", async () => {
    const world = await underWay(relative, GOOD);
    reads("v1", NONE)(world);
    await pass(world, 100);
    expect(world.status.rollout).toMatchObject({ stage: "Stepping", step: 0 });
    expect(ready(world)).toMatchObject({ reason: "NoData", message: expect.stringContaining("errors: stable: ") });
  });

  test("is no reason to send everyone to a candidate that was never compared", async () => {
    const world = await underWay(relative, GOOD, BLUE_GREEN);
    await pass(world, 100);
    expect(world.status.rollout).toMatchObject({ stage: "Stepping", step: 0, weight: 0 });
    expect(ready(world)).toMatchObject({ reason: "InvalidQuery" });
    expect(ready(world)?.message).toContain("no step so far had requests for both");
    const spec = {
      strategy: {
        canary: {
          steps: [
            { weight: 50, hold: "5s" },
            { weight: 100, hold: "5s" },
          ],
        },
      },
    };
    Object.assign(world, { spec: { ...world.spec, ...spec } });
    await pass(world, 60);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
  });
});
