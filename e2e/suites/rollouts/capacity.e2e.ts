import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numberAt } from "../../../src/api/json.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { log, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("capacity that is not there", () => {
  it("P9: a quota that is full holds with its own words while stable serves, a revert works, and a budget of the app covers its revisions", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }], scaleDownDelaySeconds: 1 };
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, webhook: true });
    const { namespace } = shop;
    await untilRest(shop, "Adopted");
    await underLoad(scene, shop, "a quota that is full", async (load) => {
      await load.untilOnly(["v1"]);
      const pods = await scene.kube.list("v1", "Pod", { namespace });
      const quota = { apiVersion: "v1", kind: "ResourceQuota", namespace, name: "full" };
      await scene.kube.apply({
        apiVersion: "v1",
        kind: "ResourceQuota",
        metadata: { name: "full", namespace },
        spec: { hard: { pods: String(pods.length) } },
      });
      await scene.kube.waitFor(quota, "counted", (one) => JSON.stringify(one["status"] ?? {}).includes("used"));
      const change = await shop.push({ version: "v2" });
      const held = await shop.untilCondition("Ready", "False", "QuotaExceeded");
      expect(conditionOf(held, "Ready")?.message).toMatch(/0 of 2 pods .* exceeded quota: full/);
      await shop.revert(change);
      await untilRest(shop, "Cancelled");
      await load.untilOnly(["v1"]);
      await scene.kube.delete(quota);
    });

    await scene.kube.apply({
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "web", namespace },
      spec: { minAvailable: 2, selector: { matchLabels: { app: "web" } } },
    });
    const budget = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", namespace, name: "web" };
    await scene.kube.waitFor(budget, "counted", (one) => numberAt(one, "status", "currentHealthy") === 2);
    const [pod] = await scene.kube.list("v1", "Pod", { namespace, labels: "fairlead.dev/revision" });
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod?.metadata.name, namespace } };
    const path = `/api/v1/namespaces/${namespace}/pods/${pod?.metadata.name}/eviction`;
    await expect(scene.kube.raw({ method: "POST", path, body: eviction })).rejects.toThrow(/disruption budget/);
  });
});
