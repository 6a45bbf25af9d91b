import { afterAll, beforeAll, expect, it } from "vitest";
import { toYaml } from "../../apps/shop.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";
import type { GitProject } from "../../harness/project.ts";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** An account of the name "deployer" that may do anything with ConfigMaps, and nothing else. */
async function account(namespace: string, resources: readonly string[]): Promise<void> {
  const rbac = "rbac.authorization.k8s.io";
  const named = { name: "deployer", namespace };
  await scene.kube.applyAll([
    { apiVersion: "v1", kind: "ServiceAccount", metadata: named },
    {
      apiVersion: `${rbac}/v1`,
      kind: "Role",
      metadata: named,
      rules: [{ apiGroups: [""], resources: [...resources], verbs: ["*"] }],
    } as object,
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: named,
      roleRef: { apiGroup: rbac, kind: "Role", name: "deployer" },
      subjects: [{ kind: "ServiceAccount", ...named }],
    } as object,
  ]);
}

const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "two" }, stringData: { key: "value" } };

async function limited(resources: readonly string[]): Promise<GitProject> {
  const namespace = await scene.namespace("limited");
  await account(namespace, resources);
  const files = { "one.yaml": toYaml([configMap("one")]), "two.yaml": toYaml([secret]) };
  return scene.project({ namespace, files, spec: { serviceAccountName: "deployer" } });
}

it.concurrent("A14: writes as the service account, and says which permission it lacks while the rest is applied", async () => {
  const project = await limited(["configmaps"]);
  const { namespace } = project;
  const message = await project.untilReady("False", "Forbidden");
  console.log(message);
  expect(message).toContain("deploy/two.yaml:1:1");
  expect(message).toContain("Secret");
  expect(message).toContain(`system:serviceaccount:${namespace}:deployer`);
  expect(message).toContain("grant the permission");
  await scene.kube.waitFor(project.refTo("v1", "ConfigMap", "one"), "applied", () => true);
  expect(await scene.kube.find(project.refTo("v1", "Secret", "two"))).toBeUndefined();
  await project.untilEvent("Forbidden", "deploy/two.yaml:1:1");
  const applies = scene.proxy.writes.filter((call) => call.namespace === namespace && call.verb === "apply");
  expect(applies.length).toBeGreaterThan(1);
  for (const { impersonates } of applies) expect(impersonates).toBe(`system:serviceaccount:${namespace}:deployer`);

  await account(namespace, ["configmaps", "secrets"]);
  await project.untilApplied(await project.copy.head());
});

it.concurrent("A14: deletes as the service account, too", async () => {
  const project = await limited(["configmaps", "secrets"]);
  await project.untilApplied(await project.copy.head());
  await account(project.namespace, ["configmaps"]);
  await project.push("Remove the Secret", { "two.yaml": undefined });
  const message = await project.untilReady("False", "Forbidden");
  console.log(message);
  expect(message).toContain("Secret");
  expect(await scene.kube.find(project.refTo("v1", "Secret", "two"))).toBeDefined();
  await account(project.namespace, ["configmaps", "secrets"]);
  await project.untilApplied(await project.copy.head());
  await scene.kube.waitGone(project.refTo("v1", "Secret", "two"));
});

it.concurrent("lets a deleted sync go whose account is gone, and tells what it leaves behind", async () => {
  const project = await limited(["configmaps", "secrets"]);
  await project.untilApplied(await project.copy.head());
  await account(project.namespace, []).catch(() => undefined);
  await scene.kube.delete(project.refTo("rbac.authorization.k8s.io/v1", "RoleBinding", "deployer"));
  await scene.kube.delete(project.ref);
  await scene.kube.waitGone(project.ref);
  expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "one"))).toBeDefined();
  await project.untilEvent("LeftBehind", `ConfigMap ${project.namespace}/one`);
});
