import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeCall } from "../harness/apiCalls.ts";
import { freeLeases, type InstalledOperator, installOperator, leaseHolders } from "../harness/install.ts";
import { openScene, type Scene } from "../harness/scene.ts";
import type { Shop } from "../harness/shop.ts";

const log = (line: string) => void process.stderr.write(`${line}\n`);

describe("the operator in the cluster, by its chart", () => {
  let scene: Scene;
  let operator: InstalledOperator;

  beforeAll(async () => {
    scene = await openScene({ operator: "pod", log });
    operator = scene.installed;
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  it("answers from this machine, and tells its metrics and logs", async () => {
    expect((await fetch(`${operator.url}/healthz`, { signal: AbortSignal.timeout(5_000) })).status).toBe(200);
    expect(await operator.metrics()).toMatch(/^fairlead_leader 1$/m);
    expect(await operator.logs()).toContain("leading");
  });

  it("is led by another pod when the leader is lost, and leads again after a restart", async () => {
    const first = await operator.leader();
    await operator.killLeader();
    const second = await operator.leader();
    expect(second).not.toBe(first);
    await operator.restart();
    expect(await operator.leader()).not.toBe(second);
  });

  it("is not installed twice: the second one would take the first one's CRDs along", async () => {
    await expect(installOperator(scene.cluster, { namespace: "second" })).rejects.toThrow("already");
    expect(await operator.metrics()).toMatch(/^fairlead_leader 1$/m);
  });
});

describe("the operator as a process, behind the proxy", () => {
  let scene: Scene;
  let shop: Shop;

  beforeAll(async () => {
    scene = await openScene({ apps: true, operator: "process", proxy: true, log });
    shop = await scene.shop({ version: "v1", replicas: 1 });
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  it("applies what is in Git, under load without a failure", async () => {
    await shop.untilApplied(await shop.copy.head());
    await scene.kube.waitAvailable(shop.namespace, shop.name);
    const load = await shop.load(50);
    const change = await shop.push({ version: "v2" });
    await shop.untilApplied(change);
    await load.untilOnly(["v2"]);
    await shop.revert(change);
    await load.untilOnly(["v1"]);
    expect(await load.failures()).toEqual([]);
  });

  it("is killed right after a write, and goes on from there", async () => {
    const killed = Promise.withResolvers<string>();
    scene.proxy.afterWrite(1, async (call) => {
      await scene.process.kill();
      killed.resolve(describeCall(call));
    });
    const change = await shop.push({ version: "v3" });
    expect(await killed.promise).toContain(shop.name);
    expect(await scene.process.exited()).toMatchObject({ signal: "SIGKILL" });
    await freeLeases(scene.kube, scene.process.namespace);
    await scene.process.start();
    await shop.untilApplied(change);
  });

  it("ends in order, and gives its Lease back", async () => {
    expect(await scene.process.stop()).toEqual({ code: 0, signal: null });
    expect(await leaseHolders(scene.kube, scene.process.namespace)).toEqual([]);
    await scene.process.start();
  });
});
