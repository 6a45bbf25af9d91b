import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, type JsonObject, listAt, stringAt } from "../../../src/api/json.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { Receiver } from "../../apps/receiver.ts";
import { shopManifests } from "../../apps/shop.ts";
import { conditionOf } from "../../harness/kube.ts";
import { openScene, type Scene } from "../../harness/scene.ts";
import { cursorOf, historyOf, log, underLoad, untilRest } from "../../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ apps: true, operator: "process", log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const STEPS = { strategy: { canary: { steps: [{ weight: 50, hold: "1s" }] } }, settleSeconds: 1 };

/** A suspended CronJob whose Job sends requests to the candidate. */
function smoke(namespace: string, image: string): JsonObject {
  const args = ["-target", "http://$(FAIRLEAD_SERVICE)", "-probe", "5"];
  const container = { name: "smoke", image, imagePullPolicy: "Never", args };
  const pod = { restartPolicy: "Never", containers: [container] };
  const spec = { backoffLimit: 0, template: { metadata: { labels: { tests: "web" } }, spec: pod } };
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "smoke", namespace },
    spec: { suspend: true, schedule: "@yearly", jobTemplate: { spec } },
  };
}

describe.concurrent("gates", () => {
  it("P16: a check asks the candidate alone, before its first request; one whose image does not exist is no pass", async () => {
    const checks = [{ name: "smoke", cronJobRef: { name: "smoke" }, timeout: "8s", retries: 1 }];
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: { spec: { ...STEPS, checks } } });
    const { namespace } = shop;
    await scene.kube.apply(smoke(namespace, scene.images.load));
    await untilRest(shop, "Adopted");
    await underLoad(scene, shop, "checks before traffic", async (load) => {
      await shop.push({ version: "v2" });
      const promoted = await untilRest(shop, "Promoted");
      await load.untilOnly(["v2"]);
      const [run] = listAt(promoted, "status", "rollout", "checks");
      expect(run).toMatchObject({ state: "Passed", run: 1 });
      expect(stringAt(run, "message")).toMatch(/"sent":5,"versions":\{"v2":/);

      await scene.kube.apply(smoke(namespace, "fairlead.test/none:1"));
      const v3 = await shop.push({ version: "v3" });
      const held = await shop.untilCondition("Ready", "False", "CheckInconclusive");
      expect(conditionOf(held, "Ready")?.message).toContain("check smoke, run 2: came to nothing");
      await load.untilOnly(["v2"]);
      const jobs = await scene.kube.list("batch/v1", "Job", { namespace });
      expect(jobs.length).toBeLessThanOrEqual(3);
      await shop.revert(v3);
      await untilRest(shop, "Cancelled");
    });
  });

  it("a webhook holds until it answers 2xx, is told under one key, and holds no revert", async () => {
    await using receiver = await Receiver.start(scene.cluster.hostAddress, "s3cret");
    const { url } = receiver;
    const secretRef = { name: "desk" };
    const webhooks = [
      { name: "desk", url, events: ["Promotion"], gate: {}, secretRef, timeout: "2s" },
      { name: "chat", url, events: ["Start", "Finished"], secretRef },
    ];
    const shop = await scene.shop({ version: "v1", replicas: 2, rollout: { spec: { ...STEPS, webhooks } } });
    const metadata = { name: "desk", namespace: shop.namespace };
    await scene.kube.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { token: "s3cret" } });
    await untilRest(shop, "Adopted");
    const asked = () => receiver.received.filter(({ event }) => event === "Promotion");

    receiver.status = 503;
    await shop.push({ version: "v2" });
    const held = await shop.untilCondition("Ready", "False", "AwaitingWebhook");
    expect(cursorOf(held, "weight")).toBe("50");
    await shop.untilRollout("an answer in the status", (one) =>
      (conditionOf(one, "Ready")?.message ?? "").includes("HTTP 503, asked of the desk"),
    );
    receiver.status = 204;
    await untilRest(shop, "Promoted");
    expect(new Set(asked().map(({ key }) => key)).size).toBe(1);
    expect(asked().length).toBeGreaterThan(1);
    expect(receiver.received.every(({ signed }) => signed)).toBe(true);
    await shop.untilRollout("nothing left to tell", (one) => listAt(one, "status", "rollout", "calls").length === 0);
    expect(receiver.received.at(-1)).toMatchObject({
      event: "Finished",
      body: { outcome: "Promoted", webhook: "chat" },
    });

    receiver.status = 503;
    const v3 = await shop.push({ version: "v3" });
    await shop.untilCondition("Ready", "False", "AwaitingWebhook");
    await shop.revert(v3);
    const cancelled = await untilRest(shop, "Cancelled");
    expect(historyOf(cancelled)[0]).toMatchObject({ outcome: "Cancelled" });
  });

  it("P33: two rollouts of a namespace that lets one go at once take turns, and the second says for whom it waits", async () => {
    const shop = await scene.shop({ version: "v1", replicas: 1, rollout: { spec: STEPS } });
    const { namespace } = shop;
    const place = { namespace, name: "api", replicas: 1, image: scene.images.shop };
    const api = { apiVersion: API_VERSION, kind: "ProgressiveRollout", metadata: { name: "api", namespace } };
    const ref = { ...api.metadata, apiVersion: API_VERSION, kind: "ProgressiveRollout" };
    await scene.kube.applyAll(shopManifests({ ...place, version: "v1" }));
    const refs = { workloadRef: { name: "api" }, serviceRef: { name: "api" } };
    await scene.kube.apply({ ...api, spec: { ...refs, ...STEPS } });
    await untilRest(shop, "Adopted");
    await scene.kube.waitFor(ref, "api adopted", (one) => conditionOf(one, "Ready")?.reason === "AtRest", {
      timeoutMs: 60_000,
    });

    const limit = (count: string) =>
      scene.kube.patch(
        { apiVersion: "v1", kind: "Namespace", name: namespace },
        { metadata: { annotations: { "fairlead.dev/max-rollouts": count } } },
      );
    await limit("0");
    await shop.push({ version: "v2" });
    await shop.untilCondition("Ready", "False", "AwaitingTurn");
    await scene.kube.applyAll(shopManifests({ ...place, version: "v2" }));
    const second = await scene.kube.waitFor(
      ref,
      "api waits",
      (one) => conditionOf(one, "Ready")?.reason === "AwaitingTurn",
      { timeoutMs: 30_000 },
    );
    expect(conditionOf(second, "Ready")?.message).toContain("web is before this one");
    await limit("1");
    const first = await untilRest(shop, "Promoted");
    const last = await scene.kube.waitFor(ref, "api promoted", (one) => historyOf(one)[0]?.["outcome"] === "Promoted", {
      timeoutMs: 60_000,
    });
    // The one that waited longer had ended when the other one began.
    expect(String(historyOf(last)[0]?.["startedAt"]) >= String(historyOf(first)[0]?.["finishedAt"])).toBe(true);
    expect(at(last, "status", "rollout", "waitingSince")).toBeUndefined();
  });
});
