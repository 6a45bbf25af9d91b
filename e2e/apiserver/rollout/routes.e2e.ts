import { afterAll, beforeAll, expect, it } from "vitest";
import { at, type JsonObject, listAt, stringAt } from "../../../src/api/json.ts";
import { type Manifest, refOf } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { defineGatewayApi } from "../../harness/gatewayApi.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import { make, podless, release, untilAtRest } from "../../harness/podless.ts";
import { foreignIn, PLURALS, shopRoute, weightsOf } from "../../harness/routes.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
  await defineGatewayApi(scene.kube, Object.values(PLURALS), "experimental");
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const STABLE = "bcdfghjk";
const audience = [{ header: { name: "x-beta", value: "yes" } }];
const strategy = { canary: { audience, steps: [{ weight: 10, hold: "1h" }] } };

it("P35: a mesh route that another tool applies again and again is put back no more often than it is undone, named, and free for a way back", async () => {
  const { kube, proxy } = scene;
  const namespace = await scene.namespace("routes");
  const app = { namespace, name: "web", spec: { routeRefs: [{ name: "web" }], strategy } };
  const git = shopRoute("web");
  const parentRefs = [{ group: "", kind: "Service", name: "web", port: 80 }];
  const route: Manifest = {
    ...git,
    metadata: { name: "web", namespace },
    spec: { ...(git["spec"] as JsonObject), parentRefs },
  };
  const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", "-"];
  const foreign = () => kube.kubectl(apply, toYaml([route]));
  await foreign();
  const before = foreignIn(await kube.get(refOf(route)));
  await make(kube, podless(app));
  const rest = await untilAtRest(kube, app, "Adopted");
  proxy.forget();

  // Without a node no pod is ready: the status says that a candidate is on its way, and the operator goes on from there.
  const cursor = at(rest, "status", "rollout") as JsonObject;
  const candidate = stringAt(cursor, "stable") ?? "";
  const split = [
    { revision: STABLE, weight: 90 },
    { revision: candidate, weight: 10 },
  ];
  const place = { stage: "Stepping", stable: STABLE, candidate, step: 0, steps: 1, weight: 10, split };
  await kube.patch(refOf(rest), { status: { rollout: { ...place, audience: candidate } } }, "status");
  const isSplit = (one: Manifest) => listAt(one, "spec", "rules").length === 7;
  await kube.waitFor(refOf(route), "the rollout's word", isSplit);

  for (let n = 0; n < 5; n++) {
    await foreign();
    const live = await kube.waitFor(refOf(route), `the rollout's word, put back ${n + 1} times`, isSplit);
    expect(foreignIn(live)).toEqual(before);
    expect(weightsOf(listAt(live, "spec", "rules")[6])).toEqual([900, 100]);
  }
  for (let n = 0; n < 3; n++) await foreign();
  const held = await kube.waitFor(
    refOf(rest),
    "a word about the fight",
    (one) => conditionOf(one, "Ready")?.reason === "Fighting",
  );
  expect(conditionOf(held, "Ready")?.message).toContain('again and again by "argocd-controller"');
  const writes = () => proxy.writes.filter(({ resource }) => resource === "httproutes").length;
  expect(writes()).toBe(1 + 5);
  const events = await kube.list("v1", "Event", { namespace });
  const told = events.filter((event) => stringAt(event, "reason") === "DriftCorrected");
  expect(told.map((event) => stringAt(event, "message") ?? "").join()).toContain(
    'HTTPRoute web was changed by "argocd-controller" during the rollout, and was put back',
  );

  await release(kube, { ...app, release: "2" });
  const home = await kube.waitFor(
    refOf(route),
    "the way back, without a wait",
    (one) => stringAt(listAt(listAt(one, "spec", "rules")[4], "backendRefs")[0], "name") === `web-${STABLE}`,
    { timeoutMs: 30_000 },
  );
  expect(weightsOf(listAt(home, "spec", "rules")[4])).toEqual([1_000]);
  expect(foreignIn(home)).toEqual(before);
});
