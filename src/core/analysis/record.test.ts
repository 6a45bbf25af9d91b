import { describe, expect, test } from "vitest";
import { analysis } from "../../api/v1alpha1/analysis.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Judgement } from "./judge.ts";
import { forNextStep, measureIn, record } from "./record.ts";

const T0 = Date.UTC(2026, 0, 1);
const at = (seconds: number) => new Date(T0 + seconds * 1_000).toISOString();
const cursor: Cursor = {
  stage: "Stepping",
  stable: "s",
  candidate: "c",
  step: 0,
  weight: 20,
  selection: { kind: "Serving" },
  replicas: 4,
  enteredAt: at(0),
  startedAt: at(0),
  inPlaceAt: at(10),
  peak: 20,
  verdicts: [],
  previous: [],
  rejected: [],
};
const judged = (outcome: Judgement["outcome"]): Judgement => ({ name: "errors", outcome, message: outcome });

describe("recording", () => {
  test("passes and failures add up; the start of a spell is kept", () => {
    let now = cursor;
    for (const [seconds, outcome] of [
      [20, "Fail"],
      [30, "Pass"],
      [40, "Pass"],
      [50, "NoData"],
      [60, "NoData"],
    ] as const) {
      now = record(now, [judged(outcome)], T0 + seconds * 1_000);
    }
    expect(now.verdicts).toEqual([
      {
        name: "errors",
        revision: "c",
        outcome: "NoData",
        message: "NoData",
        at: at(60),
        since: at(50),
        passes: 2,
        failures: 1,
      },
    ]);
    expect(now.measuredAt).toBe(at(60));
  });
  test("a verdict of another revision counts for nothing", () => {
    const other = { ...record(cursor, [judged("Fail")], T0), candidate: "d" };
    expect(record(other, [judged("Pass")], T0).verdicts[0]).toMatchObject({ revision: "d", failures: 0, passes: 1 });
  });
  test("nothing is recorded without a candidate", () => {
    const { candidate: _none, ...resting } = cursor;
    expect(record(resting, [judged("Fail")], T0)).toBe(resting);
  });
  test("the next step starts without passes and keeps failures", () => {
    const failedOnce = record(record(cursor, [judged("Fail")], T0), [judged("Pass")], T0);
    expect(forNextStep(failedOnce.verdicts)[0]).toMatchObject({ passes: 0, failures: 1 });
  });
});

function analysisOf(needsTraffic: boolean) {
  return analysis.parse({
    prometheus: { address: "http://prometheus:9090" },
    interval: "5s",
    metrics: [{ name: "errors", successRate: { min: 99 }, needsTraffic }],
  });
}

describe("the next measurement", () => {
  test.each<[string, Cursor, number, number | undefined]>([
    ["is an interval after the weight is in place", cursor, 12, 3_000],
    ["is an interval after the last one", { ...cursor, measuredAt: at(14) }, 15, 4_000],
    ["is due", cursor, 15, 0],
    ["is late, and still due once", cursor, 99, 0],
    ["does not happen at rest", { ...cursor, stage: "Resting" }, 15, undefined],
  ])("%s", (_name, given, seconds, ms) => {
    expect(measureIn(given, analysisOf(false), T0 + seconds * 1_000)).toBe(ms);
  });

  test("does not happen without requests where every metric needs them", () => {
    expect(measureIn({ ...cursor, weight: 0 }, analysisOf(true), T0)).toBeUndefined();
    expect(measureIn({ ...cursor, weight: 1 }, analysisOf(true), T0)).toBeDefined();
  });
});
