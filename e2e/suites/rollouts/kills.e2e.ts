import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Json, type JsonObject, stringify } from "../../../src/api/json.ts";
import { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import { until } from "../../apps/until.ts";
import type { ApiCall } from "../../harness/apiCalls.ts";
import { endState } from "../../harness/endState.ts";
import { GATEWAY_TARGET, Gateways } from "../../harness/gateway.ts";
import { Reaper } from "../../harness/reaper.ts";
import { routeFile } from "../../harness/routes.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import { cursorOf, log, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;
let gateways: Gateways;
let prometheus: ScriptedPrometheus;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", proxy: true, log });
  gateways = await Gateways.open(scene, log);
  prometheus = await ScriptedPrometheus.start(scene.cluster.hostAddress);
});
afterAll(async () => {
  await gateways?.[Symbol.asyncDispose]();
  await scene?.[Symbol.asyncDispose]();
  await prometheus?.[Symbol.asyncDispose]();
});

/** How many writes each life of the operator has: 1 kills it after every one. */
const WRITES = Number(process.env["FAIRLEAD_KILLS"] ?? 5);
/** The shops share the machine; together they get more than 100 requests a second. */
const RATE = 30;

const STRATEGIES: Readonly<Record<string, JsonObject>> = {
  "canary by pods": { strategy: { canary: { steps: [{ weight: 50 }] } } },
  "canary by routes": { strategy: { canary: { steps: [{ weight: 50 }] } }, routeRefs: [{ name: "web" }] },
  rolling: { strategy: { rolling: { batch: 1, hold: "0s" } } },
  blueGreen: { strategy: { blueGreen: { watch: "0s" } } },
};
const DIRECTIONS = ["forward", "reject", "revert"] as const;
type Direction = (typeof DIRECTIONS)[number];

const PASS = 100;
const FAIL = 1;
/** NaN is no data: the candidate is held where it is. */
const HOLD = Number.NaN;
/** The version that is stable: `v<base>`. */
let base = 0;
/** Each life takes some seconds. */
const LONG = { timeoutMs: Math.max(300_000, 1_500_000 / WRITES) };

async function open(strategy: string): Promise<Shop> {
  const spec: JsonObject = { ...STRATEGIES[strategy], rollback: { window: { revisions: 1, duration: "72h" } } };
  const metrics = [{ name: "errors", successRate: { min: 99 }, failures: 1 }];
  const analysis = { prometheus: { address: prometheus.address }, metrics };
  const rollout = { spec, analysis, settleSeconds: 1, scaleDownDelaySeconds: 0 };
  const routed = spec["routeRefs"] !== undefined;
  const files = routed ? { "deploy/route.yaml": routeFile("web") } : {};
  const shop = await scene.shop({ version: "v0", replicas: 2, rollout, webhook: true, files });
  await untilRest(shop, "Adopted", LONG);
  if (routed) await gateways.serve(shop.namespace);
  return shop;
}

/** Plays a direction from a rest at `v<base>`, or at an older version when it is forward. */
async function play(shop: Shop, direction: Direction): Promise<void> {
  switch (direction) {
    case "forward":
      prometheus.answer(shop.namespace, PASS);
      await shop.push({ version: `v${base}` });
      await untilRest(shop, "Promoted", LONG);
      return;
    case "reject":
      prometheus.answer(shop.namespace, FAIL);
      await shop.push({ version: `v${base + 1}` });
      await shop.untilCondition("Stalled", "True", "Rejected", LONG);
      return;
    case "revert":
      prometheus.answer(shop.namespace, HOLD);
      await shop.push({ version: `v${base + 2}` });
      await shop.untilRollout("a candidate in place", (one) => cursorOf(one, "inPlaceAt") !== undefined, LONG);
      await shop.push({ version: `v${base}` });
      await untilRest(shop, "Cancelled", LONG);
  }
}

/** Git takes the rejected version back, so that the same can be played again. */
async function withdraw(shop: Shop): Promise<void> {
  await shop.push({ version: `v${base}` });
  await shop.untilCondition("Ready", "True", "AtRest", LONG);
}

/** Waits until nothing is left to do: two looks, a settle time apart, see the same, and what is wanted where that is known. */
async function left(shop: Shop, wanted?: Json): Promise<Json> {
  let before = "";
  return until(
    "nothing left to do",
    async (saw) => {
      const state = await endState(scene.kube, shop, base);
      const text = stringify(state);
      saw(wanted === undefined ? text : `${text}\n  instead of ${stringify(wanted)}`);
      const done = wanted === undefined ? text === before : text === stringify(wanted);
      before = text;
      return done ? state : undefined;
    },
    { ...LONG, everyMs: wanted === undefined ? 3_000 : 200 },
  );
}

describe("P31: an operator that is killed after its writes, again and again", () => {
  const shops = new Map<string, Shop>();
  const table: object[] = [];
  const each = async <T>(run: (shop: Shop, strategy: string) => Promise<T>) =>
    new Map(await Promise.all([...shops].map(async ([name, shop]) => [name, await run(shop, name)] as const)));

  beforeAll(async () => {
    for (const strategy of Object.keys(STRATEGIES)) shops.set(strategy, await open(strategy));
  });
  afterAll(() => console.table(table));

  it.each(DIRECTIONS)(
    "%s: every strategy ends as undisturbed, and no request fails",
    async (direction) => {
      await underAll([...shops], direction, async () => {
        if (direction === "forward") base += 10;
        scene.proxy.forget();
        await each((shop) => play(shop, direction));
        const calm = await each((shop) => left(shop));
        const { writes } = scene.proxy;
        if (direction === "forward") base += 10;
        if (direction === "reject") await each(withdraw);
        const reaper = new Reaper(scene, WRITES);
        reaper.killAfter(WRITES);
        await each((shop) => play(shop, direction));
        await each((shop, strategy) => left(shop, calm.get(strategy)));
        const said = await reaper.stop();
        log(`${direction}: ended as undisturbed, killed after\n  ${said.join("\n  ")}`);
        expect(said.length).toBeGreaterThan(1);
        for (const [strategy, { namespace }] of shops) {
          const count = (calls: readonly ApiCall[]) => calls.filter((call) => call.namespace === namespace).length;
          table.push({ direction, strategy, "writes undisturbed": count(writes), "killed after": count(reaper.kills) });
        }
      });
    },
    3_600_000,
  );
});

/** Each shop under a load of its own, all at the same time. */
async function underAll(
  shops: readonly (readonly [string, Shop])[],
  title: string,
  story: () => Promise<void>,
): Promise<void> {
  const [first, ...rest] = shops;
  if (first === undefined) return story();
  const [strategy, shop] = first;
  const target = strategy.endsWith("routes") ? { target: GATEWAY_TARGET } : {};
  const options = { rate: RATE, ...target };
  await underLoad(
    scene,
    shop,
    `${strategy}, ${title}, killed after writes`,
    () => underAll(rest, title, story),
    options,
  );
}
