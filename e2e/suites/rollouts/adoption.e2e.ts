import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene, type Scene } from "../../harness/scene.ts";
import { historyOf, log, podsByVersion, replicasOf, sampled, selectorOf, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

const canary = [{ weight: 50, hold: "1s" }];

describe.concurrent("adoption of a live Deployment under load", () => {
  it.each([
    { title: "of a program that stops in order", env: {} },
    { title: "of a program that exits at once on SIGTERM", env: { EXIT_AT_ONCE: "true" as const } },
  ])("$title", async ({ title, env }) => {
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
    expect([...(await podsByVersion(scene.kube, shop))].map(([version, pods]) => [version, pods.length])).toEqual([["v1", 4]]);
    expect(await selectorOf(scene.kube, shop)).toEqual({ app: "web" });
    expect(historyOf(await shop.rollout())).toMatchObject([{ outcome: "Adopted" }]);
  });
});
