import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../../src/api/json.ts";
import { Mark } from "../../../src/api/v1alpha1/names.ts";
import { until } from "../../apps/until.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import {
  historyOf,
  log,
  podsByVersion,
  readyEndpoints,
  replicasOf,
  revisionsOf,
  sampled,
  selectorOf,
  underLoad,
  untilEvent,
  untilRest,
  untilWeight,
  versionOf,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const canary = [{ weight: 50, hold: "1s" }];

/** Nothing tells any more that a rollout was here. */
async function expectHandedBack(shop: Shop, version: string): Promise<void> {
  const { namespace, name } = shop;
  const deployment = await scene.kube.waitAvailable(namespace, name);
  expect(replicasOf(deployment)).toBe(4);
  expect(versionOf(at(deployment, "spec", "template", "spec", "containers"))).toBe(version);
  expect(await selectorOf(scene.kube, shop)).toEqual({ app: name });
  expect(await revisionsOf(scene.kube, shop)).toEqual([]);
  const services = await scene.kube.list("v1", "Service", { namespace, labels: Mark.rollout });
  expect(services).toEqual([]);
  expect(deployment.metadata.finalizers ?? []).toEqual([]);
  const pods = [...(await podsByVersion(scene.kube, shop))].map(([of, uids]) => [of, uids.length]);
  expect(pods).toEqual([[version, 4]]);
}

describe.concurrent("adoption of a live Deployment under load", () => {
  it.each([
    { title: "of a program that stops in order", env: {} },
    { title: "of a program that exits at once on SIGTERM", env: { EXIT_AT_ONCE: "true" as const } },
  ])("P7: $title", async ({ title, env }) => {
    const shop = await scene.shop({ version: "v1", replicas: 4, env });
    await scene.kube.waitAvailable(shop.namespace, shop.name);

    await underLoad(scene, shop, `adoption ${title}`, async () => {
      const { least, samples } = await sampled(scene.kube, shop, async () => {
        const sha = await shop.push({ rollout: { canary }, message: "Roll out in steps" });
        await untilRest(shop, "Adopted");
        await shop.untilApplied(sha);
      });
      expect(samples).toBeGreaterThan(10);
      expect(least, "fewest ready endpoints").toBeGreaterThanOrEqual(4);
    });

    expect(replicasOf(await shop.deployment())).toBe(0);
    expect([...(await podsByVersion(scene.kube, shop))].map(([version, pods]) => [version, pods.length])).toEqual([
      ["v1", 4],
    ]);
    expect(await selectorOf(scene.kube, shop)).toEqual({ app: "web" });
    expect(historyOf(await shop.rollout())).toMatchObject([{ outcome: "Adopted" }]);
  });
});

describe.concurrent("handed back on deletion of the ProgressiveRollout", () => {
  it("P8: at rest", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: { canary: [{ weight: 50, hold: "1s" }] } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "handed back at rest", async () => {
      const { least } = await sampled(scene.kube, shop, async () => {
        const sha = await shop.push({ rollout: null, message: "No steps any more" });
        await scene.kube.waitGone(shop.rolloutRef, { timeoutMs: 60_000 });
        await shop.untilApplied(sha);
      });
      expect(least, "fewest ready endpoints").toBeGreaterThanOrEqual(4);
      await expectHandedBack(shop, "v1");
    });
  });

  it("P8: in mid-rollout, what ran is handed back, then Git's version rolls as Kubernetes does", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: { canary: [{ weight: 25, hold: "5m" }] } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "handed back in mid-rollout", async (load) => {
      await shop.push({ version: "v2" });
      await untilWeight(shop, 25);
      const sha = await shop.push({ rollout: null, message: "No steps any more" });
      await scene.kube.waitGone(shop.rolloutRef, { timeoutMs: 60_000 });
      await shop.untilApplied(sha);
      await load.untilOnly(["v2"]);
      await expectHandedBack(shop, "v2");
    });
  });
});

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
