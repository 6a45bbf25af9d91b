import { expect, onTestFinished, test } from "vitest";
import { type Git, GitError } from "../ports/git.ts";
import type { Metrics } from "../ports/metrics.ts";
import { countedGit, countedMetrics } from "./counted.ts";
import { createTelemetry, type Telemetry } from "./metrics.ts";

function rig(): Telemetry {
  const telemetry = createTelemetry("1.2.3");
  onTestFinished(() => telemetry[Symbol.dispose]());
  return telemetry;
}

/** The samples of a family, without its comments. */
async function samples(telemetry: Telemetry, name: string): Promise<readonly string[]> {
  return (await telemetry.text()).split("\n").filter((line) => line.startsWith(name));
}

test("counts requests to the API server and times all but watches", async () => {
  const telemetry = rig();
  telemetry.apiRequest({ verb: "get", resource: "pods", code: 200, ms: 30 });
  telemetry.apiRequest({ verb: "get", resource: "pods", code: 200, ms: Number.NaN });
  telemetry.apiRequest({ verb: "watch", resource: "pods", code: 0, ms: 300_000 });
  expect(await samples(telemetry, "fairlead_api_requests_total")).toEqual([
    'fairlead_api_requests_total{verb="get",resource="pods",code="200"} 2',
    'fairlead_api_requests_total{verb="watch",resource="pods",code="0"} 1',
  ]);
  expect(await samples(telemetry, "fairlead_api_request_duration_seconds_count")).toEqual([
    'fairlead_api_request_duration_seconds_count{verb="get"} 2',
  ]);
});

test("does not grow with the kinds of a hostile cluster", async () => {
  const telemetry = rig();
  for (let i = 0; i < 1_000; i++) telemetry.apiRequest({ verb: "get", resource: `kind${i}`, code: 200, ms: 1 });
  const lines = await samples(telemetry, "fairlead_api_requests_total");
  expect(lines).toHaveLength(201);
  expect(lines).toContain('fairlead_api_requests_total{verb="get",resource="other",code="200"} 800');
});

test("times reconciles by controller and outcome, in seconds", async () => {
  const telemetry = rig();
  telemetry.reconciled("sync", { outcome: "Failed", ms: 1_500 });
  expect(await samples(telemetry, "fairlead_reconcile_duration_seconds_sum")).toEqual([
    'fairlead_reconcile_duration_seconds_sum{controller="sync",outcome="Failed"} 1.5',
  ]);
});

test("reads queues and leadership at the time of the scrape", async () => {
  const telemetry = rig();
  let [depth, leads] = [0, false];
  telemetry.watchQueue("sync", () => depth);
  telemetry.watchLeader(() => leads);
  expect(await samples(telemetry, "fairlead_leader")).toEqual(["fairlead_leader 0"]);
  [depth, leads] = [7, true];
  expect(await samples(telemetry, "fairlead_leader")).toEqual(["fairlead_leader 1"]);
  expect(await samples(telemetry, "fairlead_queue_depth")).toEqual(['fairlead_queue_depth{controller="sync"} 7']);
});

test("ends the series of a resource that is gone", async () => {
  const telemetry = rig();
  telemetry.resource("GitSync", "shop", "web", { ready: true, objects: 12 });
  telemetry.resource("ProgressiveRollout", "shop", "web", { ready: false });
  expect(await samples(telemetry, "fairlead_sync_objects")).toEqual([
    'fairlead_sync_objects{namespace="shop",name="web"} 12',
  ]);
  telemetry.forget("GitSync", "shop", "web");
  expect(await samples(telemetry, "fairlead_sync_objects")).toEqual([]);
  expect(await samples(telemetry, "fairlead_resource_ready")).toEqual([
    'fairlead_resource_ready{kind="ProgressiveRollout",namespace="shop",name="web"} 0',
  ]);
});

test("counts hooks, queries and ends of rollouts", async () => {
  const telemetry = rig();
  telemetry.hook("Accepted");
  telemetry.rolloutEnded("Promoted");
  const none = async () => ({ kind: "NoData", message: "none" }) as const;
  const metrics: Metrics = { query: none, series: none };
  await countedMetrics(metrics, telemetry).query(
    "http://prometheus",
    { query: "up", timeoutMs: 1 },
    AbortSignal.abort(),
  );
  const text = await telemetry.text();
  expect(text).toContain('fairlead_hooks_total{outcome="Accepted"} 1');
  expect(text).toContain('fairlead_rollouts_total{outcome="Promoted"} 1');
  expect(text).toContain('fairlead_metric_queries_total{outcome="NoData"} 1');
});

test("counts Git by the reason of its errors, which stay what they are", async () => {
  const telemetry = rig();
  const source = { url: "https://git.example.com/a", ref: {}, credentials: {}, timeoutMs: 1 };
  const refused = new GitError("AuthFailed", "no");
  const git: Git = {
    resolve: () => Promise.reject(refused),
    descends: async () => true,
    since: async () => ({ commits: [], boundary: new Set() }),
    tag: async () => new Uint8Array(),
    look: async () => new Map(),
    read: () => Promise.reject(new Error("stopped")),
  };
  const counted = countedGit(git, telemetry);
  const { signal } = new AbortController();
  await expect(counted.resolve(source, signal)).rejects.toBe(refused);
  expect(await counted.look(source, "sha", [""], signal)).toEqual(new Map());
  await expect(counted.read(source, "sha", [""], () => true, signal)).rejects.toThrow("stopped");
  await expect(counted.read(source, "sha", [""], () => true, AbortSignal.abort())).rejects.toThrow("stopped");
  expect(await samples(telemetry, "fairlead_git_requests_total")).toEqual([
    'fairlead_git_requests_total{verb="resolve",outcome="AuthFailed"} 1',
    'fairlead_git_requests_total{verb="look",outcome="Done"} 1',
    'fairlead_git_requests_total{verb="read",outcome="Other"} 1',
    'fairlead_git_requests_total{verb="read",outcome="Aborted"} 1',
  ]);
});

test("tells of the process in one scrape", async () => {
  const telemetry = rig();
  const value = async (name: string) => Number((await samples(telemetry, `${name} `))[0]?.split(" ")[1]);
  expect(await value("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(await value("nodejs_heap_size_used_bytes")).toBeGreaterThan(1e6);
  expect(await value("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(Math.abs((await value("process_start_time_seconds")) - Date.now() / 1000)).toBeLessThan(600);
  expect(await value("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThanOrEqual(0);
  expect(await samples(telemetry, "fairlead_build_info")).toEqual(['fairlead_build_info{version="1.2.3"} 1']);
});

test("answers scrapes at one time once, and later ones anew", async () => {
  const telemetry = rig();
  const [first, second] = [telemetry.text(), telemetry.text()];
  expect(first).toBe(second);
  await first;
  expect(telemetry.text()).not.toBe(first);
  expect(telemetry.contentType).toContain("text/plain");
});

test("two of them share nothing", async () => {
  const [one, other] = [rig(), rig()];
  one.hook("Accepted");
  expect(await samples(other, "fairlead_hooks_total{")).toEqual([]);
});
