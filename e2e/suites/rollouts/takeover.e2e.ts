import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../apps/until.ts";
import { describeCall } from "../../harness/apiCalls.ts";
import { leaseHolders } from "../../harness/install.ts";
import { OperatorProcess } from "../../harness/operatorProcess.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { cursorOf, log, underLoad, untilRest } from "../../harness/stories.ts";

const args = ["--lease-duration", "5"];
let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", proxy: true, args, log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

describe("two operators", () => {
  it("a leader that was frozen in mid-rollout is replaced, writes nothing any more, and ends", async () => {
    const canary = [
      { weight: 25, hold: "2s" },
      { weight: 50, hold: "2s" },
    ];
    const shop = await scene.shop({ version: "v1", replicas: 4, rollout: { canary } });
    await untilRest(shop, "Adopted");
    const first = scene.process;
    const { namespace } = first;
    const kubeconfig = scene.cluster.kubeconfig;
    await using second = await OperatorProcess.start({ kubeconfig, namespace, args, until: "ready" });

    await underLoad(scene, shop, "two operators", async (load) => {
      const [frozen] = await leaseHolders(scene.kube, namespace);
      await shop.push({ version: "v2" });
      await shop.untilRollout("a candidate", (rollout) => cursorOf(rollout, "candidate") !== undefined, {
        everyMs: 20,
      });
      first.freeze();
      await second.untilLeading();
      expect(await leaseHolders(scene.kube, namespace)).not.toContain(frozen);
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);

      expect(scene.proxy.writes.length, "writes while it led").toBeGreaterThan(10);
      scene.proxy.forget();
      first.thaw();
      const exit = await until("the frozen operator to end", async () => (first.running ? undefined : first.exited()));
      expect(exit).toEqual({ code: 1, signal: null });
      log(`the frozen operator's calls after it went on: ${JSON.stringify(scene.proxy.counts())}`);
      expect(scene.proxy.writes.map(describeCall)).toEqual([]);
      expect(await first.logs()).toContain("the lease is lost");
      expect(await leaseHolders(scene.kube, namespace)).not.toContain(frozen);
    });
  });
});
