import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { work } from "../../testing/rollout/simulate.ts";
import { ANALYSIS, BAD, BLUE_GREEN, GOOD, JUDGED, reads, set, world as worldOf } from "../../testing/rollout/words.ts";
import type { SimWorld } from "../../testing/rollout/world.ts";

const NONE = { kind: "NoData", message: "the query has no result" } as const;

/** Lets time pass; gives how many measurements there were. */
async function pass(world: SimWorld, seconds: number, each: () => void = () => {}): Promise<number> {
  const measure = world.measure;
  let measurements = 0;
  world.measure = (...args) => {
    measurements += 1;
    return measure.apply(world, args);
  };
  for (let second = 0; second < seconds; second += 1) {
    await work(world);
    each();
    world.pass(1_000);
  }
  world.measure = measure;
  return measurements;
}

async function underWay(spec: Record<string, Json>, change?: (world: SimWorld) => void): Promise<SimWorld> {
  const world = worldOf(spec, change)();
  await pass(world, 12);
  world.push("v2");
  return world;
}

const ready = (world: SimWorld) => world.status.conditions?.find(({ type }) => type === "Ready");

describe("a check that is interrupted", () => {
  test.each([
    ["a canary", JUDGED],
    ["blue-green before its switch", BLUE_GREEN],
  ])(
    "P16: %s whose pods go before the first measurement is measured when they are back, and never promoted before",
    async (_what, spec) => {
      const world = await underWay({ ...spec, progressDeadlineSeconds: 600 });
      // Its pods crash before an interval has passed, again and again.
      const before = await pass(world, 40, () => {
        const judged = world.status.rollout?.verdicts.some(({ outcome }) => outcome === "Pass") ?? false;
        expect(judged).toBe(false);
        expect(world.status.rollout).toMatchObject({ stage: "Stepping", stable: "v1", step: 0 });
        if ((world.now / 1_000) % 5 === 0)
          for (const pod of world.pods) if (pod.revision === "v2") pod.readyAt = world.now + 3_000;
      });
      expect(before).toBe(0);
      const after = await pass(world, 90);
      expect(after).toBeGreaterThan(1);
      expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted", revision: "v2" });
    },
  );
});

describe("one check after another", () => {
  const approvals = {
    ...JUDGED,
    strategy: { canary: { steps: [{ weight: 20, hold: "0s" }, { approval: {} }, { weight: 50, hold: "0s" }] } },
    analysis: { ...ANALYSIS, metrics: [{ name: "errors", successRate: { min: 99.5 }, failures: 2 }] },
  } satisfies Record<string, Json>;

  test("P18: a step that lacks data holds; with data and an approval the next one is measured within an interval", async () => {
    const world = await underWay(approvals, reads("v2", NONE));
    await pass(world, 20);
    expect(ready(world)).toMatchObject({ reason: "NoData" });
    expect(world.status.rollout).toMatchObject({ step: 0 });
    reads("v2", GOOD)(world);
    await pass(world, 6);
    expect(world.status.rollout).toMatchObject({ step: 1 });
    set(0, "approve", { approvedRevision: "v2" }).act(world);
    await pass(world, 8);
    const at = world.now;
    await pass(world, 15, () => {
      const verdict = world.status.rollout?.verdicts[0];
      if (world.status.rollout?.step === 2 && world.now - at > 5_000) expect(verdict?.passes).toBeGreaterThan(0);
    });
    await pass(world, 30);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
  });

  test("P18: a retry after a failure measures anew, once for each interval, and once only: its failures are forgotten", async () => {
    const world = await underWay(approvals, reads("v2", BAD));
    await pass(world, 60);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Rejected" });
    expect(await pass(world, 60)).toBe(0);
    reads("v2", GOOD)(world);
    set(0, "retry", { retry: "once", approvedRevision: "v2" }).act(world);
    const measurements = await pass(world, 60);
    expect(world.status.history?.slice(0, 2)).toMatchObject([{ outcome: "Promoted" }, { outcome: "Rejected" }]);
    // Three steps, each measured after one interval of 5 s; nothing goes on being measured.
    expect(measurements).toBe(3);
    expect(await pass(world, 60)).toBe(0);
  });
});

describe("a pause", () => {
  test.each([
    ["a canary", JUDGED],
    ["blue-green", BLUE_GREEN],
    ["a canary by routes", { ...JUDGED, routeRefs: [{ name: "web" }] }],
  ])("P27: of %s holds up no way back, and leaves no pod too few and no Deployment paused", async (_what, spec) => {
    const world = await underWay(spec);
    await pass(world, 5);
    set(0, "pause", { paused: true }).act(world);
    await pass(world, 60);
    expect(ready(world)).toMatchObject({ status: "False", reason: "Paused" });
    expect(world.podsOf("v2").length).toBeGreaterThan(0);
    world.push("v1");
    await pass(world, 30, () => expect(world.endpoints().size).toBeGreaterThanOrEqual(4));
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Cancelled" });
    expect(world.podsOf("v1").filter((pod) => pod.ready)).toHaveLength(4);
    expect(world.podsOf("v2")).toEqual([]);
    expect(world.workload.replicas).toBe(0);
    expect(world.route).toBe("Git");
  });
});
