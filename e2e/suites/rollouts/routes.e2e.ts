import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, listAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { until } from "../../apps/until.ts";
import { GATEWAY_TARGET, type GatewayDelays, Gateways, routeFile } from "../../harness/gateway.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import type { RolloutChoice, ShopVersion } from "../../harness/shopFiles.ts";
import { log, podsByVersion, underLoad, untilRest, untilWeight } from "../../harness/stories.ts";

let scene: Scene;
let gateways: Gateways;

beforeAll(async () => {
  scene = await openScene({ apps: true, prometheus: true, operator: "process", log });
  gateways = await Gateways.open(scene, log);
});
afterAll(async () => {
  await gateways?.[Symbol.asyncDispose]();
  await scene?.[Symbol.asyncDispose]();
});

const canary = [
  { weight: 10, hold: "3s" },
  { weight: 50, hold: "3s" },
];
const target = GATEWAY_TARGET;

/** A shop whose requests come through a gateway of its own. */
async function routed(
  choice: RolloutChoice,
  version: Pick<ShopVersion, "replicas" | "env">,
  delays?: GatewayDelays,
): Promise<Shop> {
  const rollout = { ...choice, spec: { routeRefs: [{ name: "web" }], ...choice.spec } };
  const files = { "deploy/route.yaml": routeFile("web") };
  const shop = await scene.shop({ version: "v1", ...version, rollout, files, webhook: true });
  await untilRest(shop, "Adopted");
  await gateways.serve(shop.namespace, delays);
  return shop;
}

async function routeOf(shop: Shop): Promise<Manifest> {
  const { namespace } = shop;
  return scene.kube.get({ apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", namespace, name: "web" });
}

describe.concurrent("requests through a gateway", () => {
  it("P36: canary by weights: ten percent by one pod of four, promoted, rolled back, and the route is Git's again", async () => {
    const shop = await routed({ canary, successRate: 99.5 }, { replicas: 4 });
    const before = await routeOf(shop);

    await underLoad(
      scene,
      shop,
      "routed canary promoted, then rolled back",
      async (load) => {
        const v2 = await shop.push({ version: "v2" });
        await untilWeight(shop, 10);
        const [other, split] = listAt(await routeOf(shop), "spec", "rules");
        expect(other).toEqual(listAt(before, "spec", "rules")[0]);
        expect(listAt(split, "backendRefs").map((one) => at(one, "weight"))).toEqual([900, 100]);
        expect((await podsByVersion(scene.kube, shop)).get("v2")).toHaveLength(1);
        await load.untilOnly(["v1", "v2"]);
        await untilRest(shop, "Promoted");
        await load.untilOnly(["v2"]);
        await shop.untilRollout("the route given back", (one) => at(one, "status", "rollout", "split") === undefined);
        expect((await routeOf(shop))["spec"]).toEqual(before["spec"]);

        await shop.revert(v2);
        await untilRest(shop, "RolledBack");
        await load.untilOnly(["v1"]);
      },
      { target },
    );
  });

  it("P35: a change of the route in Git lands in mid-rollout, and the weights stay", async () => {
    const shop = await routed({ canary: [{ weight: 50, hold: "1h" }] }, { replicas: 2 });

    await underLoad(
      scene,
      shop,
      "route changed in mid-rollout, then cancelled",
      async (load) => {
        const v2 = await shop.push({ version: "v2" });
        await untilWeight(shop, 50);
        const hostnames = "hostnames: [gate, web.example.com]";
        const changed = routeFile("web").replace("spec:", `spec:\n  ${hostnames}`);
        const sha = await shop.push({ files: { "deploy/route.yaml": changed }, message: "Name the hosts" });
        await scene.kube.waitFor(
          { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", namespace: shop.namespace, name: "web" },
          "the hosts of the commit",
          (route) => listAt(route, "spec", "hostnames").length === 2,
        );
        const weights = listAt(listAt(await routeOf(shop), "spec", "rules")[1], "backendRefs");
        expect(weights.map((one) => at(one, "weight"))).toEqual([500, 500]);
        expect(sha).not.toBe(v2);
        await load.untilOnly(["v1", "v2"]);
        await shop.revert(v2);
        await untilRest(shop, "Cancelled");
        await load.untilOnly(["v1"]);
      },
      { target },
    );
  });

  it("P1: a gateway that hears of routes after 1 s and of endpoints after 4 s loses nothing, for a program that exits at once", async () => {
    const env = { EXIT_AT_ONCE: "true" } as const;
    const rollout = { canary: [{ weight: 50, hold: "1s" }], settleSeconds: 6, scaleDownDelaySeconds: 1 };
    const shop = await routed(rollout, { replicas: 2, env }, { routes: "1s", endpoints: "4s" });

    await underLoad(
      scene,
      shop,
      "skewed gateway: promoted, rolled back cold, cancelled",
      async (load) => {
        const v2 = await shop.push({ version: "v2", env });
        const long = { timeoutMs: 180_000 };
        await untilRest(shop, "Promoted", long);
        await load.untilOnly(["v2"]);
        await until(
          "v1 without pods",
          async () => ((await podsByVersion(scene.kube, shop)).has("v1") ? undefined : true),
          long,
        );
        await shop.revert(v2);
        await untilRest(shop, "RolledBack", long);
        await load.untilOnly(["v1"]);
      },
      { target },
    );
  });
});
