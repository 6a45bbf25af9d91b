import type { JsonObject } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { configMap, definition } from "./manifests.ts";

/** An object without a namespace. */
function object(apiVersion: string, kind: string, name: string, rest: JsonObject): Manifest {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

/** Quantities as people write them; the API server stores each in another form. */
const CPU: readonly (string | number)[] = ["1000m", "0.5", 1, "1", "0.1"];
const MEMORY: readonly string[] = ["1000M", "3072Mi", "1024Ki", "1Gi", "0.5Gi"];

function pick<T>(values: readonly T[], index: number): T | undefined {
  return values[index % values.length];
}

/** A pod template full of what is dropped, filled in or rewritten: nulls, empty maps and lists, ports without a protocol. */
function template(name: string, index: number): JsonObject {
  const amounts = { cpu: pick(CPU, index) ?? "", memory: pick(MEMORY, index) ?? "" };
  const probe = { httpGet: { path: "/", port: index % 2 === 0 ? 8080 : "http" } };
  const app = {
    name: "app",
    image: "registry.example.com/app:1",
    env: [
      { name: "EMPTY", value: "" },
      { name: "BARE" },
      { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    ],
    ports: [{ name: "http", containerPort: 8080 }, { containerPort: 53 }, { containerPort: 53, protocol: "UDP" }],
    resources: index % 3 === 0 ? {} : { requests: amounts, limits: amounts },
    securityContext: {},
    readinessProbe: probe,
    volumeMounts: [],
    args: [],
  };
  const volumes = [
    { name: "scratch", emptyDir: {} },
    { name: "sized", emptyDir: { sizeLimit: "1024Mi" } },
  ];
  const spec = { containers: [app], volumes, nodeSelector: null, tolerations: [], securityContext: {}, affinity: {} };
  return { metadata: { creationTimestamp: null, labels: { app: name }, annotations: {} }, spec };
}

function workload(kind: "Deployment" | "StatefulSet", name: string, index: number): Manifest {
  const rest = {
    Deployment: { strategy: {}, rollingUpdate: undefined },
    StatefulSet: {
      serviceName: name,
      volumeClaimTemplates: [
        {
          metadata: { name: "data", creationTimestamp: null },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1024Mi" } } },
        },
      ],
    },
  }[kind];
  const selector = { matchLabels: { app: name } };
  return object("apps/v1", kind, name, {
    spec: { replicas: 0, selector, template: template(name, index), ...rest },
    status: {},
  });
}

function webhooks(kind: "Mutating" | "Validating", name: string): Manifest {
  const hook = {
    name: "hook.example.com",
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Ignore",
    // Whoever injects the authority writes it here.
    clientConfig: { service: { name: "hook", namespace: "nowhere" }, caBundle: "" },
    rules: [{ apiGroups: ["nothing.example.com"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] }],
  };
  return object("admissionregistration.k8s.io/v1", `${kind}WebhookConfiguration`, name, { webhooks: [hook] });
}

/** The definition of the kind "Hard", whose objects have numbers that may be texts, and defaults. */
export function hardDefinition(): Manifest {
  const amount = { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] };
  const ports = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    items: {
      type: "object",
      required: ["port"],
      properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" } },
    },
  };
  const spec = {
    type: "object",
    properties: {
      amount,
      ports,
      mode: { type: "string", default: "slow" },
      free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    },
  };
  const base = definition("hards", "Hard");
  const schema = { openAPIV3Schema: { type: "object", properties: { spec } } };
  return {
    ...base,
    spec: { ...(base["spec"] as JsonObject), versions: [{ name: "v1", served: true, storage: true, schema }] },
  };
}

/** As many objects as asked for, of the kinds that other engines write again and again; `prefix` makes cluster-wide names unique. */
export function hardObjects(count: number, prefix: string): readonly Manifest[] {
  const makers: readonly ((name: string, index: number) => Manifest)[] = [
    (name, index) => workload("Deployment", name, index),
    (name, index) => workload("StatefulSet", name, index),
    (name) => configMap(name, { empty: "", number: "1000m" }),
    (name) => object("v1", "ConfigMap", name, { data: null, binaryData: {} }),
    (name) => object("v1", "Secret", name, { stringData: { key: "value", empty: "" }, data: { other: "dg==" } }),
    (name) =>
      object("v1", "Service", name, {
        spec: {
          selector: { app: name },
          ports: [
            { name: "web", port: 80, targetPort: "http" },
            { name: "dns", port: 53, protocol: "UDP" },
          ],
          externalIPs: [],
        },
      }),
    (name) =>
      object("rbac.authorization.k8s.io/v1", "ClusterRole", `${prefix}-${name}`, {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { aggregate: name } }] },
        rules: [],
      }),
    (name) => webhooks("Mutating", `${prefix}-${name}`),
    (name) => webhooks("Validating", `${prefix}-${name}`),
    (name) =>
      object("autoscaling/v2", "HorizontalPodAutoscaler", name, {
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: `hard-${Number(name.slice(5)) - 9}` },
          maxReplicas: 3,
          metrics: [
            {
              type: "Resource",
              resource: { name: "memory", target: { type: "AverageValue", averageValue: "1024Mi" } },
            },
            { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
          ],
        },
      }),
    (name, index) => object("batch/v1", "Job", name, { spec: { suspend: true, template: job(name, index) } }),
    (name, index) =>
      object("batch/v1", "CronJob", name, {
        spec: {
          schedule: "0 0 1 1 *",
          suspend: true,
          jobTemplate: { metadata: {}, spec: { template: job(name, index) } },
        },
      }),
    (name) => object("policy/v1", "PodDisruptionBudget", name, { spec: { minAvailable: "50%", selector: {} } }),
    (name) =>
      object("networking.k8s.io/v1", "NetworkPolicy", name, {
        spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }, { port: "http" }], from: [] }], egress: [{}] },
      }),
    (name) =>
      object("networking.k8s.io/v1", "Ingress", name, {
        spec: {
          rules: [
            {
              host: "",
              http: {
                paths: [{ pathType: "Prefix", path: "/", backend: { service: { name, port: { number: 80 } } } }],
              },
            },
          ],
        },
      }),
    (name) =>
      object("rbac.authorization.k8s.io/v1", "RoleBinding", name, {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [
          { kind: "User", name: "somebody" },
          { kind: "ServiceAccount", name: "app", namespace: "elsewhere" },
        ],
      }),
    (name) =>
      object("v1", "LimitRange", name, {
        spec: { limits: [{ type: "Container", default: { cpu: 1, memory: "1000M" } }] },
      }),
    (name, index) =>
      object("example.com/v1", "Hard", name, {
        spec: {
          amount: index % 2 === 0 ? 1 : "1",
          ports: [{ port: 80 }, { port: 80, protocol: "UDP" }],
          free: { n: null, o: {}, a: [], f: 0.5 },
        },
      }),
    (name) => object("v1", "ServiceAccount", name, { secrets: [], imagePullSecrets: [{ name: "pull" }] }),
    (name) =>
      object("v1", "PersistentVolumeClaim", name, {
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "1024Mi" } },
          storageClassName: "none",
        },
      }),
  ];
  return Array.from({ length: count }, (_, index) => {
    const make = makers[index % makers.length];
    if (make === undefined) throw new Error("no maker");
    return make(`hard-${index}`, Math.floor(index / makers.length));
  });
}

function job(name: string, index: number): JsonObject {
  const { metadata, spec } = template(name, index) as { readonly metadata: JsonObject; readonly spec: JsonObject };
  return { metadata, spec: { ...spec, restartPolicy: "Never" } };
}
