import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { at, stringify } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { type ControlPlane, openControlPlane } from "../cluster/index.ts";
import { type Kubectl, kubectlFor, ROOT } from "./kubectl.ts";

const OPERATOR = "system:serviceaccount:fairlead-system:fairlead";
const INSTALL = ["apply", "--server-side", "-f", "manifests/install.yaml"] as const;

let plane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  plane = await openControlPlane({ log: (line) => console.log(line) });
  kubectl = await kubectlFor(plane.kubeconfig);
  await kubectl(...INSTALL);
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
});

/** The answer of `kubectl auth can-i` to the operator, which is an exit code of 1 as well when it is no. */
async function may(...action: readonly string[]): Promise<string> {
  const program = ["auth", "can-i", ...action, "--as", OPERATOR];
  const answer = await kubectl.outcome(...program);
  return answer.stdout.trim();
}

describe("manifests/install.yaml", () => {
  it("is accepted as a whole, and a second time changes nothing", async () => {
    const names = () => kubectl("get", "deploy,svc,pdb,sa,role", "-n", "fairlead-system", "-o", "name");
    const before = await kubectl.json("get", "deployment/fairlead", "-n", "fairlead-system");
    await kubectl(...INSTALL);
    const after = await kubectl.json("get", "deployment/fairlead", "-n", "fairlead-system");
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(await names()).toContain("poddisruptionbudget.policy/fairlead");
  });

  it("makes pods that the restricted Pod Security Standard admits", async () => {
    const objects = parseAllDocuments(readFileSync(join(ROOT, "manifests/install.yaml"), "utf8"));
    const deployment = objects.map((document) => document.toJS() as Manifest).find(({ kind }) => kind === "Deployment");
    const template = at(deployment, "spec", "template");
    const metadata = { name: "probe", namespace: "fairlead-system" };
    const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: at(template, "spec") };
    const folder = await mkdtemp(join(tmpdir(), "fairlead-install-"));
    try {
      await writeFile(join(folder, "pod.json"), stringify(pod));
      const create = ["create", "--dry-run=server", "-f", join(folder, "pod.json")];
      expect(await kubectl.refusal(...create)).toBe("");
      const root = { ...pod, spec: { ...(at(pod, "spec") as object), securityContext: { runAsUser: 0 } } };
      await writeFile(join(folder, "pod.json"), stringify(root));
      expect(await kubectl.refusal(...create)).toContain('violates PodSecurity "restricted');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the operator's account", () => {
  it.each([
    ["patch", "gitsyncs.fairlead.dev"],
    ["update", "gitsyncs.fairlead.dev", "--subresource=status"],
    ["patch", "progressiverollouts.fairlead.dev", "--subresource=status"],
    ["impersonate", "serviceaccounts"],
    ["get", "secrets"],
    ["create", "deployments.apps"],
    ["delete", "services"],
    ["patch", "pods"],
    ["watch", "endpointslices.discovery.k8s.io"],
    ["create", "events"],
    ["create", "events.events.k8s.io"],
    ["watch", "networkpolicies.networking.k8s.io"],
    ["list", "customresourcedefinitions.apiextensions.k8s.io"],
    ["create", "configmaps"],
    ["delete", "configmaps"],
  ])("may %s %s %s", async (...action) => {
    expect(await may(...action, "-n", "shop")).toBe("yes");
  });

  it.each([
    ["create", "secrets"],
    ["patch", "secrets"],
    ["create", "gitsyncs.fairlead.dev"],
    ["delete", "progressiverollouts.fairlead.dev"],
    ["create", "pods"],
    ["delete", "pods"],
    ["create", "serviceaccounts"],
    ["create", "pods", "--subresource=exec"],
    ["impersonate", "users"],
    ["impersonate", "groups"],
    ["create", "clusterrolebindings.rbac.authorization.k8s.io"],
    ["update", "leases.coordination.k8s.io"],
  ])("may not %s %s %s", async (...action) => {
    expect(await may(...action, "-n", "shop")).toBe("no");
  });

  it("holds leases in its own namespace only", async () => {
    expect(await may("update", "leases.coordination.k8s.io", "-n", "fairlead-system")).toBe("yes");
  });

  it("may write anything once the cluster lets syncs use its rights", async () => {
    const file = "manifests/syncs-use-own-rights.yaml";
    await kubectl("apply", "--server-side", "-f", file);
    expect(await may("create", "secrets", "-n", "shop")).toBe("yes");
    await kubectl("delete", "-f", file);
    expect(await may("create", "secrets", "-n", "shop")).toBe("no");
  });
});
