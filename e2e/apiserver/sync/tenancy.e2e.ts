import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { JsonObject } from "../../../src/api/json.ts";
import { stringAt, stringify } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { describeCall } from "../../harness/apiCalls.ts";
import { conditionOf } from "../../harness/kube.ts";
import { configMap } from "../../harness/manifests.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const RBAC = "rbac.authorization.k8s.io";
const CANARY = "c4n4ry-of-another-tenant";

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene({ proxy: true, args: ["--require-service-account"] });
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** A namespace whose account "deployer" may do anything with its ConfigMaps and Secrets. */
async function tenant(name: string): Promise<string> {
  const namespace = await scene.namespace(name);
  const metadata = { name: "deployer", namespace };
  await scene.kube.applyAll([
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "Role",
      metadata,
      rules: [{ apiGroups: [""], resources: ["configmaps", "secrets"], verbs: ["*"] }],
    } as object,
    {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: RBAC, kind: "Role", name: "deployer" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    } as object,
  ]);
  return namespace;
}

const takeOver = (name: string): Manifest => ({
  apiVersion: `${RBAC}/v1`,
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "cluster-admin" },
  subjects: [{ kind: "ServiceAccount", name: "deployer", namespace: "default" }],
});

it("A14: a tenant's repository gets no right that its account lacks", async () => {
  const [namespace, other] = await Promise.all([tenant("tenant"), tenant("other")]);
  await scene.kube.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "theirs", namespace: other },
    data: { key: "kept" },
  });
  const stolen = { ...configMap("theirs", { key: "taken" }), metadata: { name: "theirs", namespace: other } };
  const files = {
    "own.yaml": toYaml([configMap("own")]),
    "crb.yaml": toYaml([takeOver("escalate")]),
    "foreign.yaml": toYaml([stolen]),
  };
  const project = await scene.project({ namespace, files, spec: { serviceAccountName: "deployer" } });
  const message = await project.untilReady("False", "Forbidden");
  console.log(message);
  for (const says of [
    "deploy/crb.yaml:1:1",
    "deploy/foreign.yaml:1:1",
    `system:serviceaccount:${namespace}:deployer`,
  ]) {
    expect(message).toContain(says);
  }
  expect(
    await scene.kube.find({ apiVersion: `${RBAC}/v1`, kind: "ClusterRoleBinding", name: "escalate" }),
  ).toBeUndefined();
  const theirs = await scene.kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace: other, name: "theirs" });
  expect([stringAt(theirs, "data", "key"), theirs.metadata.labels]).toEqual(["kept", undefined]);
  await scene.kube.get(project.refTo("v1", "ConfigMap", "own"));
});

it("A14: a tenant that declares another one's object holds nobody up", async () => {
  const [squatter, owner] = await Promise.all([tenant("squatter"), tenant("owner")]);
  const place = (name: string) => ({ ...configMap(name), metadata: { name, namespace: owner } });
  const spec = { serviceAccountName: "deployer" };
  const early = await scene.project({
    namespace: squatter,
    files: { "a.yaml": toYaml([place("a"), place("b")]) },
    spec,
  });
  await early.untilReady("False", "Forbidden");
  const late = await scene.project({ namespace: owner, files: { "a.yaml": toYaml([place("a"), place("b")]) }, spec });
  await late.untilApplied(await late.copy.head());
  await late.untilApplied(await late.push("Remove one", { "a.yaml": toYaml([place("a")]) }));
  await scene.kube.waitGone(late.refTo("v1", "ConfigMap", "b"));
});

it("A14: without an account a sync is refused, writes nothing, and can be deleted", async () => {
  const namespace = await tenant("nobody");
  const project = await scene.project({ namespace, files: { "a.yaml": toYaml([configMap("a")]) } });
  const message = await project.untilReady("False", "AccountRequired", "spec.serviceAccountName is not set");
  console.log(message);
  expect(await scene.kube.find(project.refTo("v1", "ConfigMap", "a"))).toBeUndefined();
  await project.change({ serviceAccountName: "deployer" });
  await project.untilApplied(await project.copy.head());
  await project.change({ serviceAccountName: null });
  await project.untilReady("False", "AccountRequired");
  await scene.kube.delete(project.ref);
  await scene.kube.waitGone(project.ref);
  await scene.kube.get(project.refTo("v1", "ConfigMap", "a"));
  await project.untilEvent("LeftBehind", "everything is left behind");
});

it.each(["", "kube-system/admin", "system:serviceaccount:kube-system:admin", "../admin", "Admin"])(
  "A14: the API server refuses the account %j",
  async (serviceAccountName) => {
    const spec = { url: "https://git.example.com/x.git", serviceAccountName };
    const sync = {
      apiVersion: "fairlead.dev/v1alpha1",
      kind: "GitSync",
      metadata: { name: "x", namespace: "default" },
      spec,
    };
    await expect(scene.kube.apply(sync)).rejects.toThrow("serviceAccountName");
  },
);

it("A19: values that the CRD once let through are told, and stop nobody", async () => {
  const crd = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    name: "gitsyncs.fairlead.dev",
  };
  const versions = structuredClone((await scene.kube.get(crd))["spec"] as JsonObject)["versions"] as JsonObject[];
  const properties = (
    versions[0] as unknown as {
      schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, unknown> } } } };
    }
  ).schema.openAPIV3Schema.properties.spec.properties;
  for (const field of ["interval", "timeout", "path", "prune", "dependsOn"])
    properties[field] = { "x-kubernetes-preserve-unknown-fields": true };
  await scene.kube.patch(crd, { spec: { versions } });
  const namespace = await tenant("odd");
  const bad: readonly JsonObject[] = [
    { interval: "1z" },
    { interval: "-5s" },
    { interval: 5 },
    { timeout: "∞" },
    { path: ["deploy"] },
    { prune: "maybe" },
    { dependsOn: { name: "x" } },
  ];
  for (const [index, odd] of bad.entries()) {
    const spec = { url: "https://git.example.com/x.git", ...odd };
    await until(`the lenient CRD to take ${JSON.stringify(odd)}`, async (saw) =>
      scene.kube
        .apply({
          apiVersion: "fairlead.dev/v1alpha1",
          kind: "GitSync",
          metadata: { name: `odd-${index}`, namespace },
          spec,
        } as object)
        .then(() => true)
        .catch((error: Error) => void saw(error.message)),
    );
  }
  for (const [index, odd] of bad.entries()) {
    const ref = { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync", namespace, name: `odd-${index}` };
    const sync = await scene.kube.waitFor(ref, "judged", (now) => conditionOf(now, "Stalled")?.status === "True");
    expect(conditionOf(sync, "Ready")).toMatchObject({
      status: "False",
      reason: "InvalidSpec",
      message: expect.stringContaining(`spec.${Object.keys(odd)[0]}`),
    });
  }
  const project = await scene.project({
    namespace,
    files: { "a.yaml": toYaml([configMap("a")]) },
    spec: { serviceAccountName: "deployer" },
  });
  await project.untilApplied(await project.copy.head());
  expect(scene.operator.running).toBe(true);
});

/** Cases of the tenants that try whatever comes to mind. */
const CASES = 240;
const TENANTS = 6;

it("A14: generated repositories write nothing outside their grants", { timeout: 300_000 }, async () => {
  const [victim, ...tenants] = await Promise.all(
    ["victim", ...Array.from({ length: TENANTS }, (_, n) => `t${n}`)].map(tenant),
  );
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "victim", namespace: victim ?? "" },
    stringData: { key: CANARY },
  };
  const kept = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "victim", namespace: victim ?? "" },
    data: { key: CANARY },
  };
  await scene.kube.applyAll([secret, kept]);
  const before = await world(tenants);
  const repositories = fc.sample(repository(victim ?? "", tenants), { numRuns: CASES, seed: 42 });
  const first = await scene.project({
    namespace: tenants[0] ?? "",
    name: "case-0",
    files: Object.fromEntries(repositories.map((objects, index) => [`${index}/all.yaml`, toYaml(objects)])),
    spec: { path: "deploy/0", serviceAccountName: "deployer", interval: "1h" },
  });
  const others = Array.from({ length: CASES - 1 }, (_, index) => index + 1);
  await Promise.all(
    others.map((index) => {
      const namespace = tenants[index % TENANTS] ?? "";
      const spec = { path: `deploy/${index}`, serviceAccountName: "deployer", interval: "1h" };
      return scene.project({ namespace, name: `case-${index}`, beside: first, spec });
    }),
  );
  const syncs = await until(
    "every case to be judged",
    async (saw) => {
      const all = (await scene.kube.list("fairlead.dev/v1alpha1", "GitSync")).filter(({ metadata }) =>
        metadata.name.startsWith("case-"),
      );
      const open = all.filter((sync) => (conditionOf(sync, "Ready")?.reason ?? "Progressing") === "Progressing");
      saw(
        `${open.length} of ${all.length}: ${open.slice(0, 3).map((sync) => conditionOf(sync, "Ready")?.message ?? "nothing")}`,
      );
      return open.length === 0 && all.length === CASES ? all : undefined;
    },
    { timeoutMs: 240_000 },
  );
  const reasons = Map.groupBy(syncs, (sync) => conditionOf(sync, "Ready")?.reason ?? "");
  console.log([...reasons].map(([reason, all]) => `${reason}: ${all.length}`).join(", "));
  // The generator makes both: what an account may write, and what it may not.
  expect(reasons.get("Applied")?.length).toBeGreaterThan(10);
  expect(reasons.get("Forbidden")?.length).toBeGreaterThan(50);

  expect(await world(tenants)).toEqual(before);
  const own = new Set(["gitsyncs", "events", "leases"]);
  const writes = scene.proxy.writes.filter(({ resource }) => !own.has(resource));
  const asOther = writes.filter(({ impersonates }) => !/^system:serviceaccount:[^:]+:deployer$/.test(impersonates));
  expect(asOther.map(describeCall)).toEqual([]);
  expect(writes.length).toBeGreaterThan(CASES / 2);
  const events = await scene.kube.list("v1", "Event");
  expect(stringify([syncs, events])).not.toContain(CANARY);
});

/** Everything that no tenant may change, as it is stored. */
async function world(tenants: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const kinds = [
    ["v1", "ConfigMap"],
    ["v1", "Secret"],
    ["v1", "ServiceAccount"],
    ["v1", "Namespace"],
    [`${RBAC}/v1`, "Role"],
    [`${RBAC}/v1`, "RoleBinding"],
    [`${RBAC}/v1`, "ClusterRole"],
    [`${RBAC}/v1`, "ClusterRoleBinding"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
    ["admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"],
    ["scheduling.k8s.io/v1", "PriorityClass"],
    ["apps/v1", "Deployment"],
    ["fairlead.dev/v1alpha1", "ProgressiveRollout"],
  ] as const;
  const found: Record<string, string> = {};
  for (const [apiVersion, kind] of kinds) {
    for (const object of await scene.kube.list(apiVersion, kind)) {
      const { namespace = "", name, uid, resourceVersion } = object.metadata;
      const granted = ["ConfigMap", "Secret"].includes(kind) && tenants.includes(namespace);
      // The API server itself publishes its authorities here.
      if (!granted && name !== "kube-root-ca.crt") found[`${kind} ${namespace}/${name}`] = `${uid} ${resourceVersion}`;
    }
  }
  return found;
}

/** Repositories of tenants: good objects, foreign namespaces, names that belong to others, rights, forged marks. */
function repository(victim: string, tenants: readonly string[]): fc.Arbitrary<readonly Manifest[]> {
  const namespace = fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    fc.constantFrom(victim, "default", "kube-system", "fairlead-system", "nowhere", ...tenants),
  );
  const name = fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 99_999 }).map((n) => `own-${n}`) },
    fc.constantFrom("victim", "deployer", "default", "fairlead-operator", "cluster-admin", "system:masters"),
  );
  const forged = fc.constantFrom<JsonObject>(
    {},
    { annotations: { "fairlead.dev/owner": `${victim}/app//ConfigMap/${victim}/victim` } },
    { labels: { "fairlead.dev/managed": "true" }, annotations: { "fairlead.dev/prune": "disabled" } },
    { uid: "00000000-0000-0000-0000-000000000000", resourceVersion: "1" },
    { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "victim", uid: "u", blockOwnerDeletion: true }] },
    { finalizers: ["example.com/stay"] },
  );
  const rules = [{ apiGroups: ["*"], resources: ["*"], verbs: ["*", "escalate", "bind", "impersonate"] }];
  const subjects = [{ kind: "ServiceAccount", name: "deployer", namespace: tenants[0] ?? "" }];
  const admin = (kind: string) => ({ roleRef: { apiGroup: RBAC, kind, name: "cluster-admin" }, subjects });
  const pod = {
    metadata: { labels: { a: "b" } },
    spec: { serviceAccountName: "deployer", containers: [{ name: "a", image: "a" }] },
  };
  const body = fc.oneof(
    { weight: 2, arbitrary: fc.constant<JsonObject>({ apiVersion: "v1", kind: "ConfigMap", data: { key: "taken" } }) },
    fc.constantFrom<JsonObject>(
      { apiVersion: "v1", kind: "ConfigMap", data: { key: "taken" } },
      { apiVersion: "v1", kind: "ConfigMap", data: { key: "taken" } },
      { apiVersion: "v1", kind: "Secret", stringData: { key: "taken" } },
      { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/service-account-token" },
      { apiVersion: "v1", kind: "ServiceAccount" },
      { apiVersion: "v1", kind: "Namespace" },
      { apiVersion: `${RBAC}/v1`, kind: "Role", rules },
      { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", rules },
      { apiVersion: `${RBAC}/v1`, kind: "RoleBinding", ...admin("ClusterRole") },
      { apiVersion: `${RBAC}/v1`, kind: "ClusterRoleBinding", ...admin("ClusterRole") },
      { apiVersion: "apps/v1", kind: "Deployment", spec: { selector: { matchLabels: { a: "b" } }, template: pod } },
      { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", value: 1 },
      {
        apiVersion: "fairlead.dev/v1alpha1",
        kind: "GitSync",
        spec: { url: "https://git.invalid/x.git", serviceAccountName: "default" },
      },
      {
        apiVersion: "fairlead.dev/v1alpha1",
        kind: "ProgressiveRollout",
        spec: { workloadRef: { kind: "Deployment", name: "victim" }, serviceRef: { name: "victim" }, strategy: {} },
      },
    ),
  );
  const object = fc.record({ body, namespace, name, forged }).map(
    ({ body, namespace, name, forged }) =>
      ({
        ...body,
        metadata: { ...forged, name, ...(namespace === undefined ? {} : { namespace }) },
      }) as unknown as Manifest,
  );
  return fc.uniqueArray(object, {
    minLength: 1,
    maxLength: 4,
    selector: ({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`,
  });
}
