import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScene, type Scene } from "../../harness/scene.ts";
import { cursorOf, log, podsByVersion, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("an approval is a commit", () => {
  it("of exactly this revision: another one is refused and said so, and a revert needs none", async () => {
    const steps = [{ approval: {} }, { weight: 50, hold: "1s" }];
    const rollout = { spec: { strategy: { canary: { steps } } } };
    const approved = (approvedRevision: string) => ({
      rollout: { spec: { ...rollout.spec, approvedRevision } },
      message: `Approve ${approvedRevision}`,
    });
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, webhook: true });
    const v1 = cursorOf(await untilRest(shop, "Adopted"), "stable") ?? "";

    await underLoad(scene, shop, "an approval is a commit", async (load) => {
      const v2 = await shop.push({ version: "v2" });
      const waiting = await shop.untilCondition("Ready", "False", "AwaitingApproval");
      const candidate = cursorOf(waiting, "candidate") ?? "";
      expect(cursorOf(waiting, "weight")).toBe("0");
      expect([...(await podsByVersion(scene.kube, shop)).keys()].sort()).toEqual(["v1", "v2"]);
      await load.untilOnly(["v1"]);

      await shop.push(approved(v1));
      await shop.untilRollout(`the approval of ${v1} refused`, (one) =>
        JSON.stringify(one["status"]).includes(`spec.approvedRevision names ${v1}, which is another`),
      );
      await load.untilOnly(["v1"]);

      await shop.push(approved(candidate));
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      await shop.revert(v2);
      await untilRest(shop, "RolledBack");
      await load.untilOnly(["v1"]);
    });
  });
});
