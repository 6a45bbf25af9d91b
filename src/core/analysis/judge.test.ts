import { expect, test } from "vitest";
import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { judge, type Reading } from "./judge.ts";

const metric = (limit: Metric["limit"]): Metric => ({
  name: "p99",
  query: "x",
  limit,
  failures: 2,
  needsTraffic: false,
  window: "1m",
});
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
  [
    "without a limit",
    metric(undefined),
    value(1),
    "Invalid",
    "p99: no limit is set; give limit.min, limit.max or both",
  ],
  ["no data", metric({ max: 3 }), { kind: "NoData", message: "no result" }, "NoData", "p99: no result"],
  [
    "too few requests",
    { name: "errors", successRate: { min: 99 }, minRequests: 50, failures: 2, needsTraffic: false, window: "1m" },
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
    { name: "errors", successRate: { min: 99.5 }, failures: 2, needsTraffic: false, window: "1m" },
    value(99.4),
    "Fail",
    "errors is 99.4, below 99.5",
  ],
])("%s", (_name, given, reading, outcome, message) => {
  expect(judge(given, reading)).toMatchObject({ outcome, message });
});
