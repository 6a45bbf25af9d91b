import { describe, expect, test } from "vitest";
import { type Analysis, analysis } from "../../api/v1alpha1/analysis.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { metricOf } from "../../testing/metric.ts";
import { type Judgement, judgement } from "./judge.ts";
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
  calls: [],
  checks: [],
  verdicts: [],
  previous: [],
  rejected: [],
};
const judged = (outcome: Judgement["outcome"], name = "errors"): Judgement =>
  judgement(metricOf({ name, successRate: { min: 99 } }), outcome, ` ${outcome}`);
const said = (...metrics: readonly object[]): Analysis =>
  analysis.parse({ prometheus: { address: "http://prometheus:9090" }, interval: "5s", metrics });
const ERRORS = said({ name: "errors", successRate: { min: 99 } });

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
      now = record(now, [judged(outcome)], ERRORS, T0 + seconds * 1_000);
    }
    expect(now.verdicts).toEqual([
      {
        name: "errors",
        revision: "c",
        outcome: "NoData",
        message: "errors NoData",
        at: at(60),
        since: at(50),
        passes: 2,
        failures: 1,
      },
    ]);
    expect(now.measuredAt).toBe(at(60));
  });
  test("a verdict of another revision counts for nothing", () => {
    const other = { ...record(cursor, [judged("Fail")], ERRORS, T0), candidate: "d" };
    expect(record(other, [judged("Pass")], ERRORS, T0).verdicts[0]).toMatchObject({
      revision: "d",
      failures: 0,
      passes: 1,
    });
  });
  test("nothing is recorded without a candidate", () => {
    const { candidate: _none, ...resting } = cursor;
    expect(record(resting, [judged("Fail")], ERRORS, T0)).toBe(resting);
  });
  test("what is not measured now keeps its verdict, as long as Git has the metric", () => {
    const two = said({ name: "errors", successRate: { min: 99 } }, { name: "p99", query: "x", limit: { max: 1 } });
    const both = record(cursor, [judged("Pass"), judged("Fail", "p99")], two, T0);
    const later = record(both, [judged("Pass")], two, T0);
    expect(later.verdicts.map(({ name, outcome, passes }) => [name, outcome, passes])).toEqual([
      ["errors", "Pass", 2],
      ["p99", "Fail", 0],
    ]);
    expect(record(both, [judged("Pass")], ERRORS, T0).verdicts).toHaveLength(1);
  });
  test.each<[string, object, number]>([
    ["one spell with one deadline for both", {}, 20],
    ["two spells where each has its own", { noData: { deadline: "2m" } }, 30],
  ])("no data after no Prometheus is %s", (_what, policies, since) => {
    const metrics = said({ name: "errors", successRate: { min: 99 }, ...policies });
    const dark = record(cursor, [judged("ProviderError")], metrics, T0 + 20_000);
    expect(record(dark, [judged("NoData")], metrics, T0 + 30_000).verdicts[0]?.since).toBe(at(since));
  });
  test("the next step starts without passes and keeps failures", () => {
    const failedOnce = record(record(cursor, [judged("Fail")], ERRORS, T0), [judged("Pass")], ERRORS, T0);
    expect(forNextStep(failedOnce.verdicts)[0]).toMatchObject({ passes: 0, failures: 1 });
  });
});

const quiet = (needsTraffic: boolean) => said({ name: "errors", successRate: { min: 99 }, needsTraffic });

describe("the next measurement", () => {
  test.each<[string, Cursor, number, number | undefined]>([
    ["is an interval after the weight is in place", cursor, 12, 3_000],
    ["is an interval after the last one", { ...cursor, measuredAt: at(14) }, 15, 4_000],
    ["is due", cursor, 15, 0],
    ["is late, and still due once", cursor, 99, 0],
    ["does not happen at rest", { ...cursor, stage: "Resting" }, 15, undefined],
  ])("%s", (_name, given, seconds, ms) => {
    expect(measureIn(given, quiet(false), T0 + seconds * 1_000)).toBe(ms);
  });

  test("does not happen without requests where every metric needs them", () => {
    expect(measureIn({ ...cursor, weight: 0 }, quiet(true), T0)).toBeUndefined();
    expect(measureIn({ ...cursor, weight: 1 }, quiet(true), T0)).toBeDefined();
  });
});
