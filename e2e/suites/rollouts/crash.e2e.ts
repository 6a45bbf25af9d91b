import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, isObject, type Json, stringAt, stringify } from "../../../src/api/json.ts";
import { Mark } from "../../../src/api/v1alpha1/names.ts";
import { until } from "../../apps/until.ts";
import { type ApiCall, describeCall } from "../../harness/apiCalls.ts";
import { freeLeases } from "../../harness/install.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import type { Shop } from "../../harness/shop.ts";
import {
  log,
  podsByVersion,
  replicasOf,
  revisionsOf,
  selectorOf,
  underLoad,
  untilRest,
  versionOf,
} from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", proxy: true, log });
});
afterAll(() => scene?.[Symbol.asyncDispose]());

/** Every write is played on a simulated cluster, for every strategy and direction; here it is every third one, or all of them. */
const STEP = process.env["FAIRLEAD_KILLS"] === "all" ? 1 : 3;

/** Short everywhere, and one former revision only, so that each rollout ends as the one before. */
const rollout = {
  canary: [{ weight: 50, hold: "0s" }],
  settleSeconds: 1,
  scaleDownDelaySeconds: 0,
  spec: { rollback: { window: { revisions: 1, duration: "72h" } } },
};

/** Everything that a rollout leaves behind, with revisions named by the age of their versions and times left out. */
async function endState(shop: Shop, number: number): Promise<Json> {
  const revisions = await revisionsOf(scene.kube, shop);
  const names = new Map<string, string>();
  const age = (version: string) => `now-${number - Number(version.slice(1))}`;
  for (const revision of revisions) {
    const version = versionOf(at(revision, "spec", "template", "spec", "containers"));
    names.set(revision.metadata.labels?.[Mark.revision] ?? "", age(version));
  }
  const deployment = await shop.deployment();
  const services = await scene.kube.list("v1", "Service", { namespace: shop.namespace, labels: Mark.rollout });
  const pods = [...(await podsByVersion(scene.kube, shop))].map(([version, uids]) => [age(version), uids.length]);
  const object = await shop.rollout();
  return renamed(names, {
    deployment: {
      replicas: replicasOf(deployment) ?? null,
      version: age(versionOf(at(deployment, "spec", "template", "spec", "containers"))),
    },
    revisions: revisions.map((one) => [one.metadata.labels?.[Mark.revision] ?? "", replicasOf(one) ?? null]).sort(),
    services: services.map(({ metadata }) => metadata.labels?.[Mark.revision] ?? "").sort(),
    selector: (await selectorOf(scene.kube, shop)) as Json,
    pods: pods.sort() as Json,
    ready: conditionOf(object, "Ready")?.reason ?? null,
    cursor: withoutTimes(at(object, "status", "rollout") ?? null),
    outcome: stringAt(at(object, "status", "history", "0") ?? {}, "outcome") ?? null,
  });
}

function renamed(names: ReadonlyMap<string, string>, value: Json): Json {
  let text = stringify(value);
  for (const [hash, name] of names) text = text.replaceAll(hash, name);
  const known = JSON.parse(text) as Record<string, Json>;
  for (const list of ["revisions", "services"]) if (Array.isArray(known[list])) known[list].sort();
  return known;
}

/** What a rollout leaves: when that was, which try it was and how many pods happened to be seen at once is not of it. */
function withoutTimes(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (!isObject(value)) return value;
  const timeless = Object.entries(value).filter(([key]) => !/(At|Since|until|Until)$|^(attempt|peakShare)$/.test(key));
  return Object.fromEntries(timeless.map(([key, entry]) => [key, withoutTimes(entry as Json)]));
}

/** Waits until a rollout has left nothing to do, and gives what it has left. */
async function untilOver(shop: Shop, number: number, expected?: Json): Promise<Json> {
  return until(
    `v${number} at rest`,
    async (saw) => {
      const state = await endState(shop, number);
      saw(`${stringify(state)}\n  instead of ${stringify(expected ?? null)}`);
      const done =
        expected === undefined
          ? isObject(state) &&
            state["ready"] === "AtRest" &&
            stringify(state["pods"]) === '[["now-0",2]]' &&
            stringify(state["revisions"]) === '[["now-0",2],["now-1",0]]' &&
            stringify(state["selector"]) === '{"app":"web"}'
          : stringify(state) === stringify(expected);
      return done ? state : undefined;
    },
    { timeoutMs: 60_000, everyMs: 200 },
  );
}

/** Pushes a version with the operator killed right after its n-th write is stored; gives that write, if it came to it. */
async function rolledOutWithKill(shop: Shop, number: number, n: number, expected: Json): Promise<ApiCall | undefined> {
  let killed: ApiCall | undefined;
  const death = Promise.withResolvers<void>();
  const over = scene.proxy.afterWrite(n, async (call) => {
    killed = call;
    await scene.process.kill();
    death.resolve();
  });
  await shop.push({ version: `v${number}` });
  const reborn = death.promise.then(async () => {
    await freeLeases(scene.kube, scene.process.namespace);
    await scene.process.start();
  });
  await untilOver(shop, number, expected).catch((error: unknown) => {
    throw new Error(
      `killed after write ${n}, ${killed === undefined ? "never" : describeCall(killed)}: ${String(error)}`,
    );
  });
  over();
  if (killed !== undefined) await reborn;
  return killed;
}

describe("P31: killed after its API writes", () => {
  it("a canary ends as an undisturbed one does, and no request fails", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, webhook: true });
    await untilRest(shop, "Adopted");

    await underLoad(scene, shop, "killed after each of its API writes", async () => {
      // The first promotion has nothing to remove yet: the second one is what all others are.
      await shop.push({ version: "v2" });
      await untilOver(shop, 2);
      scene.proxy.forget();
      await shop.push({ version: "v3" });
      const expected = await untilOver(shop, 3);
      const writes = scene.proxy.writes;
      log(`undisturbed: ${writes.length} writes\n  ${writes.map(describeCall).join("\n  ")}`);
      expect(writes.length).toBeGreaterThan(5);

      let number = 3;
      const kills: string[] = [];
      for (let n = 1; n <= writes.length; n += STEP) {
        number += 1;
        const killed = await rolledOutWithKill(shop, number, n, expected);
        if (killed !== undefined) kills.push(describeCall(killed));
      }
      log(`kills: ${kills.length} of ${writes.length}, after\n  ${kills.join("\n  ")}`);
      // Writes that fall together in time may be one fewer in another run.
      expect(kills.length).toBeGreaterThanOrEqual(Math.floor((writes.length - 2) / STEP));
    });
  }, 900_000);
});
