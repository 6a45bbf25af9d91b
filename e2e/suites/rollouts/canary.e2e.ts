import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listAt, numberAt, stringAt } from "../../../src/api/json.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import {
  cursorOf,
  historyOf,
  log,
  podsByVersion,
  underLoad,
  untilEvent,
  untilRest,
  untilWeight,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, prometheus: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const canary = [
  { weight: 20, hold: "3s" },
  { weight: 50, hold: "3s" },
];

const p99 =
  "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{ {{candidate}} }[{{window}}])))";

describe.concurrent("a canary that a real Prometheus judges", () => {
  it("canary promoted", async () => {
    // Every kind of limit is asked of a real Prometheus; the pods share a busy machine, so none may be tight.
    const metrics = [
      { name: "errors", successRate: { min: 99.5 }, window: "10s" },
      { name: "beside", successRate: {}, relative: { minDifference: -0.5 }, window: "10s" },
      { name: "slowness", query: p99, relative: { maxRatio: 100, maxDifference: 1 }, window: "10s" },
      { name: "chance", successRate: {}, minRequests: 10, statistical: {} },
      { name: "latency", latency: {}, minRequests: 10, statistical: { tolerance: 50 } },
    ];
    const rollout = { canary, successRate: 99.5, analysis: { metrics } };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "canary promoted", async (load) => {
      const sha = await shop.push({ version: "v2" });
      await untilWeight(shop, 50);
      const judged = (await podsByVersion(scene.kube, shop)).get("v2");
      expect(judged).toHaveLength(4);
      const promoted = await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      await shop.untilApplied(sha);

      // No pod restarts: those that were judged are those that serve now.
      expect((await podsByVersion(scene.kube, shop)).get("v2")).toEqual(judged);
      const pods = await scene.kube.list("v1", "Pod", { namespace: shop.namespace, labels: "app=web" });
      const restarts = pods.flatMap((pod) => listAt(pod, "status", "containerStatuses"));
      expect(restarts.map((status) => numberAt(status, "restartCount"))).toEqual(restarts.map(() => 0));

      const [entry] = historyOf(promoted);
      const whole = { outcome: "Promoted", reason: "Promoted", peakWeight: 100, peakShare: 100 };
      expect(entry).toMatchObject({
        ...whole,
        revision: cursorOf(promoted, "stable"),
        commit: sha,
        author: "Fairlead tests",
      });
      expect(entry?.["duration"]).toMatch(/^\d+s$/);
      expect(conditionOf(promoted, "Ready")).toMatchObject({ status: "True", reason: "AtRest" });
      const verdicts = listAt(promoted, "status", "rollout", "verdicts");
      expect(verdicts.map((verdict) => stringAt(verdict, "name"))).toEqual(metrics.map(({ name }) => name));
      for (const verdict of verdicts)
        expect(verdict).toMatchObject({ outcome: "Pass", revision: cursorOf(promoted, "stable") });
      expect(stringAt(verdicts[3], "message")).toMatch(/% of the candidate's \d+ requests fail, .* of stable's \d+;/);
      expect(stringAt(verdicts[4], "message")).toMatch(/requests take more than [\d.]+ s, .* of stable's \d+;/);
    });
  });

  it("canary rejected", async () => {
    // Long enough for several measurements in the first step.
    const rollout = { canary: [{ weight: 20, hold: "8s" }, ...canary.slice(1)], successRate: 99.5 };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout });
    const adopted = await untilRest(shop, "Adopted");
    const v1 = cursorOf(adopted, "stable");

    const options = { exceptVersion: "v2" };
    const story = "canary with 5 % errors rejected, then reverted";
    const stats = await underLoad(
      scene,
      shop,
      story,
      async (load) => {
        const sha = await shop.push({ version: "v2", failureRate: 0.05 });
        const rejected = await shop.untilCondition("Stalled", "True", "Rejected");
        await load.untilOnly(["v1"]);
        // Few answers in the window can be far from 95 %, or exactly a whole number.
        const why = /errors is \d+(\.\d+)?, below 99\.5/;
        expect(conditionOf(rejected, "Ready")).toMatchObject({ status: "False", reason: "Rejected" });
        expect(conditionOf(rejected, "Ready")?.message).toMatch(why);
        expect(conditionOf(rejected, "Ready")?.message).toMatch(/revert the commit/);
        expect(cursorOf(rejected, "stable")).toBe(v1);
        expect(historyOf(rejected)[0]).toMatchObject({
          outcome: "Rejected",
          reason: "Failing",
          peakWeight: 20,
          peakShare: 20,
          commit: sha,
        });
        await untilEvent(scene.kube, shop, { type: "Warning", reason: "Rejected", message: why });

        const reverted = await shop.revert(sha);
        const rested = await shop.untilCondition("Ready", "True", "AtRest");
        await shop.untilApplied(reverted);
        expect(conditionOf(rested, "Stalled")).toBeUndefined();
        expect(cursorOf(rested, "stable")).toBe(v1);
        expect(stringAt(rested, "status", "rollout", "rejected", "revision")).toBeUndefined();
      },
      options,
    );
    expect(stats.byVersion["v2"]?.["500"] ?? 0, "v2's own errors").toBeGreaterThan(0);
  });
});

const short = [
  { weight: 25, hold: "1s" },
  { weight: 50, hold: "1s" },
];
const ratio = (code: string) => `sum(rate(http_requests_total{${code}{{candidate}}}[{{window}}]))`;

describe.concurrent("held by Prometheus", () => {
  it("a wrong query holds and says so, and is released by correcting it in Git", async () => {
    const metric = (query: string) => [{ name: "errors", query, limit: { max: 0.01 }, window: "10s" }];
    const right = `(${ratio('code=~"5..",')} or vector(0)) / ${ratio("")}`;
    const wrong = { canary: short, analysis: { metrics: metric(`${right})`) }, successRate: 0 };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: wrong });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "a wrong query holds until Git corrects it", async (load) => {
      await shop.push({ version: "v2" });
      const held = await shop.untilCondition("Stalled", "True", "InvalidQuery");
      expect(conditionOf(held, "Ready")?.message).toMatch(/errors.*parse error.*correct the metric errors in Git/s);
      expect(cursorOf(held, "weight")).toBe("25");
      await untilEvent(scene.kube, shop, { type: "Warning", reason: "InvalidQuery", message: /parse error/ });
      await load.untilOnly(["v1", "v2"]);

      await shop.push({ rollout: { ...wrong, analysis: { metrics: metric(right) } }, message: "Correct the query" });
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
    });
  });

  it("P14: a Prometheus that refuses connections holds, and never promotes", async () => {
    // Port 1 of the node: nobody listens there.
    const analysis = { prometheus: { address: `http://${scene.cluster.nodeAddress}:1` }, interval: "1s" };
    const shop = await scene.shop({
      version: "v1",
      replicas: 4,
      rollout: { canary: short, analysis, successRate: 99 },
    });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "a Prometheus that refuses connections holds", async (load) => {
      const sha = await shop.push({ version: "v2" });
      const held = await shop.untilCondition("Reconciling", "True", "ProviderError");
      expect(conditionOf(held, "Ready")?.message).toMatch(
        /errors.*(ECONNREFUSED|refused).*goes on with a passing measurement, or revert the commit/s,
      );
      // Long past the hold time, after more measurements of the same kind.
      const measured = new Set<string>();
      const later = await shop.untilRollout("five more measurements", (rollout) => {
        const [verdict] = listAt(rollout, "status", "rollout", "verdicts");
        measured.add(stringAt(rollout, "status", "rollout", "measuredAt") ?? "");
        return measured.size > 5 && stringAt(verdict, "outcome") === "ProviderError";
      });
      expect(cursorOf(later, "step")).toBe("0");
      expect(cursorOf(later, "weight")).toBe("25");
      expect(conditionOf(later, "Ready")).toMatchObject({ status: "False", reason: "ProviderError" });

      await shop.revert(sha);
      await untilRest(shop, "Cancelled");
      await load.untilOnly(["v1"]);
    });
  });
});
