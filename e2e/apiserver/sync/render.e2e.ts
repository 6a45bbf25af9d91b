import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listAt, stringAt } from "../../../src/api/json.ts";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";
import { renderers } from "../../harness/renderers.ts";

let scene: PlaneScene;
let folder: string;
let fault: string;

beforeAll(async () => {
  // The operator's sandbox is a script that misbehaves, as long as a file says how, where "suspicious" is rendered.
  folder = await mkdtemp(join(tmpdir(), "fairlead-fault-"));
  fault = join(folder, "fault");
  const script = join(folder, "sandbox");
  const { sandbox } = await renderers();
  const misbehave = `if [ -e '${fault}' ] && grep -rqs suspicious "$2"; then . '${fault}'; fi`;
  await writeFile(script, `#!/bin/sh\n${misbehave}\nexec '${sandbox}' "$@"\n`, { mode: 0o755 });
  scene = await openPlaneScene({ proxy: true, args: [`--sandbox=${script}`] });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const names = Array.from({ length: 6 }, (_, index) => `m${index}`);
const base = {
  "../base/kustomization.yaml": "resources: [all.yaml]\n",
  "../base/all.yaml": toYaml(names.map((name) => configMap(name, { value: "base" }))),
};
const overlay = (value: string) =>
  `resources: [../base]\npatches: [{ target: { kind: ConfigMap }, patch: '- { op: replace, path: /data/value, value: ${value} }' }]\n`;

async function valuesIn(project: GitProject): Promise<readonly string[]> {
  const live = await Promise.all(names.map((name) => scene.kube.find(project.refTo("v1", "ConfigMap", name))));
  return live.map((one) => stringAt(one, "data", "value") ?? "absent");
}

const deletes = ({ namespace }: GitProject) =>
  scene.proxy.writes.filter((call) => call.namespace === namespace && call.verb === "delete");

describe("an overlay", () => {
  it("is applied, and only what it reads decides whether it is rendered again", async () => {
    const project = await scene.project({ files: { ...base, "kustomization.yaml": overlay("one") } });
    await project.untilApplied(await project.copy.head());
    expect(await valuesIn(project)).toEqual(names.map(() => "one"));
    // A base outside of the path changes what is applied.
    const changed = {
      "../base/all.yaml": base["../base/all.yaml"].replace("name: m0", "name: m0\n  labels: { x: y }"),
    };
    await project.untilApplied(await project.push("Change the base", changed));
    expect((await scene.kube.get(project.refTo("v1", "ConfigMap", "m0"))).metadata.labels).toMatchObject({ x: "y" });
    await project.untilApplied(
      await project.push("Change what is not read", { "README.md": "x", "../base/README.md": "x" }),
    );
  });

  it("E01: a renderer that says nothing, or is killed in the middle, deletes nothing", async () => {
    const project = await scene.project({ files: { ...base, "kustomization.yaml": overlay("one") } });
    await project.untilApplied(await project.copy.head());
    const mark = (value: string) => ({
      "kustomization.yaml": `${overlay(value)}configMapGenerator: [{ name: suspicious-${value}, literals: [a=b] }]\n`,
    });
    await writeFile(fault, "exit 0\n");
    await project.push("Render nothing", mark("two"));
    expect(await project.untilReady("False", "RenderSuspicious")).toContain(
      "deploy/kustomization.yaml:1:1: kustomize ended well",
    );
    await writeFile(
      fault,
      "printf 'apiVersion: v1\\nkind: ConfigMap\\nmetadata: { name: m0 }\\n---\\napi'; kill -9 $$\n",
    );
    expect(await project.untilReady("False", "RenderFailed")).toContain("it was ended");
    expect(await valuesIn(project)).toEqual(names.map(() => "one"));
    // The last good state is still in force, and nobody has deleted anything.
    const ref = project.refTo("v1", "ConfigMap", "m1");
    await scene.kube.patch(ref, { data: { value: "drifted" } });
    await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === "one");
    expect(deletes(project)).toEqual([]);
    await writeFile(fault, ":\n");
    await project.untilApplied(await project.copy.head());
    expect(await valuesIn(project)).toEqual(names.map(() => "two"));
    expect(deletes(project)).toEqual([]);
  });

  it("E03: one whose directory is renamed is kept and corrected until the path follows", async () => {
    const project = await scene.project({ files: { ...base, "kustomization.yaml": overlay("one") } });
    await project.untilApplied(await project.copy.head());
    const head = await project.push("Rename", {
      "kustomization.yaml": undefined,
      "../k8s/kustomization.yaml": overlay("one"),
    });
    expect(await project.untilReady("False", "PathNotFound")).toContain("correct the path");
    const ref = project.refTo("v1", "ConfigMap", "m0");
    await scene.kube.patch(ref, { data: { value: "drifted" } });
    await scene.kube.waitFor(ref, "put back", (live) => stringAt(live, "data", "value") === "one");
    expect(deletes(project)).toEqual([]);
    await project.change({ path: "k8s" });
    await project.untilApplied(head);
    expect(deletes(project)).toEqual([]);
  });

  it("is refused as a whole for one path that leads out of the repository", async () => {
    const project = await scene.project({ files: { "kustomization.yaml": "resources:\n- ../../../etc\n" } });
    expect(await project.untilReady("False", "InvalidPath")).toContain("deploy/kustomization.yaml:2:3: ");
    expect(await project.inventory()).toEqual([]);
  });
});

describe("a chart", () => {
  const chart = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "values.yaml": "greeting: chart\n",
    "templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ .Release.Name }}-conf" }
data:
  greeting: {{ .Values.greeting }}
  where: {{ .Release.Namespace }}
  gitsyncs: {{ .Capabilities.APIVersions.Has "fairlead.dev/v1alpha1/GitSync" | quote }}
  kube: {{ .Capabilities.KubeVersion.Version }}
`,
    "templates/tests/t.yaml":
      'apiVersion: v1\nkind: Pod\nmetadata: { name: t, annotations: { helm.sh/hook: test } }\nspec: { containers: [{ name: t, image: "t:1" }] }\n',
  };

  it("is applied with values and what this cluster serves, and says what it leaves out", async () => {
    const project = await scene.project({
      files: { ...chart, "../values/eu.yaml": "greeting: eu\n" },
      spec: { helm: { releaseName: "shop", valuesFiles: ["../values/eu.yaml"] } },
    });
    await project.untilApplied(await project.copy.head());
    const ref = project.refTo("v1", "ConfigMap", "shop-conf");
    expect((await scene.kube.get(ref))["data"]).toEqual({
      greeting: "eu",
      where: project.namespace,
      gitsyncs: "true",
      kube: expect.stringMatching(/^v1\.\d+\.\d+/),
    });
    expect(await project.untilReady("True", "Applied", "left out")).toContain(
      "hooks of the chart are left out: Pod t (test)",
    );
    expect(await scene.kube.find(project.refTo("v1", "Pod", "t"))).toBeUndefined();
    expect(listAt(await project.sync(), "status", "inventory")).toHaveLength(1);
    await project.untilEvent("Applied", "left out");
    await project.change({ helm: { values: { greeting: "spec" } } });
    await scene.kube.waitFor(ref, "the new value", (live) => stringAt(live, "data", "greeting") === "spec");
  });

  it("with an error in a template is told with its line, and the last good state stays", async () => {
    const project = await scene.project({ files: chart });
    await project.untilApplied(await project.copy.head());
    await project.push("Break it", { "templates/b.yaml": '\n{{ required "set .Values.x" .Values.x }}\n' });
    const message = await project.untilReady("False", "RenderFailed");
    expect(message).toContain("deploy/templates/b.yaml:2:1: helm: ");
    expect(message).toContain("set .Values.x");
    expect(deletes(project)).toEqual([]);
    await scene.kube.get(project.refTo("v1", "ConfigMap", "app-conf"));
  });
});
