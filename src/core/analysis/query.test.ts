import fc from "fast-check";
import { expect, test } from "vitest";
import { metricOf } from "../../testing/metric.ts";
import { queryOf } from "./query.ts";

const CANDIDATE = { namespace: "shop", deployment: "web-c4nd" };
const STABLE = { namespace: "shop", deployment: "web-st4b" };
const asked = (query: string): string =>
  queryOf(metricOf({ query, limit: { max: 1 }, window: "1m30s" }), CANDIDATE, STABLE);

test("placeholders become label matchers and a window", () => {
  expect(asked("rate(x{ {{candidate}} }[{{window}}]) / rate(x{ {{ stable }} }[{{window}}])")).toBe(
    'rate(x{ namespace="shop",pod=~"web-c4nd-[a-z0-9]+-[a-z0-9]+" }[90000ms]) / rate(x{ namespace="shop",pod=~"web-st4b-[a-z0-9]+-[a-z0-9]+" }[90000ms])',
  );
});

test("a dot in a name matches only a dot", () => {
  const metric = metricOf({
    query: "{ {{candidate}} }",
    limit: { max: 1 },
  });
  expect(queryOf(metric, { namespace: "shop", deployment: "web.v2-c" }, STABLE)).toContain('pod=~"web\\\\.v2-c-');
});

test("a query without placeholders is asked as it is", () => {
  expect(asked("up")).toBe("up");
});

test("the success rate is a percentage over the candidate's pods, by the first counter that has data", () => {
  const metric = metricOf({ successRate: { min: 99 } });
  const query = queryOf(metric, CANDIDATE, STABLE);
  expect(query).toContain('sum(rate(http_requests_total{namespace="shop",pod=~"web-c4nd-');
  expect(query.split(" or ")).toHaveLength(3);
  expect(query).not.toContain("web-st4b");
  expect(query).not.toContain("increase");
});

test("a least number of requests is part of the query: fewer give no result", () => {
  const metric = metricOf({
    successRate: { min: 99 },
    minRequests: 50,
  });
  const [first] = queryOf(metric, CANDIDATE, STABLE).split(" or ");
  expect(first).toMatch(/^\(\(100 \* .*\) and sum\(increase\(http_requests_total\{.*\}\[60000ms\]\)\) >= 50\)$/);
});

/** Reads a PromQL string from its opening quote on, as Go unquotes it; `end` is behind the closing one. */
function unquote(text: string, start: number): { readonly value: string; readonly end: number } {
  let value = "";
  for (let here = start + 1; ; here++) {
    const char = text[here];
    if (char === undefined || char === "\n") throw new Error("the string does not end");
    if (char === '"') return { value, end: here + 1 };
    if (char === "\\") here += 1;
    value += char === "\\" && text[here] === "n" ? "\n" : text[here];
  }
}

const hostile = fc.oneof(
  fc.constantFrom('"} or vector(1) or x{a="', '\\"} or vector(1) #', "a\\", 'a"', "x\n} or vector(1)", "(a+)+$", ".*"),
  fc.string({
    unit: fc.constantFrom('"', "\\", "{", "}", "\n", ".", "*", "(", ")", "|", "$", "a", "-", "'", "`"),
    maxLength: 20,
  }),
);

test("A22: no name of a namespace or Deployment ends its string or matches anything but itself", () => {
  fc.assert(
    fc.property(hostile, hostile, (namespace, deployment) => {
      const metric = metricOf({
        query: "x{ {{candidate}} }",
        limit: { max: 1 },
      });
      const query = queryOf(metric, { namespace, deployment }, STABLE);
      const first = unquote(query, query.indexOf('"'));
      expect(first.value).toBe(namespace);
      expect(query.slice(first.end, first.end + 6)).toBe(",pod=~");
      const second = unquote(query, first.end + 6);
      expect(query.slice(second.end)).toBe(" }");
      const pods = new RegExp(`^(?:${second.value})$`, "s");
      expect(pods.test(`${deployment}-6d4b75cb6d-x2x4z`)).toBe(true);
      expect(pods.test(`${deployment}x-6d4b75cb6d-x2x4z`)).toBe(false);
    }),
  );
});

test("A22: what a placeholder stands for is not looked into for others", () => {
  const metric = metricOf({
    query: "{{candidate}}",
    limit: { max: 1 },
  });
  const query = queryOf(metric, { namespace: "{{stable}} $&", deployment: "x" }, STABLE);
  expect(query).toMatch(/^namespace="\{\{stable\}\} \$&",pod=~/);
});
