import { customResourceDefinition, RESOURCES } from "../../src/api/crd.ts";
import type { JsonObject } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { operatorDeployment } from "./deployment.ts";
import { type ExplainedRule, LEASE_RULES, OPERATOR_RULES, READER_RULES, SECRET_COPY_RULES } from "./rules.ts";

/** Names that the plain manifests use, and the chart with a release of the same name. */
const INSTALL = { name: "fairlead", namespace: "fairlead-system" } as const;

/** Labels of every object of an installation. */
function installLabels(version: string): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/name": INSTALL.name,
    "app.kubernetes.io/instance": INSTALL.name,
    "app.kubernetes.io/version": version,
    "app.kubernetes.io/part-of": INSTALL.name,
  };
}

/** A CRD as it is installed: deleting the release must not delete every GitSync with it. */
export function installedCrds(): readonly Manifest[] {
  return RESOURCES.map(customResourceDefinition).map((crd) => ({
    ...crd,
    metadata: { ...crd.metadata, annotations: { "helm.sh/resource-policy": "keep" } },
  }));
}

/** All objects of an installation: what `manifests/install.yaml` holds and the chart renders, but for the Namespace. */
export function installation(version: string): readonly Manifest[] {
  const { name, namespace } = INSTALL;
  const labels = installLabels(version);
  const selector = { "app.kubernetes.io/name": name, "app.kubernetes.io/instance": name };
  const cluster = (suffix = ""): Manifest["metadata"] => ({ name: `${name}${suffix}`, labels });
  const local = (suffix = ""): Manifest["metadata"] => ({ name: `${name}${suffix}`, namespace, labels });
  const rbac = "rbac.authorization.k8s.io";
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: { ...labels, ...RESTRICTED } } },
    ...installedCrds(),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: local() },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: cluster(), rules: plain(OPERATOR_RULES) },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: cluster("-reader"), rules: plain(READER_RULES) },
    clusterBinding(cluster(), `${name}`),
    clusterBinding(cluster("-reader"), `${name}-reader`),
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: local("-leases"), rules: plain(LEASE_RULES) },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: local("-leases"),
      roleRef: { apiGroup: rbac, kind: "Role", name: `${name}-leases` },
      subjects: [SUBJECT],
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: local(),
      spec: {
        type: "ClusterIP",
        selector,
        ports: [{ name: "http", port: 8080, targetPort: "http", protocol: "TCP" }],
      },
    },
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: local(),
      spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
    },
    operatorDeployment(local(), selector, `fairlead:${version}`, namespace),
  ];
}

/** What a cluster adds where syncs without a service account may write with the operator's own, unbounded rights. */
export function ownRights(version: string): readonly Manifest[] {
  return [
    clusterBinding({ name: `${INSTALL.name}-syncs-use-own-rights`, labels: installLabels(version) }, "cluster-admin"),
  ];
}

/** What a cluster adds where rollouts may copy Secrets; the operator runs with --copy-secrets there. */
export function secretCopies(version: string): readonly Manifest[] {
  const metadata = { name: `${INSTALL.name}-secret-copies`, labels: installLabels(version) };
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata,
    rules: plain(SECRET_COPY_RULES),
  };
  return [role, clusterBinding(metadata, metadata.name)];
}

const SUBJECT = { kind: "ServiceAccount", name: INSTALL.name, namespace: INSTALL.namespace } as const;

const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" } as const;

function clusterBinding(metadata: Manifest["metadata"], role: string): Manifest {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [SUBJECT],
  };
}

function plain(rules: readonly ExplainedRule[]): readonly JsonObject[] {
  return rules.map(({ why: _why, ...rule }) => rule);
}
