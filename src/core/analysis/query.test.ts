import { expect, test } from "vitest";
import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { queryOf } from "./query.ts";

const CANDIDATE = { namespace: "shop", deployment: "web-c4nd" };
const STABLE = { namespace: "shop", deployment: "web-st4b" };
const asked = (query: string): string =>
  queryOf(
    { name: "m", query, limit: { max: 1 }, failures: 1, needsTraffic: false, window: "1m30s" } satisfies Metric,
    CANDIDATE,
    STABLE,
  );

test("placeholders become label matchers and a window", () => {
  expect(asked("rate(x{ {{candidate}} }[{{window}}]) / rate(x{ {{ stable }} }[{{window}}])")).toBe(
    'rate(x{ namespace="shop",pod=~"web-c4nd-[a-z0-9]+-[a-z0-9]+" }[90000ms]) / rate(x{ namespace="shop",pod=~"web-st4b-[a-z0-9]+-[a-z0-9]+" }[90000ms])',
  );
});

test("a dot in a name matches only a dot", () => {
  const metric: Metric = {
    name: "m",
    query: "{ {{candidate}} }",
    limit: { max: 1 },
    failures: 1,
    needsTraffic: false,
    window: "1m",
  };
  expect(queryOf(metric, { namespace: "shop", deployment: "web.v2-c" }, STABLE)).toContain('pod=~"web\\\\.v2-c-');
});

test("a query without placeholders is asked as it is", () => {
  expect(asked("up")).toBe("up");
});

test("the success rate is a percentage over the candidate's pods, by the first counter that has data", () => {
  const metric: Metric = { name: "errors", successRate: { min: 99 }, failures: 1, needsTraffic: false, window: "1m" };
  const query = queryOf(metric, CANDIDATE, STABLE);
  expect(query).toContain('sum(rate(http_requests_total{namespace="shop",pod=~"web-c4nd-');
  expect(query.split(" or ")).toHaveLength(3);
  expect(query).not.toContain("web-st4b");
  expect(query).not.toContain("increase");
});

test("a least number of requests is part of the query: fewer give no result", () => {
  const metric: Metric = {
    name: "errors",
    successRate: { min: 99 },
    minRequests: 50,
    failures: 1,
    needsTraffic: false,
    window: "1m",
  };
  const [first] = queryOf(metric, CANDIDATE, STABLE).split(" or ");
  expect(first).toMatch(/^\(\(100 \* .*\) and sum\(increase\(http_requests_total\{.*\}\[60000ms\]\)\) >= 50\)$/);
});
