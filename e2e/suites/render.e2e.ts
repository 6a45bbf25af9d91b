import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringAt } from "../../src/api/json.ts";
import { toYaml } from "../apps/shop.ts";
import { configMap } from "../harness/manifests.ts";
import { GitProject } from "../harness/project.ts";
import { openScene, type Scene } from "../harness/scene.ts";
import { log } from "../harness/stories.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ operator: "pod", log });
});
afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

describe("the operator in a pod without privileges", () => {
  it("renders in its sandbox: an overlay, then a chart, and a schema on another host is out of reach", async () => {
    const namespace = await scene.namespace("render");
    const ground = {
      kube: scene.kube,
      git: scene.git,
      scratch: scene.scratch("render"),
      operatorUrl: scene.operator.url,
    };
    const project = await GitProject.open(
      { ...ground, namespace },
      {
        files: {
          "../base/kustomization.yaml": "resources: [a.yaml]\n",
          "../base/a.yaml": toYaml([configMap("app", { value: "base" })]),
          "kustomization.yaml": "resources: [../base]\nnamePrefix: prod-\n",
        },
      },
    );
    await project.untilApplied(await project.copy.head(), { timeoutMs: 60_000 });
    await scene.kube.get(project.refTo("v1", "ConfigMap", "prod-app"));

    const chart = {
      "kustomization.yaml": undefined,
      "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
      "templates/a.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: prod-app }\ndata: { token: {{ .Files.Get "/var/run/secrets/kubernetes.io/serviceaccount/token" | quote }}, value: chart }\n',
    };
    await project.untilApplied(await project.push("Make it a chart", chart), { timeoutMs: 60_000 });
    const live = await scene.kube.get(project.refTo("v1", "ConfigMap", "prod-app"));
    expect([stringAt(live, "data", "value"), stringAt(live, "data", "token")]).toEqual(["chart", ""]);

    // Hidden from the check before, so that only the sandbox is in the way.
    const schema = '{ "$ref": "http:\\u002f/169.254.169.254/x.json" }';
    await project.push("Reach out", { "values.schema.json": schema });
    expect(await project.untilReady("False", "RenderFailed")).toContain("operation not permitted");
  });
});
