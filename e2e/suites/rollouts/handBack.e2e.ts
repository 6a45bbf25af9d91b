import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../../src/api/json.ts";
import { Mark } from "../../../src/api/v1alpha1/names.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import {
  log,
  podsByVersion,
  replicasOf,
  revisionsOf,
  sampled,
  selectorOf,
  underLoad,
  untilRest,
  untilWeight,
  versionOf,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

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

describe.concurrent("handed back on deletion of the ProgressiveRollout", () => {
  it("at rest", async () => {
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

  it("in mid-rollout: what ran is handed back, then Git's version rolls as Kubernetes does", async () => {
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
