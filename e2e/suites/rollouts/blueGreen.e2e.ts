import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/api/json.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import { cursorOf, historyOf, log, podsByVersion, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, prometheus: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

/** What the preview Service answers, through the API server: "shop v2". */
async function previewed(shop: Shop): Promise<string> {
  const path = `/api/v1/namespaces/${shop.namespace}/services/${shop.name}-preview:80/proxy/`;
  return (await scene.kube.kubectl(["get", "--raw", path])).trim();
}

function blueGreen(strategy: JsonObject) {
  const metrics = [{ name: "errors", successRate: { min: 99.5 }, window: "10s", needsTraffic: true }];
  return { spec: { strategy: { blueGreen: strategy } }, successRate: 99.5, analysis: { metrics } };
}

describe.concurrent("blue-green", () => {
  it("switches all traffic at once, by a commit, to pods that were looked at before", async () => {
    const choice = blueGreen({ approval: {}, watch: "6s" });
    const shop = await scene.shop({ version: "v1", replicas: 3, rollout: choice });
    await untilRest(shop, "Adopted");
    expect(await previewed(shop)).toBe("shop v1");

    await underLoad(scene, shop, "blue-green promoted, then rolled back", async (load) => {
      const v2 = await shop.push({ version: "v2" });
      const waiting = await shop.untilCondition("Ready", "False", "AwaitingApproval");
      const looked = (await podsByVersion(scene.kube, shop)).get("v2");
      expect(looked).toHaveLength(3);
      expect(await previewed(shop)).toBe("shop v2");
      await load.untilOnly(["v1"]);

      const approvedRevision = cursorOf(waiting, "candidate") ?? "";
      await shop.push({ rollout: { ...choice, spec: { ...choice.spec, approvedRevision } }, message: "Switch" });
      const promoted = await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      expect((await podsByVersion(scene.kube, shop)).get("v2")).toEqual(looked);
      expect(historyOf(promoted)[0]).toMatchObject({ peakWeight: 100 });

      await shop.revert(v2);
      await untilRest(shop, "RolledBack");
      await load.untilOnly(["v1"]);
      expect(await previewed(shop)).toBe("shop v1");
    });
  });

  it("switches back at once when users' requests fail", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 3, rollout: blueGreen({ watch: "1m" }) });
    await untilRest(shop, "Adopted");

    const stats = await underLoad(
      scene,
      shop,
      "blue-green with 5 % errors switched back",
      async (load) => {
        await shop.push({ version: "v2", failureRate: 0.05 });
        const rejected = await shop.untilCondition("Stalled", "True", "Rejected");
        await load.untilOnly(["v1"]);
        expect(historyOf(rejected)[0]).toMatchObject({ outcome: "Rejected", peakWeight: 100 });
      },
      { exceptVersion: "v2" },
    );
    expect(stats.byVersion["v2"]?.["500"] ?? 0, "v2's own errors").toBeGreaterThan(0);
  });

  it("a revert in the watched time switches back without a wait", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: { spec: { strategy: { blueGreen: {} } } } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "blue-green cancelled after the switch", async (load) => {
      const v2 = await shop.push({ version: "v2" });
      await load.untilOnly(["v2"]);
      await shop.revert(v2);
      await untilRest(shop, "Cancelled");
      await load.untilOnly(["v1"]);
    });
  });
});
