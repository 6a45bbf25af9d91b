import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene, type Scene } from "../../harness/scene.ts";
import {
  historyOf,
  log,
  podsByVersion,
  readyEndpoints,
  replicasOf,
  sampled,
  underLoad,
  untilEvent,
  untilRest,
} from "../../harness/stories.ts";
import { until } from "../../apps/until.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

describe.concurrent("pods and their number", () => {
  it("rolling, pod by pod, of a program that exits at once on SIGTERM", async () => {
    const rollout = { rolling: { batch: 1, hold: "1s" }, scaleDownDelaySeconds: 1 };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout, env: { EXIT_AT_ONCE: "true" } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "rolling, pod by pod", async (load) => {
      const { least, most } = await sampled(scene.kube, shop, async () => {
        const sha = await shop.push({ version: "v2" });
        await untilRest(shop, "Promoted");
        await load.untilOnly(["v2"]);
        await shop.untilApplied(sha);
      });
      expect(least, "fewest ready endpoints").toBeGreaterThanOrEqual(4);
      expect(most, "most ready endpoints").toBeLessThanOrEqual(5);
      expect(historyOf(await shop.rollout())[0]).toMatchObject({ outcome: "Promoted", peakWeight: 100 });
      // The former pods go for good under the load, too.
      await until("the pods of v1 to be gone", async (saw) => {
        const versions = [...(await podsByVersion(scene.kube, shop)).keys()];
        saw(versions.join());
        return versions.join() === "v2" ? true : undefined;
      });
    });
  });

  it("scale through the scale subresource", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 3, rollout: { canary: [{ weight: 50, hold: "1s" }] } });
    await untilRest(shop, "Adopted");
    const { namespace } = shop;

    await underLoad(scene, shop, "scale through the scale subresource", async () => {
      const endpoints = (count: number) =>
        until(`${count} ready endpoints`, async (saw) => {
          const now = await readyEndpoints(scene.kube, shop);
          saw(String(now));
          return now === count ? true : undefined;
        });
      await scene.kube.kubectl(["scale", "progressiverollout/web", "--replicas=5", "-n", namespace]);
      await endpoints(5);
      await scene.kube.kubectl(["scale", "progressiverollout/web", "--replicas=2", "-n", namespace]);
      await endpoints(2);

      await scene.kube.kubectl(["scale", "deployment/web", "--replicas=3", "-n", namespace]);
      await scene.kube.waitFor(shop.deploymentRef, "0 replicas again", (object) => replicasOf(object) === 0, {
        timeoutMs: 5_000,
      });
      const message = /kubectl scale progressiverollout\/web/;
      await untilEvent(scene.kube, shop, { type: "Warning", reason: "ReplicasPutBack", message });
      await endpoints(2);
    });
  });
});
