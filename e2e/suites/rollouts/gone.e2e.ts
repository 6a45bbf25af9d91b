import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../../src/api/json.ts";
import { applyCrds, beginToDeleteCrds } from "../../harness/crds.ts";
import { freeLeases } from "../../harness/install.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import {
  log,
  podsByVersion,
  readyEndpoints,
  replicasOf,
  selectorOf,
  underLoad,
  untilRest,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

describe("an operator that is gone for good", () => {
  it("P27: what serves goes on serving while its CRDs are deleted under it at a pause; the next operator hands the Deployment back", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }], spec: { paused: true }, settleSeconds: 1 };
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: { ...rollout, spec: {} }, webhook: true });
    await untilRest(shop, "Adopted");
    // The GitSync is deleted with its CRD, and by its usual policy its objects with it.
    await scene.kube.patch(shop.syncRef, { spec: { deletionPolicy: "Orphan" } });
    await underLoad(scene, shop, "the operator and its CRDs gone at a pause", async (load) => {
      await shop.push({ version: "v2", rollout: { canary: [{ weight: 50, hold: "1h" }], spec: {}, settleSeconds: 1 } });
      await shop.untilRollout("a candidate in place", (one) => at(one, "status", "rollout", "inPlaceAt") !== undefined);
      await shop.push({ rollout: { ...rollout, canary: [{ weight: 50, hold: "1h" }] }, message: "Pause" });
      await shop.untilCondition("Ready", "False", "Paused");
      const pods = await podsByVersion(scene.kube, shop);

      await scene.process.kill();
      await beginToDeleteCrds(scene.kube);
      const { answered } = await load.stats();
      await load.untilAnswered(answered + 500);
      expect(await podsByVersion(scene.kube, shop)).toEqual(pods);
      const deployment = await shop.deployment();
      expect(at(deployment, "spec", "paused")).toBeUndefined();
      expect(replicasOf(deployment)).toBe(0);
      expect((await shop.rollout()).metadata.finalizers).toHaveLength(1);

      await freeLeases(scene.kube, scene.process.namespace);
      await scene.process.start();
      await scene.kube.waitGone(shop.rolloutRef);
      expect(replicasOf(await shop.deployment())).toBe(2);
      expect(await selectorOf(scene.kube, shop)).toEqual({ app: "web" });
      expect(await readyEndpoints(scene.kube, shop)).toBe(2);
      await load.untilOnly(["v1"]);
    });
    await scene.process.stop();
    await applyCrds(scene.kube);
  });
});
