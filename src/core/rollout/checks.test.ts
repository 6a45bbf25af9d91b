import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { simulate } from "../../testing/rollout/simulate.ts";
import { push, set, world } from "../../testing/rollout/words.ts";
import type { SimWorld } from "../../testing/rollout/world.ts";

const SMOKE = { name: "smoke", cronJobRef: { name: "smoke" }, timeout: "5s" };
const DEEP = { name: "deep", cronJobRef: { name: "deep" }, when: "EachStep", timeout: "5s", retries: 0 };
const STEPS: Json = [
  { weight: 20, hold: "2s" },
  { weight: 50, hold: "2s" },
];

function playing(checks: Json, outcome: "Passed" | "Failed" | "Lost" | "Never"): SimWorld {
  const spec = { strategy: { canary: { steps: STEPS } }, settleSeconds: 1, checks };
  return world(spec, (w) => {
    for (const name of ["smoke", "deep"]) w.jobs.behaviours.set(name, { outcome, afterMs: 1_000 });
  })();
}

/** Whether any request could have reached the candidate. */
function served(story: string): boolean {
  return /Select (Serving|Revision v2)/.test(story);
}

function reasonOf({ status }: SimWorld): string | undefined {
  return status.conditions?.find(({ type }) => type === "Ready")?.reason;
}

describe("P16: a check that tells nothing is never a pass", () => {
  test.each([
    ["whose image does not exist", "Never"],
    ["whose pods are evicted", "Lost"],
  ] as const)("one %s is repeated once, then held for a person", async (_what, outcome) => {
    const it = playing([SMOKE], outcome);
    const story = await simulate(it, [push(10, "v2")], 200);
    expect(it.jobs.started).toEqual(["smoke/v2/1/0/1", "smoke/v2/1/0/2"]);
    expect(served(story)).toBe(false);
    expect(reasonOf(it)).toBe("CheckInconclusive");
    expect(it.status.rollout).toMatchObject({ stage: "Stepping", candidate: "v2" });
  });

  test("one that is deleted while it runs is run again, a bounded number of times", async () => {
    const it = playing([SMOKE], "Never");
    const kills = [14, 16, 18].map((at) => ({ at, what: "delete the Job", act: (w: SimWorld) => w.jobs.kill() }));
    const story = await simulate(it, [push(10, "v2"), ...kills], 60);
    expect(it.jobs.started).toHaveLength(2);
    expect(served(story)).toBe(false);
    expect(reasonOf(it)).toBe("CheckInconclusive");
  });

  test("one whose CronJob is not there holds, and runs when it is", async () => {
    const it = playing([SMOKE], "Passed");
    it.unfitChecks.set("smoke", "there is no CronJob smoke");
    const held = await simulate(it, [push(10, "v2")], 40);
    expect(held).toContain("CheckInconclusive: check smoke cannot run: there is no CronJob smoke; correct it in Git");
    expect(it.jobs.started).toEqual([]);
    it.unfitChecks.clear();
    await simulate(it, [], 40);
    expect(it.status.rollout).toMatchObject({ stable: "v2" });
  });

  test("one that fails rejects at once, with the words of its pod", async () => {
    const it = playing([SMOKE], "Failed");
    const story = await simulate(it, [push(10, "v2")], 40);
    expect(it.jobs.started).toHaveLength(1);
    expect(served(story)).toBe(false);
    expect(it.status.history?.[0]).toMatchObject({ outcome: "Rejected", reason: "CheckFailed" });
    expect(it.status.history?.[0]?.message).toContain("3 of 40 tests");
  });
});

describe("P18: checks in a row", () => {
  test("the first inconclusive, waived by a commit: the second one starts at once, and runs once", async () => {
    const it = playing([DEEP], "Lost");
    const passes = { at: 29, what: "heal", act: (w: SimWorld) => void w.jobs.behaviours.clear() };
    const waived = set(30, "waive run 1", { checks: [{ ...DEEP, waivedRun: "v2/1" }] });
    const story = await simulate(it, [push(10, "v2"), passes, waived], 80);
    expect(it.jobs.started).toEqual(["deep/v2/1/0/1", "deep/v2/1/1/2"]);
    const second = story.split("\n").find((line) => line.includes("RunCheck deep deep/v2/1/1/2"));
    expect(Number(second?.trim().split("s")[0])).toBeLessThanOrEqual(33);
    expect(it.status.rollout).toMatchObject({ stable: "v2" });
  });

  test("a waiver of another run or revision lets nothing through", async () => {
    const it = playing([{ ...DEEP, waivedRun: "v1/1" }], "Lost");
    await simulate(it, [push(10, "v2"), set(20, "waive run 2", { checks: [{ ...DEEP, waivedRun: "v2/2" }] })], 60);
    expect(it.jobs.started).toHaveLength(1);
    expect(reasonOf(it)).toBe("CheckInconclusive");
  });

  test("a retry starts exactly one new run, and all runs are no more than steps, repetitions and retries", async () => {
    const it = playing([{ ...DEEP, retries: 1 }], "Lost");
    const retries = [30, 40].map((at, n) => set(at, "retry", { retry: `try-${n}` }));
    const passes = { at: 49, what: "heal", act: (w: SimWorld) => void w.jobs.behaviours.clear() };
    await simulate(it, [push(10, "v2"), ...retries, passes, set(50, "retry", { retry: "last" })], 90);
    // 2 steps, 1 repetition, 3 retries.
    expect(it.jobs.started).toHaveLength(2 + 1 + 3);
    expect(it.status.rollout).toMatchObject({ stable: "v2" });
  });

  test("finished Jobs are cleaned up: the last five stay", async () => {
    const steps = [10, 20, 30, 40, 50, 60, 70, 80].map((weight) => ({ weight, hold: "1s" }));
    const it = playing([DEEP], "Passed");
    Object.assign(it, { spec: { ...it.spec, strategy: { canary: { steps } } } });
    await simulate(it, [push(10, "v2")], 120);
    expect(it.status.rollout).toMatchObject({ stable: "v2" });
    expect(it.jobs.started).toHaveLength(8);
    expect(it.jobs.seen(it.now)).toHaveLength(5);
  });
});
