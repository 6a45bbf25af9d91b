import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listAt, stringAt } from "../../../src/api/json.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { cursorOf, log, underLoad, untilEvent, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, prometheus: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const canary = [
  { weight: 25, hold: "1s" },
  { weight: 50, hold: "1s" },
];
const ratio = (code: string) => `sum(rate(http_requests_total{${code}{{candidate}}}[{{window}}]))`;

describe.concurrent("held by Prometheus", () => {
  it("a wrong query holds and says so, and is released by correcting it in Git", async () => {
    const metric = (query: string) => [{ name: "errors", query, limit: { max: 0.01 }, window: "10s" }];
    const right = `(${ratio('code=~"5..",')} or vector(0)) / ${ratio("")}`;
    const wrong = { canary, analysis: { metrics: metric(`${right})`) }, successRate: 0 };
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

  it("a Prometheus that refuses connections holds, and never promotes", async () => {
    // Port 1 of this machine: nobody listens there.
    const analysis = { prometheus: { address: "http://127.0.0.1:1" }, interval: "1s" };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: { canary, analysis, successRate: 99 } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "a Prometheus that refuses connections holds", async (load) => {
      const sha = await shop.push({ version: "v2" });
      const held = await shop.untilCondition("Reconciling", "True", "ProviderError");
      expect(conditionOf(held, "Ready")?.message).toMatch(/errors.*(ECONNREFUSED|refused).*rejected after 10m/s);
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
