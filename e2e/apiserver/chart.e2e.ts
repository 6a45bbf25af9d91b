import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Json } from "../../src/api/json.ts";
import { identity, isManifest, type Manifest, refOf } from "../../src/api/objects.ts";
import { binary } from "../cluster/index.ts";
import { ROOT } from "./kubectl.ts";

const run = promisify(execFile);

/** A Helm built from its module takes 1.20 for the cluster's version where it has no cluster to ask. */
const KUBE_VERSION = ["--kube-version", "1.35.0"] as const;

/** The objects of a YAML stream by identity, so that order, comments and style do not matter. */
function objectsOf(text: string): ReadonlyMap<string, Manifest> {
  const objects = parseAllDocuments(text).map((document): Manifest => {
    if (document.errors.length > 0) throw document.errors[0] ?? new Error("unreadable YAML");
    const value = document.toJS() as Json;
    if (!isManifest(value)) throw new Error(`no object: ${JSON.stringify(value)}`);
    return value;
  });
  return new Map(objects.map((object) => [identity(refOf(object)), object]));
}

async function manifest(name: string): Promise<ReadonlyMap<string, Manifest>> {
  return objectsOf(await readFile(join(ROOT, "manifests", name), "utf8"));
}

describe("the chart", () => {
  let helm = "";

  beforeAll(async () => {
    helm = await binary("helm", (line) => console.log(line));
  });

  async function rendered(...args: readonly string[]): Promise<ReadonlyMap<string, Manifest>> {
    const fixed = ["template", "fairlead", "charts/fairlead", "--namespace", "fairlead-system", ...KUBE_VERSION];
    const { stdout } = await run(helm, [...fixed, ...args], { cwd: ROOT, maxBuffer: 32 * 1024 * 1024 });
    return objectsOf(stdout);
  }

  it("renders what manifests/install.yaml holds, but for the Namespace that Helm makes itself", async () => {
    const plain = new Map(await manifest("install.yaml"));
    expect(plain.delete("/Namespace//fairlead-system")).toBe(true);
    expect(Object.fromEntries(await rendered())).toEqual(Object.fromEntries(plain));
  });

  it("adds what manifests/syncs-use-own-rights.yaml holds when syncs may use the operator's own rights", async () => {
    const [before, after] = [await rendered(), await rendered("--set", "rbac.syncsUseOwnRights=true")];
    const added = [...after].filter(([id]) => !before.has(id));
    expect(Object.fromEntries(added)).toEqual(Object.fromEntries(await manifest("syncs-use-own-rights.yaml")));
  });

  it("adds what manifests/copy-secrets.yaml holds, and the flag, when rollouts may copy Secrets", async () => {
    const [before, after] = [await rendered(), await rendered("--set", "rollouts.copySecrets=true")];
    const added = [...after].filter(([id]) => !before.has(id));
    expect(Object.fromEntries(added)).toEqual(Object.fromEntries(await manifest("copy-secrets.yaml")));
    expect(JSON.stringify(after.get("apps/Deployment/fairlead-system/fairlead"))).toContain('"--copy-secrets"');
  });

  it("leaves the CRDs to others when told to", async () => {
    const kinds = [...(await rendered("--set", "crds.install=false")).values()].map(({ kind }) => kind);
    expect(kinds).not.toContain("CustomResourceDefinition");
    expect(kinds).toContain("Deployment");
  });

  it("renders every value that it declares, under another release in another namespace", async () => {
    const values = "e2e/apiserver/testdata/values.yaml";
    const fixed = ["template", "ops", "charts/fairlead", "--namespace", "ops", ...KUBE_VERSION, "--values", values];
    const { stdout } = await run(helm, fixed, { cwd: ROOT, maxBuffer: 32 * 1024 * 1024 });
    const objects = objectsOf(stdout);
    const deployment = objects.get("apps/Deployment/ops/ops-fairlead");
    const gitFlags = ["--git-addresses", "public", "--git-hosts", "git.example.com,*.corp.example"];
    expect(deployment?.["spec"]).toMatchObject({
      replicas: 3,
      template: {
        metadata: { labels: { team: "ops", "app.kubernetes.io/instance": "ops" }, annotations: { note: "yes" } },
        spec: {
          serviceAccountName: "deployer",
          priorityClassName: "system-cluster-critical",
          imagePullSecrets: [{ name: "pull" }],
          nodeSelector: { "kubernetes.io/os": "linux" },
          tolerations: [{ operator: "Exists" }],
          affinity: { nodeAffinity: {} },
          containers: [
            {
              image: "example.com/fairlead:9.9.9",
              imagePullPolicy: "Always",
              args: expect.arrayContaining([
                ...gitFlags,
                "--require-service-account",
                "--default-service-account",
                "deployer",
                "--cross-namespace-refs",
                "--copy-secrets",
                "--metrics-hosts",
                "prometheus.monitoring",
                "--webhook-hosts",
                "hooks.example.com",
                "--max-rollouts",
                "0",
              ]),
            },
          ],
        },
      },
    });
    expect([...objects.values()].map(({ kind }) => kind)).not.toContain("ServiceAccount");
    expect([...objects.values()].map(({ kind }) => kind)).not.toContain("PodDisruptionBudget");
  });

  it.each([
    ["a value that it does not know", "replica=3", "replica"],
    ["a number of replicas that is none", "replicas=many", "replicas"],
    ["a pull policy that Kubernetes does not know", "image.pullPolicy=Sometimes", "pullPolicy"],
    ["a default account that is no name", "tenancy.defaultServiceAccount=kube-system/admin", "defaultServiceAccount"],
    ["a service account that it neither makes nor is told", "serviceAccount.create=false", "serviceAccount"],
  ])("refuses %s", async (_what, setting, named) => {
    await expect(rendered("--set", setting)).rejects.toThrow(named);
  });

  it("passes helm lint", async () => {
    const { stdout } = await run(helm, ["lint", "--strict", "charts/fairlead"], { cwd: ROOT });
    expect(stdout).toContain("0 chart(s) failed");
  });
});
