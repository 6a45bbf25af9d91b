import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, numberAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { DEPLOY } from "../../harness/shop.ts";
import {
  cursorOf,
  historyOf,
  log,
  podsByVersion,
  readyEndpoints,
  underLoad,
  untilRest,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const rollout = { canary: [{ weight: 50, hold: "1s" }] };

describe("what people and autoscalers do keeps its meaning", () => {
  it.concurrent("kubectl rollout restart restarts the stable pods in place, and starts no rollout", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout });
    const stable = cursorOf(await untilRest(shop, "Adopted"), "stable");
    await underLoad(scene, shop, "kubectl rollout restart", async () => {
      const before = (await podsByVersion(scene.kube, shop)).get("v1") ?? [];
      await scene.kube.kubectl(["rollout", "restart", "deployment/web", "-n", shop.namespace]);
      await until("other pods, as many as before", async (saw) => {
        const now = (await podsByVersion(scene.kube, shop)).get("v1") ?? [];
        saw(`${before.join()} became ${now.join()}`);
        return now.length === 2 && now.every((uid) => !before.includes(uid)) ? true : undefined;
      });
      const rested = await shop.untilCondition("Ready", "True", "AtRest");
      expect(cursorOf(rested, "stable")).toBe(stable);
      expect(historyOf(rested)).toHaveLength(1);
    });
  });

  it.concurrent("an autoscaler of the Deployment scales the rollout", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, webhook: true });
    await untilRest(shop, "Adopted");
    const autoscaler = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web", namespace: shop.namespace },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
        minReplicas: 4,
        maxReplicas: 6,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
      },
    };
    await underLoad(scene, shop, "an autoscaler of the Deployment", async () => {
      await shop.push({ files: { [`${DEPLOY}/autoscaler.yaml`]: toYaml([autoscaler]) } });
      // Without metrics it still holds its least number of replicas; it looks every 15 s.
      await until(
        "4 ready endpoints",
        async (saw) => {
          const now = await readyEndpoints(scene.kube, shop);
          saw(`${now}, spec.replicas ${numberAt(await shop.rollout(), "spec", "replicas")}`);
          return now === 4 ? true : undefined;
        },
        { timeoutMs: 90_000 },
      );
      const ref = { apiVersion: "autoscaling/v2", kind: autoscaler.kind, namespace: shop.namespace, name: "web" };
      const target = at(await scene.kube.get(ref), "spec", "scaleTargetRef");
      expect(target).toEqual({ apiVersion: "fairlead.dev/v1alpha1", kind: "ProgressiveRollout", name: "web" });
      expect(numberAt(await shop.deployment(), "spec", "replicas")).toBe(0);
    });
  });
});
