import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, isObject, type JsonObject, listAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { shopManifests, toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
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

/** Files in which the shop's version comes from a ConfigMap alone. */
function files(namespace: string, version: string | undefined): Readonly<Record<string, string | undefined>> {
  const [deployment] = shopManifests({
    namespace,
    name: "web",
    version: "from config",
    replicas: 3,
    image: scene.images.shop,
  });
  const template = at(deployment, "spec", "template") as JsonObject;
  const [container] = listAt(template, "spec", "containers");
  const env = [{ name: "VERSION", valueFrom: { configMapKeyRef: { name: "settings", key: "version" } } }];
  const spec = {
    ...(template["spec"] as JsonObject),
    containers: [{ ...(isObject(container) ? container : {}), env }],
  };
  const configured = { ...deployment, spec: { ...deployment.spec, template: { ...template, spec } } };
  const settings = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace },
    data: { version },
  };
  return {
    [`${DEPLOY}/deployment.yaml`]: toYaml([configured]),
    [`${DEPLOY}/settings.yaml`]: version === undefined ? undefined : toYaml([settings]),
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
      const born = await until(
        "a pod of stable that was started anew",
        async (saw) => {
          const pods = await podsOf(namespace, stable);
          saw(pods.map(({ metadata }) => metadata.name).join());
          const ready = pods.filter(isPodReady);
          return ready.length === 3 ? ready.find(({ metadata }) => metadata.name !== name) : undefined;
        },
        { timeoutMs: 30_000 },
      );
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
