import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { judge } from "../../core/analysis/judge.ts";
import type { Sample } from "../../ports/metrics.ts";
import { metricOf } from "../../testing/metric.ts";
import { guardHosts } from "../net/hosts.ts";
import { createPrometheus } from "./prometheus.ts";

const never = new AbortController().signal;
const metrics = createPrometheus({ maxBytes: 10_000 });
let server: Server;
let address: string;
let answer: RequestListener;

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await metrics[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

function success(resultType: string, result: unknown): string {
  return JSON.stringify({ status: "success", data: { resultType, result } });
}

function series(...values: readonly string[]): unknown {
  return values.map((value, n) => ({ metric: { __name__: "up", job: `j${n}` }, value: [1767323045.123, value] }));
}

function failure(errorType: string, error: string): string {
  return JSON.stringify({ status: "error", errorType, error });
}

const histogram = [{ metric: {}, histogram: [1767323045, { count: "1" }] }];

test.each<[string, number, string, Sample["kind"], string | number]>([
  ["a vector of one", 200, success("vector", series("0.25")), "Value", 0.25],
  ["a scalar", 200, success("scalar", [1767323045.123, "3e-2"]), "Value", 0.03],
  ["zero", 200, success("vector", series("0")), "Value", 0],
  ["plus infinity", 200, success("vector", series("+Inf")), "Value", Infinity],
  ["minus infinity", 200, success("vector", series("-Inf")), "Value", -Infinity],
  ["an empty vector", 200, success("vector", []), "NoData", "matches no series"],
  ["NaN", 200, success("vector", series("NaN")), "NoData", "NaN"],
  ["a NaN scalar", 200, success("scalar", [1, "NaN"]), "NoData", "NaN"],
  [
    "two series",
    200,
    success("vector", series("1", "2")),
    "Invalid",
    '2 series (up{job="j0"}, up{job="j1"}); make the query return one',
  ],
  ["many series", 200, success("vector", series("1", "2", "3", "4")), "Invalid", "4 series"],
  ["a histogram", 200, success("vector", histogram), "Invalid", "histogram_quantile"],
  ["a matrix", 200, success("matrix", []), "Invalid", "range (matrix)"],
  ["a string", 200, success("string", [1, "x"]), "Invalid", "text"],
  ["a result of another type", 200, success("streams", []), "ProviderError", "result type that is not known"],
  ["a value that is no number", 200, success("vector", series("one")), "ProviderError", "where a number"],
  ["a value that is empty", 200, success("vector", series("")), "ProviderError", "where a number"],
  ["no value", 200, success("vector", [{ metric: {} }]), "ProviderError", "no value"],
  [
    "a query that does not parse",
    400,
    failure("bad_data", 'parse error: unexpected "}"\n'),
    "Invalid",
    'parse error: unexpected "}"',
  ],
  ["a query that cannot be executed", 422, failure("execution", "many-to-many matching"), "Invalid", "many-to-many"],
  ["a query that takes too long", 503, failure("timeout", "query timed out"), "ProviderError", "query timed out"],
  ["a query that was cancelled", 503, failure("canceled", "query was canceled"), "ProviderError", "canceled"],
  ["a fault of its own", 500, failure("internal", "disk"), "ProviderError", "internal: disk"],
  ["an execution that failed by a fault", 500, failure("execution", "remote"), "ProviderError", "remote"],
  ["a proxy's page", 502, "<html>Bad Gateway</html>", "ProviderError", "HTTP 502"],
  ["a login page", 200, "<html>Login</html>", "ProviderError", "check the address"],
  ["an empty body", 200, "", "ProviderError", "check the address"],
  ["other JSON", 200, "[1]", "ProviderError", "check the address"],
  ["no access", 401, "Unauthorized", "ProviderError", "HTTP 401"],
  ["too much", 200, success("vector", series("x".repeat(20_000))), "ProviderError", "more than 10000 bytes"],
])("%s", async (_name, status, body, kind, says) => {
  answer = (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  };
  const sample = await metrics.query(address, { query: "up", timeoutMs: 2000 }, never);
  expect(sample.kind).toBe(kind);
  if (sample.kind === "Value") expect(sample.value).toBe(says);
  else expect(sample.message).toContain(says);
  if (sample.kind === "Value") expect(sample.at).toBe(1767323045123);
});

const buckets = (...values: readonly string[]) =>
  values.map((value, n) => ({ metric: { le: String(n) }, value: [1767323045.123, value] }));

test.each<[string, number, string, object]>([
  [
    "several series",
    200,
    success("vector", buckets("3", "4.5")),
    {
      kind: "Series",
      at: 1767323045123,
      series: [
        { labels: { le: "0" }, value: 3 },
        { labels: { le: "1" }, value: 4.5 },
      ],
    },
  ],
  [
    "one that is NaN among others",
    200,
    success("vector", buckets("NaN", "2")),
    { series: [{ labels: { le: "1" }, value: 2 }] },
  ],
  ["nothing but NaN", 200, success("vector", buckets("NaN")), { kind: "NoData" }],
  ["none", 200, success("vector", []), { kind: "NoData" }],
  ["a number without labels", 200, success("scalar", [1, "1"]), { kind: "Invalid" }],
  ["a histogram among others", 200, success("vector", [...buckets("1"), ...histogram]), { kind: "Invalid" }],
  ["a range", 200, success("matrix", []), { kind: "Invalid" }],
  ["a query that does not parse", 400, failure("bad_data", "parse error"), { kind: "Invalid" }],
  ["a proxy's page", 502, "<html>Bad Gateway</html>", { kind: "ProviderError" }],
])("series: %s", async (_name, status, body, read) => {
  answer = (_request, response) => void response.writeHead(status).end(body);
  expect(await metrics.series(address, { query: "up", timeoutMs: 2000 }, never)).toMatchObject(read);
});

test.each<[string, number, string]>([
  ["a Status of Kubernetes", 403, '{"kind":"Status","status":"Failure","message":"c4n4ry"}'],
  ["an API of its own", 200, '{"status":"c4n4ry","data":{"resultType":"c4n4ry"}}'],
  ["an error that is none of Prometheus'", 400, '{"status":"error","errorType":"c4n4ry","error":"c4n4ry"}'],
  ["credentials of a cloud", 200, '{"Code":"Success","SecretAccessKey":"c4n4ry","Token":"c4n4ry"}'],
  ["a result of an unknown type", 200, success("c4n4ry", ["c4n4ry"])],
  ["a value", 200, success("vector", [{ metric: {}, value: [1, "c4n4ry"] }])],
  ["a page", 500, "<html>c4n4ry</html>"],
])("A21: nothing of the answer is told when it is %s", async (_name, status, body) => {
  answer = (_request, response) => void response.writeHead(status, { "x-c4n4ry": "c4n4ry" }).end(body);
  const sample = await metrics.query(address, { query: "up", timeoutMs: 2000 }, never);
  expect(sample.kind).toBe("ProviderError");
  expect(JSON.stringify(sample)).not.toContain("c4n4ry");
});

test("A21: a redirection is not followed", async () => {
  const paths: string[] = [];
  answer = (request, response) => {
    paths.push(request.url ?? "");
    response.writeHead(307, { location: "/internal" }).end();
  };
  expect(await metrics.query(address, { query: "up", timeoutMs: 2000 }, never)).toMatchObject({
    kind: "ProviderError",
  });
  expect(paths).toEqual(["/api/v1/query"]);
});

test("asks by POST with the query as data, below the path of the address", async () => {
  let seen = "";
  answer = (request, response) => {
    request.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    request.on("end", () => response.end(success("vector", series("1"))));
    seen += `${request.method} ${request.url} ${request.headers["content-type"]} `;
  };
  await metrics.query(`${address}/prom/`, { query: 'up{a="b&timeout=1h"} or vector(1)', timeoutMs: 2000 }, never);
  expect(seen).toBe(
    "POST /prom/api/v1/query application/x-www-form-urlencoded " +
      "query=up%7Ba%3D%22b%26timeout%3D1h%22%7D+or+vector%281%29&timeout=2000ms",
  );
});

test("asks for a moment and an age of samples where they are given", async () => {
  let seen = "";
  answer = (request, response) => {
    request.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
    });
    request.on("end", () => response.end(success("vector", series("1"))));
  };
  await metrics.query(address, { query: "up", at: 1767323045123, lookbackMs: 60_000, timeoutMs: 2000 }, never);
  expect(seen).toBe("query=up&timeout=2000ms&lookback_delta=60000ms&time=1767323045.123");
});

const p99 = metricOf({ name: "p99", query: "x", limit: { max: 0.4 } });

test.each<[string, string, string, string]>([
  ["NaN", success("vector", series("NaN")), "NoData", "p99: the query gives NaN"],
  ["infinity", success("vector", series("+Inf")), "Fail", "p99 is Infinity, above 0.4"],
  ["two series", success("vector", series("1", "2")), "Invalid", "p99: the query returns 2 series"],
  ["a matrix", success("matrix", []), "Invalid", "p99: the query returns a range"],
  ["a string", success("string", [1, "abc"]), "Invalid", "p99: the query returns a text"],
])("P15: %s", async (_name, body, outcome, message) => {
  answer = (_request, response) => void response.end(body);
  const judged = judge(p99, await metrics.query(address, { query: "up", timeoutMs: 2000 }, never));
  expect(judged).toMatchObject({ outcome, message: expect.stringContaining(message) });
  // Neither a pass nor, but for infinity, a failed measurement.
  expect(judged.counts).toBe(outcome === "Fail" ? "Fail" : undefined);
});

test.each(["", "prometheus:9090", "ftp://x", "file:///etc/passwd", "http://", "http://user:secret@x"])(
  "the address %j is Invalid",
  async (wrong) => {
    const sample = await metrics.query(wrong, { query: "up", timeoutMs: 100 }, never);
    expect(sample).toMatchObject({ kind: "Invalid", message: expect.not.stringContaining("secret") });
  },
);

test("a server that is silent, or stops in the middle, is a ProviderError in time", async () => {
  answer = () => undefined;
  expect(await metrics.query(address, { query: "up", timeoutMs: 50 }, never)).toMatchObject({
    kind: "ProviderError",
    message: expect.stringContaining("50 ms"),
  });
  answer = (_request, response) => {
    response.write('{"status":');
  };
  expect(await metrics.query(address, { query: "up", timeoutMs: 50 }, never)).toMatchObject({
    kind: "ProviderError",
    message: expect.stringContaining("50 ms"),
  });
});

test("a connection that breaks or is refused is a ProviderError", async () => {
  answer = (_request, response) => response.destroy();
  expect(await metrics.query(address, { query: "up", timeoutMs: 2000 }, never)).toMatchObject({
    kind: "ProviderError",
  });
  const refused = await metrics.query("http://127.0.0.1:1", { query: "up", timeoutMs: 2000 }, never);
  expect(refused).toMatchObject({ kind: "ProviderError", message: expect.stringContaining("ECONNREFUSED") });
});

test("an abort ends the question at once, before and while it is asked", async () => {
  const control = new AbortController();
  answer = () => control.abort();
  expect(await metrics.query(address, { query: "up", timeoutMs: 5000 }, control.signal)).toMatchObject({
    kind: "ProviderError",
  });
  expect(await metrics.query(address, { query: "up", timeoutMs: 5000 }, control.signal)).toMatchObject({
    kind: "ProviderError",
  });
});

const isLocal = (one: string) => one.startsWith("127.") || one === "::1" || one.startsWith("169.254.");
const port = () => new URL(address).port;

test.each<[string, () => string, readonly string[] | undefined, string | undefined]>([
  ["the operator's own machine by address", () => address, undefined, "address of the operator's machine"],
  [
    "the operator's own machine by name",
    () => `http://localhost:${port()}`,
    undefined,
    "address of the operator's machine",
  ],
  ["the operator's own machine in another notation", () => `http://2130706433:${port()}`, undefined, "address of the"],
  ["a metadata service", () => "http://169.254.169.254", undefined, "metadata service"],
  ["a host that is not named", () => address, ["prometheus.monitoring"], "--metrics-hosts"],
  ["a host that is named", () => address, ["prometheus.monitoring", "127.0.0.1"], undefined],
  ["a name that is named", () => `http://localhost:${port()}`, ["localhost"], undefined],
])("A21: %s", async (_name, where, hosts, refused) => {
  let asked = 0;
  answer = (_request, response) => {
    asked += 1;
    response.end(success("scalar", [1767323045.123, "1"]));
  };
  await using guarded = createPrometheus({
    hosts: guardHosts({ hosts, isLocal, purpose: "metrics", flag: "--metrics-hosts" }),
  });
  const sample = await guarded.query(where(), { query: "up", timeoutMs: 5000 }, never);
  expect(asked).toBe(refused === undefined ? 1 : 0);
  if (refused === undefined) expect(sample.kind).toBe("Value");
  else expect(sample).toMatchObject({ kind: "Invalid", message: expect.stringContaining(refused) });
});
