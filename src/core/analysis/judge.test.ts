import { expect, test } from "vitest";
import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { metricOf } from "../../testing/metric.ts";
import { fresh } from "./freshness.ts";
import { judge, type Reading } from "./judge.ts";

const metric = (limit: Metric["limit"]): Metric => metricOf({ name: "p99", query: "x", limit });
const value = (of: number): Reading => ({ kind: "Value", value: of });

test.each<[string, Metric, Reading, string, string]>([
  ["inside both limits", metric({ min: 1, max: 3 }), value(2), "Pass", "p99 is 2"],
  ["on a limit", metric({ max: 3 }), value(3), "Pass", "p99 is 3"],
  ["above", metric({ max: 0.4 }), value(0.41234567), "Fail", "p99 is 0.412346, above 0.4"],
  ["below", metric({ min: 99.5 }), value(95), "Fail", "p99 is 95, below 99.5"],
  ["infinite", metric({ max: 3 }), value(Number.POSITIVE_INFINITY), "Fail", "p99 is Infinity, above 3"],
  [
    "minus infinite under a maximum alone",
    metric({ max: 3 }),
    value(Number.NEGATIVE_INFINITY),
    "Pass",
    "p99 is -Infinity",
  ],
  ["without a limit", metric(undefined), value(1), "Invalid", "p99 has no limit; give limit.min, limit.max or both"],
  ["no data", metric({ max: 3 }), { kind: "NoData", message: "no result" }, "NoData", "p99: no result"],
  [
    "too few requests",
    metricOf({ name: "errors", successRate: { min: 99 }, minRequests: 50 }),
    { kind: "NoData", message: "no result" },
    "NoData",
    "errors: no result, or fewer than 50 requests in 1m",
  ],
  [
    "Prometheus away",
    metric({ max: 3 }),
    { kind: "ProviderError", message: "refused" },
    "ProviderError",
    "p99: refused",
  ],
  ["a broken query", metric({ max: 3 }), { kind: "Invalid", message: "parse error" }, "Invalid", "p99: parse error"],
  ["a number that is none", metric({ max: 3 }), value(Number.NaN), "Fail", "p99 is NaN, above 3"],
  [
    "the built-in success rate",
    metricOf({ name: "errors", successRate: { min: 99.5 } }),
    value(99.4),
    "Fail",
    "errors is 99.4, below 99.5",
  ],
])("%s", (_name, given, reading, outcome, message) => {
  expect(judge(given, reading)).toMatchObject({ outcome, message });
});

const relative = (limit: Metric["relative"]): Metric =>
  metricOf({ name: "p99", query: "{{candidate}}", relative: limit });

test.each<[string, Metric["relative"], Reading, Reading, string, string]>([
  ["as slow as stable", { maxRatio: 1.1 }, value(10), value(10), "Pass", "p99 is 10, stable's 10"],
  ["on the ratio", { maxRatio: 1.5 }, value(15), value(10), "Pass", "p99 is 15, stable's 10"],
  [
    "beyond a ratio",
    { maxRatio: 1.1 },
    value(13),
    value(10),
    "Fail",
    "p99 is 13, stable's 10: 1.3 times as much, above 1.1",
  ],
  [
    "below a ratio",
    { minRatio: 0.9 },
    value(8),
    value(10),
    "Fail",
    "p99 is 8, stable's 10: 0.8 times as much, below 0.9",
  ],
  [
    "beyond a difference",
    { maxDifference: 2 },
    value(13),
    value(10),
    "Fail",
    "p99 is 13, stable's 10: a difference of 3, above 2",
  ],
  [
    "below a difference",
    { minDifference: -0.5 },
    value(99),
    value(99.9),
    "Fail",
    "p99 is 99, stable's 99.9: a difference of -0.9, below -0.5",
  ],
  ["within both", { maxRatio: 1.5, maxDifference: 2 }, value(11), value(10), "Pass", "p99 is 11, stable's 10"],
  [
    "within one of both",
    { maxRatio: 1.2, maxDifference: 9 },
    value(13),
    value(10),
    "Fail",
    "p99 is 13, stable's 10: 1.3",
  ],
  ["nothing beside nothing", { maxRatio: 1.1 }, value(0), value(0), "Pass", "p99 is 0, stable's 0"],
  ["something beside nothing", { maxRatio: 1.1 }, value(3), value(0), "NoData", "no ratio tells anything about that"],
  [
    "something beside nothing, with a difference",
    { maxRatio: 1.1, maxDifference: 5 },
    value(3),
    value(0),
    "Pass",
    "p99 is 3",
  ],
  [
    "too much beside nothing",
    { maxRatio: 1.1, maxDifference: 2 },
    value(3),
    value(0),
    "Fail",
    "a difference of 3, above 2",
  ],
  ["beside a negative value", { maxRatio: 1.1 }, value(3), value(-1), "NoData", "no ratio tells anything"],
  ["infinite beside a value", { maxRatio: 1.1 }, value(Infinity), value(10), "Fail", "Infinity times as much"],
  ["beside infinity", { maxRatio: 1.1 }, value(1), value(Infinity), "NoData", "which nothing can be held against"],
  [
    "stable has no data",
    { maxRatio: 2 },
    value(1),
    { kind: "NoData", message: "no result" },
    "NoData",
    "p99: stable: no result",
  ],
  ["stable is wrong", { maxRatio: 2 }, value(1), { kind: "Invalid", message: "two" }, "Invalid", "p99: stable: two"],
  [
    "Prometheus went away between",
    { maxRatio: 2 },
    value(1),
    { kind: "ProviderError", message: "x" },
    "ProviderError",
    "stable: x",
  ],
  ["the candidate has no data", { maxRatio: 2 }, { kind: "NoData", message: "none" }, value(1), "NoData", "p99: none"],
])("relative: %s", (_name, limit, candidate, stable, outcome, message) => {
  expect(judge(relative(limit), candidate, stable)).toMatchObject({
    outcome,
    message: expect.stringContaining(message),
  });
});

test.each<[string, Parameters<typeof metricOf>[0], Reading["kind"], "Pass" | "Fail" | undefined]>([
  ["no data holds", {}, "NoData", undefined],
  ["no data passes where that is said", { noData: { policy: "Pass" } }, "NoData", "Pass"],
  ["no data fails where that is said", { noData: { policy: "Fail" } }, "NoData", "Fail"],
  ["no Prometheus holds, whatever no data does", { noData: { policy: "Pass" } }, "ProviderError", undefined],
  ["no Prometheus fails where that is said", { providerError: { policy: "Fail" } }, "ProviderError", "Fail"],
  [
    "a wrong query holds in any case",
    { noData: { policy: "Pass" }, providerError: { policy: "Fail" } },
    "Invalid",
    undefined,
  ],
])("policy: %s", (_name, policies, kind, counts) => {
  const given = metricOf({ query: "x", limit: { max: 1 }, ...policies });
  const reading = kind === "Value" ? value(0) : { kind, message: "none" };
  expect(judge(given, reading).counts).toBe(counts);
});

test.each<[string, number, string]>([
  ["of now", 1_000_000, "Value"],
  ["of the future, by a clock that is ahead", 1_090_000, "Value"],
  ["as old as the window", 940_000, "Value"],
  ["older than the window", 939_000, "NoData"],
])("an answer %s", (_name, at, kind) => {
  expect(fresh({ kind: "Value", value: 1, at }, 60_000, 1_000_000).kind).toBe(kind);
});
