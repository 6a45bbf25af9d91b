import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeCall } from "../../harness/apiCalls.ts";
import { freeLeases } from "../../harness/install.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { log, untilRest } from "../../harness/stories.ts";

const OBSERVED_MS = 30_000;

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", proxy: true, log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("at rest", () => {
  it("a rollout costs the API server nothing but watches and the lease, and a new operator writes nothing", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }], scaleDownDelaySeconds: 1 };
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, interval: "5s", webhook: true });
    await untilRest(shop, "Adopted");
    const sha = await shop.push({ version: "v2" });
    await untilRest(shop, "Promoted");
    await shop.untilApplied(sha);
    await shop.untilRollout("the Service as Git has it", (one) =>
      JSON.stringify(one["status"]).includes('"selection":{"kind":"Git"}'),
    );
    // What is on its way has come when the next look at Git has.
    const { listed } = scene.git.requests(shop.repo);
    await expect.poll(() => scene.git.requests(shop.repo).listed, { timeout: 90_000 }).toBeGreaterThan(listed + 1);

    scene.proxy.forget();
    await sleep(OBSERVED_MS);
    log(`calls at rest within ${OBSERVED_MS / 1_000} s: ${JSON.stringify(scene.proxy.counts())}`);
    expect(scene.proxy.writes).toEqual([]);
    expect(scene.proxy.calls.filter(({ verb, resource }) => verb !== "watch" && resource !== "leases")).toEqual([]);

    await scene.process.kill();
    await freeLeases(scene.kube, scene.process.namespace);
    const before = scene.git.requests(shop.repo).listed;
    scene.proxy.forget();
    await scene.process.start();
    await expect.poll(() => scene.git.requests(shop.repo).listed, { timeout: 90_000 }).toBeGreaterThan(before + 1);
    expect(scene.proxy.writes.filter(({ resource }) => resource !== "leases").map(describeCall)).toEqual([]);
  });
});
