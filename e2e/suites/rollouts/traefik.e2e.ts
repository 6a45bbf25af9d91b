import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, listAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import { GATEWAY_TARGET } from "../../harness/gateway.ts";
import { plainRouteFile } from "../../harness/routes.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import { cursorOf, log, podsByVersion, replicasOf, underLoad, untilRest, untilWeight } from "../../harness/stories.ts";
import { Traefik } from "../../harness/traefik.ts";

let scene: Scene;
let traefik: Traefik;
let prometheus: ScriptedPrometheus;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
  prometheus = await ScriptedPrometheus.start(scene.cluster.hostAddress);
  traefik = await Traefik.open(scene, log);
});
afterAll(async () => {
  await traefik?.[Symbol.asyncDispose]();
  await prometheus?.[Symbol.asyncDispose]();
  await scene?.[Symbol.asyncDispose]();
});

async function routeOf({ namespace }: Shop): Promise<Manifest> {
  return scene.kube.get({ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", namespace, name: "web" });
}

async function weightsOf(shop: Shop): Promise<readonly unknown[]> {
  return listAt(listAt(await routeOf(shop), "spec", "rules")[1], "backendRefs").map((one) => at(one, "weight"));
}

describe.concurrent("a canary by weights behind a real Gateway, as Traefik comes", () => {
  it.each([
    { title: "of a program that stops in order", env: {} },
    { title: "of a program that exits at once on SIGTERM", env: { EXIT_AT_ONCE: "true" as const } },
  ])("P7, P8: $title is taken over, promoted, reverted, rejected and handed back", async ({ title, env }) => {
    const rollout = {
      canary: [
        { weight: 10, hold: "1s" },
        { weight: 50, hold: "4s" },
      ],
      analysis: { prometheus: { address: prometheus.address }, interval: "1s" },
      // Traefik takes up a change at most 2 s after the one before.
      settleSeconds: 3,
      spec: { routeRefs: [{ name: "web" }] },
    };
    const files = { "deploy/route.yaml": plainRouteFile("web") };
    const shop = await scene.shop({ version: "v1", replicas: 2, env, files, webhook: true });
    await scene.kube.waitAvailable(shop.namespace, shop.name);
    await traefik.serve(shop.namespace);
    const before = await routeOf(shop);

    await underLoad(
      scene,
      shop,
      `behind Traefik, ${title}`,
      async (load) => {
        await shop.push({ rollout, message: "Roll out in steps" });
        await untilRest(shop, "Adopted");

        await shop.push({ version: "v2" });
        await untilWeight(shop, 10);
        expect(await weightsOf(shop)).toEqual([900, 100]);
        await load.untilOnly(["v1", "v2"]);
        await untilRest(shop, "Promoted");
        await load.untilOnly(["v2"]);

        const v3 = await shop.push({ version: "v3" });
        await untilWeight(shop, 50);
        await load.untilOnly(["v2", "v3"]);
        await shop.revert(v3);
        await untilRest(shop, "Cancelled");
        await load.untilOnly(["v2"]);

        prometheus.answer(shop.namespace, 50);
        await shop.push({ version: "v4" });
        const rejected = await shop.untilCondition("Stalled", "True", "Rejected");
        expect(cursorOf(rejected, "peak")).toBe("10");
        await load.untilOnly(["v2"]);

        prometheus.answer(shop.namespace, 100);
        await shop.push({ version: "v5" });
        await untilWeight(shop, 50);
        const sha = await shop.push({ version: "v2", rollout: null, message: "Back, and no steps any more" });
        await scene.kube.waitGone(shop.rolloutRef, { timeoutMs: 60_000 });
        await shop.untilApplied(sha);
        await load.untilOnly(["v2"]);
      },
      { target: GATEWAY_TARGET },
    );

    expect((await routeOf(shop))["spec"]).toEqual(before["spec"]);
    expect(replicasOf(await shop.deployment())).toBe(2);
    expect([...(await podsByVersion(scene.kube, shop))].map(([of, uids]) => [of, uids.length])).toEqual([["v2", 2]]);
  });
});
