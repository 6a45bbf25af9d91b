import { describe, expect, it } from "vitest";
import type { Json } from "../../api/json.ts";
import type { Lags } from "../../testing/rollout/cluster.ts";
import { type Happening, simulate } from "../../testing/rollout/simulate.ts";
import { BASE, push, ROUTED, remove } from "../../testing/rollout/words.ts";
import { SimWorld } from "../../testing/rollout/world.ts";
import { weightOf } from "./routes/word.ts";

const LATE_ENDPOINTS: Lags = { nodes: 20_000, routes: 1_000 };
const LATE_ROUTES: Lags = { nodes: 1_000, routes: 15_000 };

type Spec = Readonly<Record<string, Json>>;
const strategies: readonly (readonly [string, Spec])[] = [
  ["canary", ROUTED],
  ["blueGreen", { ...ROUTED, strategy: { blueGreen: { hold: "5s", watch: "1m" } } }],
  ["rolling", { ...ROUTED, strategy: { rolling: { batch: 2, hold: "30s" } } }],
];

/** Tells a story to its end; it rejects when a request would have been lost. */
async function told(spec: Spec, lags: Lags, happenings: readonly Happening[], seconds: number): Promise<SimWorld> {
  const patient = { ...spec, progressDeadlineSeconds: 600, scaleDownDelaySeconds: 0 };
  const world = new SimWorld({ template: "v1", replicas: 4, spec: patient, lags });
  await simulate(world, happenings, seconds);
  return world;
}

/** The routes of the world at each second of a story. */
function looks(until: number, look: (world: SimWorld) => void): readonly Happening[] {
  return Array.from({ length: until }, (_, at) => ({ at, what: "a look", act: look }));
}

describe.each(strategies)("%s by routes", (_strategy, spec) => {
  const everything = [
    push(40, "v2"),
    push(110, "v1", "revert to"),
    push(180, "v3"),
    push(250, "v4"),
    push(480, "v1", "revert to"),
  ];

  it.each([
    ["P1: endpoints 20 s late", LATE_ENDPOINTS, 22],
    ["P2: routes 15 s late", LATE_ROUTES, 17],
  ] as const)("%s lose nothing: cancelled, superseded, promoted, rolled back", async (_title, lags, settleSeconds) => {
    const world = await told({ ...spec, settleSeconds }, lags, everything, 600);
    expect(world.status.history?.map(({ outcome, revision }) => `${outcome} ${revision}`)).toEqual([
      "RolledBack v1",
      "Promoted v4",
      "Superseded v3",
      "Cancelled v2",
      "Adopted v1",
    ]);
    expect(world).toMatchObject({ route: "Git", status: { rollout: { stage: "Resting", stable: "v1" } } });
  });

  it.each([LATE_ENDPOINTS, LATE_ROUTES])("%j lose requests where nobody waits for them", async (lags) => {
    const hasty = told({ ...spec, settleSeconds: 1 }, lags, everything, 600);
    await expect(hasty).rejects.toThrow("requests are lost");
  });
});

it("P4: of three versions the second keeps its pods while a route names it, and the third begins at its first step", async () => {
  const unready: Happening = {
    at: 60,
    what: "one pod of v1 loses readiness for 40 s",
    act: (world) => {
      const pod = world.pods.find(({ revision }) => revision === "v1");
      if (pod !== undefined) pod.readyAt = world.now + 40_000;
      world.follow();
    },
  };
  const weights: number[] = [];
  const look = ({ route, status }: SimWorld) => {
    if (status.rollout?.candidate === "v3") weights.push(weightOf(route, "v3"));
  };
  const world = await told(
    { ...BASE, routeRefs: [{ name: "web" }] },
    { nodes: 1_000, routes: 1_000 },
    [push(30, "v2"), unready, push(61, "v3"), ...looks(240, look)],
    240,
  );
  expect(world.status.rollout).toMatchObject({ stage: "Resting", stable: "v3" });
  expect([...new Set(weights)]).toEqual([0, 20, 50, 100]);
});

it("P8: a rollout that ends in the middle gives the Deployment its pods back before the revisions go", async () => {
  const world = await told({ ...ROUTED, settleSeconds: 22 }, LATE_ENDPOINTS, [push(40, "v2"), remove(110)], 300);
  expect(world).toMatchObject({ released: true, route: "Git", workload: { replicas: 4, template: "v1" } });
});
