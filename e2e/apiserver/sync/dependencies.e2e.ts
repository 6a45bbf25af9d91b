import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { conditionOf } from "../../harness/kube.ts";
import { configMap, definition } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
  await scene.kube.apply(definition("boats", "Boat"));
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

const boat = (name: string) => ({ apiVersion: "example.com/v1", kind: "Boat", metadata: { name }, spec: {} });
const healthChecks = [
  {
    apiVersion: "example.com/v1",
    kind: "Boat",
    current: "self.status.conditions.filter(c, c.type == 'Afloat').all(c, c.status == 'True')",
    failed: "self.status.sunk",
  },
];
const afloat = { sunk: false, conditions: [{ type: "Afloat", status: "True" }] };

/** Reports on a Boat, as its controller would: the definition has no status subresource. */
async function report(project: GitProject, name: string, status: object): Promise<void> {
  const ref = project.refTo("example.com/v1", "Boat", name);
  await scene.kube.waitFor(ref, "applied", () => true);
  await scene.kube.patch(ref, { status: status as never });
}

const data = async (project: GitProject, name: string) =>
  stringAt(await scene.kube.find(project.refTo("v1", "ConfigMap", name)), "data", "value");

describe("spec.healthChecks", () => {
  it.concurrent("judge a kind that Fairlead has never heard of", async () => {
    const project = await scene.project({ files: { "boat.yaml": toYaml([boat("one")]) }, spec: { healthChecks } });
    await project.untilReady("Unknown", "Progressing", "is not current yet");
    await report(project, "one", { sunk: true });
    const message = await project.untilReady("False", "Unhealthy", "has failed, says spec.healthChecks[0].failed");
    expect(message).toContain("deploy/boat.yaml:1:1");
    await report(project, "one", afloat);
    await project.untilApplied(await project.copy.head());
  });

  it.concurrent("that are wrong are told with field and column, and what runs is kept", async () => {
    const project = await scene.project({ files: { "a.yaml": toYaml([configMap("a", { value: "1" })]) } });
    await project.untilApplied(await project.copy.head());
    await project.change({
      healthChecks: [{ apiVersion: "v1", kind: "ConfigMap", current: "self.data.value == 1 +" }],
    });
    const message = await project.untilReady("False", "InvalidExpression", "spec.healthChecks[0].current, column 23");
    console.log(message);
    await project.push("Change it", { "a.yaml": toYaml([configMap("a", { value: "2" })]) });
    await scene.kube.patch(project.refTo("v1", "ConfigMap", "a"), { data: { value: "drifted" } });
    await scene.kube.waitFor(
      project.refTo("v1", "ConfigMap", "a"),
      "put back",
      (live) => stringAt(live, "data", "value") === "1",
    );
    await project.change({ healthChecks: null });
    await project.untilApplied(await project.copy.head());
    expect(await data(project, "a")).toBe("2");
  });
});

describe("spec.dependsOn", () => {
  const ofValue = (value: string) => ({ "a.yaml": toYaml([configMap("a", { value })]) });

  it.concurrent("waits until the other sync is ready at its own newest commit, and keeps what is applied", async () => {
    const namespace = await scene.namespace("chain");
    const app = await scene.project({
      namespace,
      name: "app",
      files: ofValue("1"),
      spec: { dependsOn: [{ name: "base" }] },
    });
    const missing = await app.untilReady("False", "DependencyMissing", `GitSync ${namespace}/base`);
    console.log(missing);
    expect(missing).toContain("create it");
    expect(await data(app, "a")).toBeUndefined();

    const base = await scene.project({
      namespace,
      name: "base",
      files: { "b.yaml": toYaml([boat("b")]) },
      spec: { healthChecks },
    });
    console.log(await app.untilReady("Unknown", "DependencyNotReady", `GitSync ${namespace}/base is not ready`));
    expect(await data(app, "a")).toBeUndefined();
    await report(base, "b", afloat);
    await base.untilApplied(await base.copy.head());
    const began = performance.now();
    await app.untilApplied(await app.copy.head());
    console.log(`went on ${Math.round(performance.now() - began)} ms after its dependency was ready`);

    // The dependency fails again: what runs is kept as it is, and only what is new waits.
    await report(base, "b", { sunk: true });
    await base.untilReady("False", "Unhealthy");
    await app.untilApplied(await app.copy.head());
    await app.push("Two", ofValue("2"));
    await app.untilReady("Unknown", "DependencyNotReady");
    const ref = app.refTo("v1", "ConfigMap", "a");
    await scene.kube.patch(ref, { data: { value: "drifted" } });
    await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === "1");
    // A newer commit takes the place of the one that waits.
    const third = await app.push("Three", ofValue("3"));
    await report(base, "b", afloat);
    await app.untilApplied(third);
    expect(await data(app, "a")).toBe("3");
  });

  it.concurrent("asks a readyExpr instead, where there is one", async () => {
    const namespace = await scene.namespace("expr");
    const base = await scene.project({ namespace, name: "base", files: ofValue("1") });
    const readyExpr = "dep.metadata.labels['stage'] == self.metadata.labels['stage']";
    const app = await scene.project({
      namespace,
      name: "app",
      files: { "c.yaml": toYaml([configMap("c")]) },
      spec: { dependsOn: [{ name: "base", readyExpr }] },
    });
    await app.untilReady("Unknown", "DependencyNotReady", "readyExpr");
    for (const { ref } of [app, base]) await scene.kube.patch(ref, { metadata: { labels: { stage: "two" } } });
    await app.untilApplied(await app.copy.head());
  });

  it.concurrent("names a circle on each of its members, until it is cut", async () => {
    const namespace = await scene.namespace("circle");
    const projects: GitProject[] = [];
    for (const [name, other] of [
      ["a", "b"],
      ["b", "c"],
      ["c", "a"],
    ] as const) {
      const files = { "x.yaml": toYaml([configMap(`of-${name}`)]) };
      projects.push(await scene.project({ namespace, name, files, spec: { dependsOn: [{ name: other }] } }));
    }
    for (const project of projects) {
      const message = await project.untilReady("False", "DependencyCycle", `${namespace}/${project.name} waits for`);
      for (const name of ["a", "b", "c"]) expect(message).toContain(`${namespace}/${name}`);
    }
    await projects[1]?.change({ dependsOn: null });
    for (const project of projects) await project.untilApplied(await project.copy.head());
  });

  it.concurrent("holds a commit for two syncs of one repository until the first has it in place", async () => {
    const namespace = await scene.namespace("pair");
    const files = { "base/b.yaml": toYaml([boat("b")]), "app/a.yaml": toYaml([configMap("a", { value: "1" })]) };
    const base = await scene.project({ namespace, name: "base", files, spec: { path: "deploy/base", healthChecks } });
    await report(base, "b", afloat);
    const app = await scene.project({
      namespace,
      name: "app",
      beside: base,
      spec: { path: "deploy/app", dependsOn: [{ name: "base" }] },
    });
    await app.untilApplied(await base.copy.head());
    // Both parts change in one commit, and the first becomes unready by it: the second must not go by its former word.
    const next = await base.push("Both", {
      "base/c.yaml": toYaml([boat("c")]),
      "app/a.yaml": toYaml([configMap("a", { value: "2" })]),
    });
    await app.untilReady("Unknown", "DependencyNotReady");
    await base.untilReady("Unknown", "Progressing");
    expect(await data(app, "a")).toBe("1");
    await report(base, "c", afloat);
    await app.untilApplied(next);
    expect(await data(app, "a")).toBe("2");
  });

  it.concurrent("lets an object move to a sync that waits for the one that gives it away", async () => {
    const namespace = await scene.namespace("move");
    const moved = toYaml([configMap("moved")]);
    const files = {
      "base/b.yaml": toYaml([configMap("b")]),
      "base/m.yaml": moved,
      "app/a.yaml": toYaml([configMap("a")]),
    };
    const base = await scene.project({ namespace, name: "base", files, spec: { path: "deploy/base" } });
    const app = await scene.project({
      namespace,
      name: "app",
      beside: base,
      spec: { path: "deploy/app", dependsOn: [{ name: "base" }] },
    });
    await app.untilApplied(await base.copy.head());
    const ref = app.refTo("v1", "ConfigMap", "moved");
    const before = (await scene.kube.get(ref)).metadata.uid;
    const next = await base.push("Move", { "base/m.yaml": undefined, "app/m.yaml": moved });
    await Promise.all([app.untilApplied(next), base.untilApplied(next)]);
    expect((await scene.kube.get(ref)).metadata.uid).toBe(before);
  });

  it.concurrent("refuses another namespace, where the operator does not allow it", async () => {
    const app = await scene.project({
      files: ofValue("1"),
      spec: { dependsOn: [{ name: "base", namespace: "default" }] },
    });
    const message = await app.untilReady("False", "ForeignReference", "namespace default");
    expect(message).toContain("--cross-namespace-refs");
    expect(await data(app, "a")).toBeUndefined();
    expect(conditionOf(await app.sync(), "Stalled")?.status).toBe("True");
  });
});
