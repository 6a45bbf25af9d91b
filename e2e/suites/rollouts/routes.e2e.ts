import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type Json, listAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { until } from "../../apps/until.ts";
import { GATEWAY_TARGET, type GatewayOptions, Gateways } from "../../harness/gateway.ts";
import { foreignIn, grpcRouteFile, routeFile, weightsOf } from "../../harness/routes.ts";
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
  gateway: GatewayOptions = {},
): Promise<Shop> {
  const { kind = "HTTPRoute" } = gateway;
  const rollout = { ...choice, spec: { routeRefs: [{ kind, name: "web" }], ...choice.spec } };
  const files = { "deploy/route.yaml": kind === "GRPCRoute" ? grpcRouteFile("web") : routeFile("web") };
  const shop = await scene.shop({ version: "v1", ...version, rollout, files, webhook: true });
  await untilRest(shop, "Adopted");
  await gateways.serve(shop.namespace, gateway);
  return shop;
}

async function routeOf(shop: Shop, kind = "HTTPRoute"): Promise<Manifest> {
  const { namespace } = shop;
  return scene.kube.get({ apiVersion: "gateway.networking.k8s.io/v1", kind, namespace, name: "web" });
}

/** Looks at the route again and again until a story has ended: what is Git's alone must be so at each look. */
async function untouched(shop: Shop, story: () => Promise<void>): Promise<void> {
  const before = foreignIn(await routeOf(shop));
  const ended = new AbortController();
  const seen: Json[] = [];
  const looking = until(
    "the end of the looks",
    async () => {
      seen.push(foreignIn(await routeOf(shop)));
      return undefined;
    },
    { timeoutMs: 600_000, everyMs: 100, signal: ended.signal },
  ).catch(() => undefined);
  try {
    await story();
  } finally {
    ended.abort();
    await looking;
  }
  expect(seen.length).toBeGreaterThan(20);
  for (const one of seen) expect(one).toEqual(before);
}

describe.concurrent("requests through a gateway", () => {
  it("P36: canary by weights: ten percent by one pod of four, promoted, rolled back, and the route is Git's again", async () => {
    const shop = await routed({ canary, successRate: 99.5 }, { replicas: 4 });
    const before = await routeOf(shop);

    await underLoad(
      scene,
      shop,
      "routed canary promoted, then rolled back",
      (load) =>
        untouched(shop, async () => {
          const v2 = await shop.push({ version: "v2" });
          await untilWeight(shop, 10);
          const rules = listAt(await routeOf(shop), "spec", "rules");
          expect(weightsOf(rules[4])).toEqual([900, 100]);
          expect(weightsOf(rules[2])).toEqual([1_000, 2_700, 300]);
          expect((await podsByVersion(scene.kube, shop)).get("v2")).toHaveLength(1);
          await load.untilOnly(["v1", "v2"]);
          await untilRest(shop, "Promoted");
          await load.untilOnly(["v2"]);
          await shop.untilRollout("the route given back", (one) => at(one, "status", "rollout", "split") === undefined);
          expect((await routeOf(shop))["spec"]).toEqual(before["spec"]);

          await shop.revert(v2);
          await untilRest(shop, "RolledBack");
          await load.untilOnly(["v1"]);
        }),
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
        expect(weightsOf(listAt(await routeOf(shop), "spec", "rules")[4])).toEqual([500, 500]);
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

// One after the other: many users or calls at a time are as much as two processors take.
describe("users and calls by gRPC", () => {
  it("P40: at 10 % a tenth of the users is at v2 and stays there, testers are there by a header, and a revert takes all of them", async () => {
    const audience = [{ header: { name: "x-beta", value: "tester" } }];
    const steps = [{ weight: 10, hold: "1h" }];
    const shop = await routed({ spec: { strategy: { canary: { audience, sticky: {}, steps } } } }, { replicas: 4 });
    const share = (seen: readonly string[]) => seen.filter((versions) => versions === "v2").length / seen.length;

    await underLoad(
      scene,
      shop,
      "sticky canary with testers, then cancelled",
      (load) =>
        untouched(shop, async () => {
          const beta = await shop.load(10, { name: "beta", target, header: "x-beta=tester" });
          const v2 = await shop.push({ version: "v2" });
          await untilWeight(shop, 10);
          await beta.untilOnly(["v2"]);
          // Chance alone leaves 8 to 12 % of this many users once in 40,000 times.
          const seen = await load.visit(4_000, 2);
          log(`users: ${(100 * share(seen)).toFixed(1)} % of ${seen.length} are at v2`);
          expect([...new Set(seen)].sort()).toEqual(["v1", "v2"]);
          expect(share(seen)).toBeGreaterThan(0.08);
          expect(share(seen)).toBeLessThan(0.12);
          expect(await load.visit(4_000, 1)).toEqual(seen);
          await shop.revert(v2);
          await untilRest(shop, "Cancelled");
          await beta.untilOnly(["v1"]);
          expect(new Set(await load.visit(4_000, 1))).toEqual(new Set(["v1"]));
          expect(await beta.failures()).toEqual([]);
        }),
      { target },
    );
  });

  it("P36: calls by gRPC are split by a GRPCRoute, method by method", async () => {
    const shop = await routed({ canary: [{ weight: 50, hold: "2s" }] }, { replicas: 2 }, { kind: "GRPCRoute" });
    const before = await routeOf(shop, "GRPCRoute");

    await underLoad(
      scene,
      shop,
      "calls by gRPC, promoted",
      async (load) => {
        await shop.push({ version: "v2" });
        await untilWeight(shop, 50);
        const [split, other] = listAt(await routeOf(shop, "GRPCRoute"), "spec", "rules");
        expect(weightsOf(split)).toEqual([500, 500]);
        expect(other).toEqual(listAt(before, "spec", "rules")[1]);
        await load.untilOnly(["v1", "v2"]);
        await untilRest(shop, "Promoted");
        await load.untilOnly(["v2"]);
        await shop.untilRollout("the route given back", (one) => at(one, "status", "rollout", "split") === undefined);
        expect((await routeOf(shop, "GRPCRoute"))["spec"]).toEqual(before["spec"]);
      },
      { target: `${target}/shop.Shop/Sell`, grpc: true },
    );
  });
});
