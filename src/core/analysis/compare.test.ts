import { expect, test } from "vitest";
import { metricOf } from "../../testing/metric.ts";
import { compare } from "./compare.ts";
import { type Counts, countsQuery } from "./counts.ts";

const errors = metricOf({ name: "errors", successRate: {}, statistical: {} });
const latency = metricOf({ name: "latency", latency: {}, statistical: {} });
const TRACK = { namespace: "shop", deployment: "web-c4nd" };

const rows = (label: string, values: Readonly<Record<string, number>>): Counts => ({
  kind: "Series",
  series: Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value })),
});
const served = (all: number, good: number) => rows("count", { all, good });
const took = (values: Readonly<Record<string, number>>) => rows("le", values);
const stable = served(10_000, 9_900);

test.each<[string, Counts, Counts, string, string]>([
  [
    "as many failures as stable",
    served(1_000, 990),
    stable,
    "Pass",
    "errors: 1 % of the candidate's 1000 requests fail, 1 % of stable's 10000; nothing speaks for more than 0.1 points worse",
  ],
  ["fewer failures than stable", served(1_000, 1_000), stable, "Pass", "0 % of the candidate's"],
  ["more by chance", served(1_000, 985), stable, "Pass", "1.5 %"],
  [
    "more than chance explains",
    served(1_000, 950),
    stable,
    "Fail",
    "errors: 5 % of the candidate's 1000 requests fail, 1 % of stable's 10000; one that is at most 0.1 points worse shows this once in a million rollouts",
  ],
  ["everything fails, of a few requests", served(20, 0), stable, "Fail", "100 % of the candidate's 20 requests fail"],
  [
    "few requests",
    served(20, 20),
    stable,
    "NoData",
    "errors: 20 requests of the candidate and 10000 of stable in this step, fewer than 100",
  ],
  [
    "few requests of stable",
    served(1_000, 1_000),
    served(50, 50),
    "NoData",
    "1000 requests of the candidate and 50 of stable",
  ],
  ["none at all", served(0, 0), stable, "NoData", "0 requests of the candidate"],
  [
    "parts of a request, as Prometheus extrapolates",
    served(1_000.4, 990.4),
    stable,
    "Pass",
    "1 % of the candidate's 1000",
  ],
  ["no data of the candidate", { kind: "NoData", message: "no series" }, stable, "NoData", "errors: no series"],
  ["no data of stable", stable, { kind: "NoData", message: "no series" }, "NoData", "errors: stable: no series"],
  ["no Prometheus", { kind: "ProviderError", message: "refused" }, stable, "ProviderError", "errors: refused"],
  ["something else", took({ "+Inf": 1 }), stable, "Invalid", "cannot be read"],
])("%s", (_what, candidate, other, outcome, message) => {
  expect(compare(errors, candidate, other, 1)).toMatchObject({ outcome, message: expect.stringContaining(message) });
});

test("a histogram is compared at each of its bounds, and the worst one is told", () => {
  const before = took({ "0.1": 9_000, "0.25": 9_900, "1": 10_000, "+Inf": 10_000 });
  expect(compare(latency, took({ "0.1": 900, "0.25": 990, "1": 1_000, "+Inf": 1_000 }), before, 1).outcome).toBe(
    "Pass",
  );
  expect(compare(latency, took({ "0.1": 900, "0.25": 930, "1": 1_000, "+Inf": 1_000 }), before, 1)).toMatchObject({
    outcome: "Fail",
    message: expect.stringContaining(
      "latency: 7 % of the candidate's 1000 requests take more than 0.25 s, 1 % of stable's 10000",
    ),
  });
});

test("bounds that only one of the two has are left out; without a common one the query is wrong", () => {
  const before = took({ "0.1": 9_000, "+Inf": 10_000 });
  expect(compare(latency, took({ "0.10": 900, "0.5": 950, "+Inf": 1_000 }), before, 1).outcome).toBe("Pass");
  expect(compare(latency, took({ "0.2": 900, "+Inf": 1_000 }), before, 1)).toMatchObject({
    outcome: "Invalid",
    message: expect.stringContaining("no bound in common"),
  });
});

test("the allowed false alarms are shared by the steps, and are the user's", () => {
  const [candidate, other] = [served(1_000, 968), stable];
  expect(compare(errors, candidate, other, 1).outcome).toBe("Pass");
  const lax = metricOf({ successRate: {}, statistical: { falseAlarms: 20 } });
  expect(compare(lax, candidate, other, 1).outcome).toBe("Fail");
  expect(compare(lax, candidate, other, 20).outcome).toBe("Pass");
  const tolerant = metricOf({ successRate: {}, statistical: { tolerance: 10 } });
  expect(compare(tolerant, served(1_000, 950), other, 1).outcome).toBe("Pass");
});

test("counts are asked for since a moment, over all pods that the revision has had", () => {
  expect(countsQuery(latency, TRACK, 90_000.4)).toBe(
    'sum by (le) (increase(http_request_duration_seconds_bucket{namespace="shop",pod=~"web-c4nd-[a-z0-9]+-[a-z0-9]+"}[90000ms]))',
  );
  const query = countsQuery(errors, TRACK, 60_000);
  expect(query).toMatch(
    /^label_replace\(sum\(increase\(http_requests_total\{.*, "count", "all", "", ""\) or label_replace\(/,
  );
  expect(query).toMatch(/0 \* sum\(increase\(http_requests_total\{.*, "count", "good", "", ""\)$/);
});
