import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import {
  cursorOf,
  historyOf,
  lastAnswerAfter,
  log,
  podsByVersion,
  revisionsOf,
  underLoad,
  untilRest,
  untilWeight,
} from "../../harness/stories.ts";

let prometheus: ScriptedPrometheus;
let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
  prometheus = await ScriptedPrometheus.start(scene.cluster.hostAddress);
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await prometheus?.[Symbol.asyncDispose]();
});

describe("a revert is the way back", () => {
  it.concurrent("cancel by revert at 50 %", async () => {
    const rollout = { canary: [{ weight: 50, hold: "5m" }] };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout, webhook: true });
    const v1 = cursorOf(await untilRest(shop, "Adopted"), "stable");

    await underLoad(scene, shop, "cancel by revert at 50 %", async (load) => {
      const sha = await shop.push({ version: "v2" });
      await untilWeight(shop, 50);
      await load.untilOnly(["v1", "v2"]);
      const ms = await lastAnswerAfter(load, "v2", () => shop.revert(sha));
      log(`time: last answer of a candidate ${ms.toFixed(0)} ms after its revert`);
      expect(ms).toBeLessThan(5_000);
      const rested = await untilRest(shop, "Cancelled");
      expect(cursorOf(rested, "stable")).toBe(v1);
      expect(historyOf(rested)[0]).toMatchObject({ outcome: "Cancelled", peakWeight: 50 });
    });
  });

  it.concurrent("roll back by revert after promotion, warm", async () => {
    const analysis = { prometheus: { address: prometheus.address } };
    const rollout = { canary: [{ weight: 50, hold: "1s" }], analysis };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout, webhook: true });
    const v1 = cursorOf(await untilRest(shop, "Adopted"), "stable");

    await underLoad(scene, shop, "roll back by revert after promotion, warm", async (load) => {
      const sha = await shop.push({ version: "v2" });
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      const warm = (await podsByVersion(scene.kube, shop)).get("v1");
      expect(warm).toHaveLength(4);
      const asked = prometheus.queries.length;
      expect(asked, "measurements of v2").toBeGreaterThan(0);

      const ms = await lastAnswerAfter(load, "v2", () => shop.revert(sha));
      log(`time: last answer of a promoted version ${ms.toFixed(0)} ms after its revert, warm`);
      expect(ms).toBeLessThan(5_000);
      const rested = await untilRest(shop, "RolledBack");
      expect(cursorOf(rested, "stable")).toBe(v1);
      expect((await podsByVersion(scene.kube, shop)).get("v1")).toEqual(warm);
      expect(prometheus.queries.slice(asked), "measurements after the revert").toEqual([]);
    });
  });
});

describe("what a commit does to a candidate", () => {
  it.concurrent("superseded by a third commit", async () => {
    const canary = (hold: string) => [
      { weight: 25, hold },
      { weight: 50, hold: "1s" },
    ];
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: { canary: canary("5m") } });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "superseded by a third commit", async (load) => {
      await shop.push({ version: "v2" });
      const v2 = cursorOf(await untilWeight(shop, 25), "candidate");
      await shop.push({ version: "v3" });
      await shop.untilRollout(
        "another candidate",
        (rollout) => ![undefined, v2].includes(cursorOf(rollout, "candidate")),
      );
      expect(historyOf(await shop.rollout())[0]).toMatchObject({ outcome: "Superseded", revision: v2, peakWeight: 25 });
      const sha = await shop.push({ rollout: { canary: canary("1s") }, message: "Hold for less" });
      const rested = await untilRest(shop, "Promoted");
      await load.untilOnly(["v3"]);
      await shop.untilApplied(sha);
      expect(historyOf(rested)).toMatchObject([
        { outcome: "Promoted", revision: cursorOf(rested, "stable"), peakWeight: 100 },
        { outcome: "Superseded", revision: v2, peakWeight: 25 },
        { outcome: "Adopted" },
      ]);
      const left = (await revisionsOf(scene.kube, shop)).map(({ metadata }) => metadata.name);
      expect(left.some((name) => name.endsWith(`-${v2}`))).toBe(false);
    });
  });

  it.concurrent("spec.paused holds the step; a revert is not held up", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }] };
    // The pause comes in time, however long its push takes.
    const slow = { canary: [{ weight: 50, hold: "5m" }] };
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: slow, webhook: true });
    const v1 = cursorOf(await untilRest(shop, "Adopted"), "stable");

    await underLoad(scene, shop, "paused, resumed, paused and reverted", async (load) => {
      const paused = { ...rollout, spec: { paused: true } };
      await shop.push({ version: "v2" });
      await shop.untilRollout("a candidate", (object) => cursorOf(object, "candidate") !== undefined, { everyMs: 20 });
      await shop.push({ rollout: paused, message: "Pause" });
      const held = await shop.untilCondition("Reconciling", "True", "Paused");
      expect(cursorOf(held, "weight")).toBe("50");
      await load.untilOnly(["v1", "v2"]);

      const ms = await lastAnswerAfter(load, "v2", () => shop.push({ version: "v1" }));
      log(`time: last answer of a paused candidate ${ms.toFixed(0)} ms after its revert`);
      const back = await untilRest(shop, "Cancelled");
      expect(cursorOf(back, "stable")).toBe(v1);

      await shop.push({ version: "v2", message: "Once more, still paused" });
      await shop.untilCondition("Ready", "False", "Paused");
      await shop.push({ rollout, message: "Go on" });
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
    });
  });
});
