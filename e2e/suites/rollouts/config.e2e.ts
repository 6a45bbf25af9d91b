import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { shopManifests, toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { configured, settingsOf } from "../../harness/configured.ts";
import { isPodReady } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { DEPLOY } from "../../harness/shop.ts";
import { cursorOf, log, underLoad, untilEvent, untilRest, untilWeight } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** A Deployment and a Service whose version comes from a ConfigMap alone; `more` is taken from it as well. */
function fromConfig(namespace: string, name: string, more: Readonly<Record<string, string>> = {}): string {
  const replicas = name === "web" ? 3 : 2;
  const [deployment, service] = shopManifests({ namespace, name, version: "", replicas, image: scene.images.shop });
  return toYaml([configured(deployment, { VERSION: "version", ...more }), service]);
}

/** Files in which the shop's version comes from a ConfigMap alone. */
function files(
  namespace: string,
  version: string | undefined,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string | undefined>> {
  return {
    [`${DEPLOY}/deployment.yaml`]: fromConfig(namespace, "web"),
    [`${DEPLOY}/service.yaml`]: undefined,
    [`${DEPLOY}/settings.yaml`]:
      version === undefined ? undefined : toYaml([settingsOf(namespace, { version, ...more })]),
  };
}

async function configMaps(namespace: string): Promise<readonly string[]> {
  const all = await scene.kube.list("v1", "ConfigMap", { namespace });
  return all
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith("settings"))
    .sort();
}

/** Pods of a revision that are not being deleted. */
async function podsOf(namespace: string, revision: string): Promise<readonly Manifest[]> {
  const pods = await scene.kube.list("v1", "Pod", { namespace, labels: `fairlead.dev/revision=${revision}` });
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

describe("configuration is a part of the revision", () => {
  it("a change of a ConfigMap alone is rolled out step by step, and pods that start anew keep the one they were judged with", async () => {
    const rollout = { canary: [{ weight: 50, hold: "20s" }], scaleDownDelaySeconds: 5 };
    const shop = await scene.shop({ version: "v1", replicas: 3, webhook: true });
    const { namespace } = shop;
    await shop.push({ rollout, files: files(namespace, "v1") });
    await untilRest(shop, "Adopted");
    await underLoad(scene, shop, "a change of a ConfigMap", async (load) => {
      await load.untilOnly(["v1"]);
      const change = await shop.push({ files: files(namespace, "v2") });
      await untilWeight(shop, 50);
      await load.untilOnly(["v1", "v2"]);
      expect(await configMaps(namespace)).toHaveLength(3);

      const stable = cursorOf(await shop.rollout(), "stable") ?? "";
      const [victim] = await podsOf(namespace, stable);
      const name = victim?.metadata.name ?? "";
      await scene.kube.delete({ apiVersion: "v1", kind: "Pod", namespace, name });
      const born = await until("a pod of stable that was started anew", async (saw) => {
        const pods = await podsOf(namespace, stable);
        saw(pods.map(({ metadata }) => metadata.name).join());
        const ready = pods.filter(isPodReady);
        return ready.length === 3 ? ready.find(({ metadata }) => metadata.name !== name) : undefined;
      });
      expect(JSON.stringify(born["spec"])).toContain(`"name":"settings-${stable}"`);
      const copy = await scene.kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace, name: `settings-${stable}` });
      expect(copy["data"]).toEqual({ version: "v1" });

      await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      await shop.revert(change);
      await untilRest(shop, "RolledBack");
      await load.untilOnly(["v1"]);
    });
    await until(
      "the copies of what is gone to be gone",
      async (saw) => {
        const names = await configMaps(namespace);
        saw(names.join());
        return names.length === 2 ? true : undefined;
      },
      { timeoutMs: 60_000 },
    );
  });

  it("P39: of two rollouts that share a ConfigMap one is promoted with the new data, and the other one's pods, killed after its rejection, start with the old", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }] };
    const shop = await scene.shop({ version: "v1", replicas: 3, webhook: true });
    const { namespace } = shop;
    const place = { name: "api", namespace };
    const refs = { workloadRef: { name: "api" }, serviceRef: { name: "api" } };
    const timing = { progressDeadlineSeconds: 5, settleSeconds: 2, strategy: { canary: { steps: [{ weight: 50 }] } } };
    const other = {
      apiVersion: API_VERSION,
      kind: "ProgressiveRollout",
      metadata: place,
      spec: { ...refs, ...timing },
    };
    const api = {
      [`${DEPLOY}/api.yaml`]: fromConfig(namespace, "api", { FAIL_READY: "fail" }),
      [`${DEPLOY}/api-rollout.yaml`]: toYaml([other]),
    };
    await shop.push({ rollout, files: { ...files(namespace, "v1", { fail: "false" }), ...api } });
    await untilRest(shop, "Adopted");
    const rolloutOfApi = { apiVersion: API_VERSION, kind: "ProgressiveRollout", ...place };
    const told = (words: string) => (one: Manifest) => JSON.stringify(one["status"]).includes(words);
    const options = { timeoutMs: 60_000 };
    const before = await scene.kube.waitFor(rolloutOfApi, "taken over", told('"outcome":"Adopted"'), options);

    await shop.push({ files: files(namespace, "v2", { fail: "true" }) });
    await untilRest(shop, "Promoted");
    await scene.kube.waitFor(rolloutOfApi, "refused", told('"outcome":"Rejected"'), options);
    const stable = cursorOf(before, "stable") ?? "";
    const killed = (await podsOf(namespace, stable)).map(({ metadata }) => metadata.name);
    expect(killed).toHaveLength(2);
    for (const name of killed) await scene.kube.delete({ apiVersion: "v1", kind: "Pod", namespace, name });
    const born = await until("pods of stable that were started anew", async (saw) => {
      const pods = (await podsOf(namespace, stable)).filter(isPodReady).map(({ metadata }) => metadata.name);
      saw(pods.join());
      return pods.length === 2 && pods.every((name) => !killed.includes(name)) ? pods : undefined;
    });
    for (const pod of born) expect(await scene.kube.podText(namespace, pod, 8080, "/")).toBe("shop v1\n");
    const after = cursorOf(await shop.rollout(), "stable") ?? "";
    const [promoted] = (await podsOf(namespace, after)).map(({ metadata }) => metadata.name);
    expect(await scene.kube.podText(namespace, promoted ?? "", 8080, "/")).toBe("shop v2\n");
  });

  it("a missing ConfigMap holds, names itself, and goes on when it is there", async () => {
    const rollout = { canary: [{ weight: 50, hold: "1s" }] };
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout, webhook: true });
    await untilRest(shop, "Adopted");
    await shop.push({ files: files(shop.namespace, undefined) });
    const held = await shop.untilCondition("Ready", "False", "ConfigMissing");
    expect(JSON.stringify(held["status"])).toContain("ConfigMap settings");
    await untilEvent(scene.kube, shop, { type: "Warning", reason: "ConfigMissing", message: /ConfigMap settings/ });
    await shop.push({ files: files(shop.namespace, "v2") });
    await untilRest(shop, "Promoted");
  });
});
