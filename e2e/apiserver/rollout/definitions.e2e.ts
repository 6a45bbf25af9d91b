import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { at, type JsonObject, stringAt } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { API_VERSION } from "../../../src/api/v1alpha1/names.ts";
import { until } from "../../apps/until.ts";
import { type ControlPlane, openControlPlane } from "../../cluster/index.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import { make, podless, untilAtRest } from "../../harness/podless.ts";
import { type Kubectl, kubectlFor, ROOT } from "../kubectl.ts";

const ROLLOUTS = "progressiverollouts.fairlead.dev";
const FILES = ["gitsyncs", "progressiverollouts"].map((plural) => `crds/fairlead.dev_${plural}.yaml`);

describe("the CRDs", () => {
  let plane: ControlPlane;
  let kubectl: Kubectl;
  beforeAll(async () => {
    plane = await openControlPlane();
    kubectl = await kubectlFor(plane.kubeconfig);
  });
  afterAll(async () => {
    await plane?.[Symbol.asyncDispose]();
  });

  it.each(FILES)("P34: %s is applied by a plain kubectl apply, and a second time changes nothing", async (file) => {
    const version = async () => (await kubectl.json("get", "-f", file)).metadata.generation;
    expect(await kubectl("apply", "-f", file)).toContain("created");
    const generation = await version();
    expect(await kubectl("apply", "-f", file)).toContain("unchanged");
    expect(await kubectl("diff", "-f", file)).toBe("");
    expect(await version()).toBe(generation);
  });
});

describe("an operator that is newer than its CRDs", () => {
  let scene: PlaneScene;
  beforeAll(async () => {
    scene = await openPlaneScene();
  });
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  /** The definition of an older version: without what the spec and the cursor have had since. */
  async function older(): Promise<Manifest> {
    const definition = parse(await readFile(join(ROOT, FILES[1] ?? ""), "utf8")) as Manifest;
    const versions = at(definition, "spec", "versions") as unknown as { schema: { openAPIV3Schema: JsonObject } }[];
    const schema = versions[0]?.schema.openAPIV3Schema;
    const dropped = [
      [at(schema, "properties", "spec", "properties"), "freezes"],
      [at(schema, "properties", "status", "properties", "rollout", "properties"), "steadyAt"],
    ] as const;
    for (const [fields, name] of dropped) {
      expect(fields).toHaveProperty(name);
      delete (fields as Record<string, unknown>)[name];
    }
    return definition;
  }

  it("P34: starts, says what is dropped, loses nothing of a status, and is content with the new ones", async () => {
    const { kube, operator } = scene;
    const namespace = await scene.namespace("older");
    const definition = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: ROLLOUTS };
    const app = { namespace, name: "web" };
    const rollout = { apiVersion: API_VERSION, kind: "ProgressiveRollout", ...app };
    const gauge = async () =>
      /^fairlead_crd_missing_fields\{kind="ProgressiveRollout"\} (\d+)$/m.exec(await operator.metrics())?.[1];
    await operator.stop();
    await kube.kubectl(["replace", "-f", "-"], await older());
    await operator.start();
    await expect.poll(gauge, { timeout: 90_000 }).toBe("1");
    expect(await operator.logs()).toContain("drops .spec.freezes from every ProgressiveRollout");
    await until(
      "an Event about the definition",
      async (saw) => {
        const events = await kube.list("v1", "Event", { namespace: "default" });
        const about = events.filter((event) => stringAt(event, "involvedObject", "name") === ROLLOUTS);
        saw(JSON.stringify(about.map((event) => event["message"])));
        return about.some((event) => event["reason"] === "CRDOutdated") ? true : undefined;
      },
      { timeoutMs: 20_000 },
    );

    await make(kube, podless(app));
    const before = await untilAtRest(kube, app, "Adopted");

    await operator.stop();
    await kube.kubectl(["apply", "--server-side", "--force-conflicts", "-f", join(ROOT, FILES[1] ?? "")]);
    await kube.waitFor(definition, "to be whole again", (one) => JSON.stringify(one).includes("steadyAt"));
    await operator.start();
    await expect.poll(gauge, { timeout: 90_000 }).toBe("0");
    expect((await kube.get(rollout))["status"]).toEqual(before["status"]);
  });
});
