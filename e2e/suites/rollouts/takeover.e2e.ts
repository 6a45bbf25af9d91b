import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../../src/api/json.ts";
import { until } from "../../apps/until.ts";
import { type ApiCall, describeCall } from "../../harness/apiCalls.ts";
import { meaningfulWrite } from "../../harness/apiRules.ts";
import { leaseHolders } from "../../harness/install.ts";
import { OperatorProcess } from "../../harness/operatorProcess.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { log, underLoad, untilRest } from "../../harness/stories.ts";

const args = ["--lease-duration", "5"];
/** How long the leader is stopped: long after its Lease, its connections and its watches have run out. */
const FROZEN_MS = 60_000;
let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", proxy: true, args, log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

describe("two operators", () => {
  it("P32: a leader that was frozen in mid-rollout for a minute is replaced, writes nothing any more, and ends", async () => {
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
      // Frozen between the word of a step and its first effect: what it would do next is a write.
      const begun = Promise.withResolvers<number>();
      const candidate = ({ write, resource, body }: ApiCall) =>
        write && resource === "progressiverollouts" && at(body, "status", "rollout", "candidate") !== undefined;
      scene.proxy.afterWrite(
        1,
        () => {
          first.freeze();
          begun.resolve(performance.now());
        },
        candidate,
      );
      await shop.push({ version: "v2" });
      const frozenAt = await begun.promise;
      await second.untilLeading();
      expect(await leaseHolders(scene.kube, namespace)).not.toContain(frozen);
      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);

      expect(scene.proxy.writes.length, "writes while it led").toBeGreaterThan(10);
      scene.proxy.forget();
      // A request may have been on its way when it was frozen; the API server refuses it, since the object has moved on.
      const accepted: string[] = [];
      scene.proxy.rule(meaningfulWrite, {
        kind: "After",
        run: (call, status) => void (status < 300 && accepted.push(describeCall(call))),
      });
      // The time itself is the fault.
      await sleep(Math.max(0, FROZEN_MS - (performance.now() - frozenAt)));
      first.thaw();
      const thawedAt = performance.now();
      const exit = await until("the frozen operator to end", async () => (first.running ? undefined : first.exited()));
      expect(exit).toEqual({ code: 1, signal: null });
      log(
        `the frozen operator ended ${(performance.now() - thawedAt).toFixed(0)} ms after it went on; its calls then: ${JSON.stringify(scene.proxy.counts())}`,
      );
      expect(accepted, "its writes that changed something").toEqual([]);
      expect(scene.proxy.writes.length, "its writes on the way").toBeLessThanOrEqual(1);
      expect(await first.logs()).toContain("the lease is lost");
      expect(await leaseHolders(scene.kube, namespace)).not.toContain(frozen);
    });
  });
});
