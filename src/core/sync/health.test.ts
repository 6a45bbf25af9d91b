import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { health } from "./health.ts";

const object = (apiVersion: string, kind: string, rest: JsonObject = {}, metadata: JsonObject = {}): Manifest => ({
  ...rest,
  apiVersion,
  kind,
  metadata: { name: "x", namespace: "n", generation: 2, ...metadata } as Manifest["metadata"],
});
const when = (type: string, status = "True", reason = "R", rest: JsonObject = {}): JsonObject => ({
  type,
  status,
  reason,
  message: `${type} is ${status}`,
  ...rest,
});
const custom = (status: JsonObject, metadata: JsonObject = {}) => object("x.dev/v1", "Boat", { status }, metadata);

test.each<[string, Manifest, string, string]>([
  [
    "an object on its way out",
    custom({}, { deletionTimestamp: "t", finalizers: ["a.dev/f"] }),
    "Terminating",
    "is being deleted; it waits for the finalizers a.dev/f",
  ],
  [
    "a generation not seen yet",
    custom({ observedGeneration: 1, conditions: [when("Ready")] }),
    "InProgress",
    "its controller has not seen the latest change",
  ],
  ["a kind without any status", object("v1", "ConfigMap"), "Current", ""],
  ["a status without known conditions", custom({ conditions: [when("Odd", "False")] }), "Current", ""],
  ["ready", custom({ observedGeneration: 2, conditions: [when("Ready")] }), "Current", ""],
  ["not ready", custom({ conditions: [when("Ready", "False")] }), "InProgress", "Ready is False"],
  ["readiness unknown", custom({ conditions: [when("Ready", "Unknown")] }), "InProgress", "Ready is Unknown"],
  [
    "ready at an earlier generation",
    custom({ conditions: [when("Ready", "True", "R", { observedGeneration: 1 })] }),
    "InProgress",
    "its controller has not seen the latest change",
  ],
  ["reconciling", custom({ conditions: [when("Reconciling"), when("Ready")] }), "InProgress", "Reconciling is True"],
  ["stalled", custom({ conditions: [when("Stalled"), when("Ready", "False")] }), "Failed", "Stalled is True"],
])("by the conventions: %s", (_sentence, one, kind, message) => {
  expect(health(one)).toEqual({ kind, message });
});

const full = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
const fine = [when("Progressing", "True", "NewReplicaSetAvailable"), when("Available")];
const deployment = (status: JsonObject | undefined, spec: JsonObject = { replicas: 3 }) =>
  object("apps/v1", "Deployment", status === undefined ? { spec } : { spec, status });

test.each<[string, Manifest, string, string]>([
  ["complete", deployment({ ...full, conditions: fine }), "Current", ""],
  ["complete without a deadline", deployment({ ...full, conditions: [when("Available")] }), "Current", ""],
  ["just created", deployment(undefined), "InProgress", "its controller has not looked at it yet"],
  [
    "being replaced",
    deployment({ ...full, updatedReplicas: 1, conditions: fine }),
    "InProgress",
    "its pods are being replaced",
  ],
  [
    "with former pods",
    deployment({ ...full, replicas: 4, conditions: fine }),
    "InProgress",
    "its former pods are being stopped",
  ],
  [
    "with pods that aren't ready",
    deployment({ ...full, availableReplicas: 2, conditions: fine }),
    "InProgress",
    "not all of its 3 pods are ready",
  ],
  [
    "not available",
    deployment({ ...full, conditions: [when("Available", "False")] }),
    "InProgress",
    "is not available",
  ],
  [
    "past its deadline",
    deployment({ ...full, updatedReplicas: 1, conditions: [when("Progressing", "False", "ProgressDeadlineExceeded")] }),
    "Failed",
    "its pods did not become ready within its deadline",
  ],
  [
    "refused by a quota",
    deployment({ observedGeneration: 2, conditions: [when("ReplicaFailure")] }),
    "InProgress",
    "cannot create pods: ReplicaFailure is True",
  ],
  [
    "paused",
    deployment(
      { ...full, updatedReplicas: 0, conditions: [when("Progressing", "Unknown", "DeploymentPaused")] },
      { paused: true },
    ),
    "InProgress",
    "spec.paused is set on it",
  ],
  [
    "without replicas in its spec",
    deployment({ observedGeneration: 2, replicas: 1, updatedReplicas: 1 }, {}),
    "InProgress",
    "its pod is not ready",
  ],
  ["taken over by a rollout", deployment({ observedGeneration: 2 }, { replicas: 0 }), "Current", ""],
  [
    "taken over past a deadline",
    deployment(
      { observedGeneration: 2, conditions: [when("Progressing", "False", "ProgressDeadlineExceeded")] },
      { replicas: 0 },
    ),
    "Current",
    "",
  ],
  [
    "being taken over",
    deployment({ observedGeneration: 2, replicas: 2 }, { replicas: 0 }),
    "InProgress",
    "its pods are being stopped",
  ],
])("a Deployment %s", (_sentence, one, kind, message) => {
  expect(health(one)).toEqual({ kind, message });
});

const set = (status: JsonObject, spec: JsonObject = {}) =>
  object("apps/v1", "StatefulSet", { spec: { replicas: 3, ...spec }, status });
const revisions = { currentRevision: "a", updateRevision: "a" };
const daemons = {
  observedGeneration: 2,
  desiredNumberScheduled: 2,
  currentNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberReady: 2,
  numberAvailable: 2,
};
const rolling = (partition: number) => ({ updateStrategy: { rollingUpdate: { partition } } });

test.each<[string, Manifest, string]>([
  ["a StatefulSet that is complete", set({ ...full, ...revisions }), "Current"],
  ["a StatefulSet between revisions", set({ ...full, ...revisions, updateRevision: "b" }), "InProgress"],
  ["a StatefulSet with an unready pod", set({ ...full, ...revisions, readyReplicas: 2 }), "InProgress"],
  [
    "a StatefulSet within its partition",
    set({ ...full, updatedReplicas: 1, updateRevision: "b" }, rolling(2)),
    "Current",
  ],
  [
    "a StatefulSet short of its partition",
    set({ ...full, updatedReplicas: 0, updateRevision: "b" }, rolling(2)),
    "InProgress",
  ],
  ["a StatefulSet that is updated by hand", set({}, { updateStrategy: { type: "OnDelete" } }), "Current"],
  ["a DaemonSet on every node", object("apps/v1", "DaemonSet", { status: daemons }), "Current"],
  [
    "a DaemonSet for no node",
    object("apps/v1", "DaemonSet", { status: { observedGeneration: 2, desiredNumberScheduled: 0 } }),
    "Current",
  ],
  [
    "a DaemonSet not on every node",
    object("apps/v1", "DaemonSet", { status: { ...daemons, numberReady: 1 } }),
    "InProgress",
  ],
  ["a DaemonSet that nobody has seen", object("apps/v1", "DaemonSet", { status: {} }), "InProgress"],
  [
    "a ReplicaSet",
    object("apps/v1", "ReplicaSet", { spec: { replicas: 3 }, status: { ...full, fullyLabeledReplicas: 3 } }),
    "Current",
  ],
  ["a Job that is done", object("batch/v1", "Job", { status: { conditions: [when("Complete")] } }), "Current"],
  ["a Job that runs", object("batch/v1", "Job", { status: { active: 1, startTime: "t" } }), "InProgress"],
  ["a Job that failed", object("batch/v1", "Job", { status: { conditions: [when("Failed")] } }), "Failed"],
  ["a Job that is suspended", object("batch/v1", "Job", { spec: { suspend: true } }), "Current"],
  ["a CronJob", object("batch/v1", "CronJob", { status: {} }), "Current"],
  ["a Pod that runs", object("v1", "Pod", { status: { phase: "Running", conditions: [when("Ready")] } }), "Current"],
  [
    "a Pod that isn't ready",
    object("v1", "Pod", { status: { phase: "Running", conditions: [when("Ready", "False")] } }),
    "InProgress",
  ],
  ["a Pod that succeeded", object("v1", "Pod", { status: { phase: "Succeeded" } }), "Current"],
  ["a Pod that failed", object("v1", "Pod", { status: { phase: "Failed", reason: "Evicted" } }), "Failed"],
  [
    "a Pod that crashes",
    object("v1", "Pod", {
      status: {
        phase: "Running",
        containerStatuses: [{ name: "c", state: { waiting: { reason: "CrashLoopBackOff" } } }],
      },
    }),
    "Failed",
  ],
  [
    "a Pod that fits nowhere",
    object("v1", "Pod", { status: { phase: "Pending", conditions: [when("PodScheduled", "False")] } }),
    "InProgress",
  ],
  ["a claim that is bound", object("v1", "PersistentVolumeClaim", { status: { phase: "Bound" } }), "Current"],
  [
    "a claim that waits for its consumer",
    object("v1", "PersistentVolumeClaim", { status: { phase: "Pending" } }),
    "Current",
  ],
  ["a claim that lost its volume", object("v1", "PersistentVolumeClaim", { status: { phase: "Lost" } }), "Failed"],
  ["a volume that failed", object("v1", "PersistentVolume", { status: { phase: "Failed" } }), "Failed"],
  [
    "a CRD that is served",
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", {
      status: { conditions: [when("NamesAccepted"), when("Established")] },
    }),
    "Current",
  ],
  ["a CRD that isn't served yet", object("apiextensions.k8s.io/v1", "CustomResourceDefinition"), "InProgress"],
  [
    "a CRD whose names are taken",
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", {
      status: { conditions: [when("NamesAccepted", "False")] },
    }),
    "Failed",
  ],
  [
    "an HPA that scales",
    object("autoscaling/v2", "HorizontalPodAutoscaler", {
      status: { conditions: [when("AbleToScale"), when("ScalingActive")] },
    }),
    "Current",
  ],
  [
    "an HPA of something at 0",
    object("autoscaling/v2", "HorizontalPodAutoscaler", {
      status: { conditions: [when("ScalingActive", "False", "ScalingDisabled")] },
    }),
    "Current",
  ],
  [
    "an HPA without metrics",
    object("autoscaling/v2", "HorizontalPodAutoscaler", {
      status: { conditions: [when("ScalingActive", "False", "FailedGetResourceMetric")] },
    }),
    "InProgress",
  ],
  [
    "an HPA with a wrong metric",
    object("autoscaling/v2", "HorizontalPodAutoscaler", {
      status: { conditions: [when("ScalingActive", "False", "InvalidMetricSourceType")] },
    }),
    "Failed",
  ],
  [
    "a PDB that is kept",
    object("policy/v1", "PodDisruptionBudget", { status: { expectedPods: 3, currentHealthy: 2, desiredHealthy: 2 } }),
    "Current",
  ],
  [
    "a PDB that is not",
    object("policy/v1", "PodDisruptionBudget", { status: { expectedPods: 3, currentHealthy: 1, desiredHealthy: 2 } }),
    "InProgress",
  ],
  [
    "a PDB of no pods",
    object("policy/v1", "PodDisruptionBudget", { status: { expectedPods: 0, currentHealthy: 0, desiredHealthy: 1 } }),
    "Current",
  ],
  ["a Service", object("v1", "Service", { spec: { type: "ClusterIP" } }), "Current"],
  ["a load balancer without address", object("v1", "Service", { spec: { type: "LoadBalancer" } }), "InProgress"],
  [
    "a load balancer",
    object("v1", "Service", {
      spec: { type: "LoadBalancer" },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
    }),
    "Current",
  ],
  ["an Ingress", object("networking.k8s.io/v1", "Ingress", { status: { loadBalancer: {} } }), "Current"],
  [
    "an APIService that doesn't answer",
    object("apiregistration.k8s.io/v1", "APIService", { status: { conditions: [when("Available", "False")] } }),
    "InProgress",
  ],
  [
    "a Gateway that is programmed",
    object("gateway.networking.k8s.io/v1", "Gateway", {
      status: { conditions: [when("Accepted"), when("Programmed")] },
    }),
    "Current",
  ],
  [
    "a Gateway that is accepted only",
    object("gateway.networking.k8s.io/v1", "Gateway", { status: { conditions: [when("Accepted")] } }),
    "InProgress",
  ],
])("%s", (_sentence, one, kind) => {
  expect(health(one).kind).toBe(kind);
});

const report = (parentRef: JsonObject, observedGeneration: number, resolved = "True"): JsonObject => ({
  parentRef,
  conditions: [
    when("Accepted", "True", "R", { observedGeneration }),
    when("ResolvedRefs", resolved, "R", { observedGeneration }),
  ],
});
const route = (parents: readonly JsonObject[], parentRefs: readonly JsonObject[] = [{ name: "gw" }]) =>
  object("gateway.networking.k8s.io/v1", "HTTPRoute", { spec: { parentRefs }, status: { parents } });
const gw = { group: "gateway.networking.k8s.io", kind: "Gateway", namespace: "n", name: "gw" };

test.each<[string, Manifest, string, string]>([
  ["accepted at its generation", route([report(gw, 2)]), "Current", ""],
  [
    "accepted at an earlier generation",
    route([report(gw, 1)]),
    "InProgress",
    "Gateway gw has not seen the latest change",
  ],
  ["not reported by its parent", route([]), "InProgress", "Gateway gw has not accepted it yet"],
  [
    "reported by another parent only",
    route([report({ ...gw, name: "other" }, 2)]),
    "InProgress",
    "Gateway gw has not accepted it yet",
  ],
  [
    "accepted by one listener of two",
    route(
      [report({ ...gw, sectionName: "a" }, 2)],
      [
        { name: "gw", sectionName: "a" },
        { name: "gw", sectionName: "b" },
      ],
    ),
    "InProgress",
    "Gateway gw has not accepted it yet",
  ],
  [
    "with a backend that isn't found",
    route([report(gw, 2, "False")]),
    "InProgress",
    "Gateway gw reports it as not ResolvedRefs: ResolvedRefs is False",
  ],
  ["without parents", route([], []), "Current", ""],
])("a route %s", (_sentence, one, kind, message) => {
  expect(health(one)).toEqual({ kind, message });
});

const rollout = (status: JsonObject) => object("fairlead.dev/v1alpha1", "ProgressiveRollout", { status });
test.each<[string, Manifest, string]>([
  ["at rest", rollout({ observedGeneration: 2, conditions: [when("Ready")] }), "Current"],
  ["that nobody has seen", object("fairlead.dev/v1alpha1", "ProgressiveRollout"), "InProgress"],
  [
    "with a word about an earlier generation",
    rollout({ observedGeneration: 1, conditions: [when("Ready")] }),
    "InProgress",
  ],
  [
    "under way",
    rollout({ observedGeneration: 2, conditions: [when("Ready", "Unknown"), when("Reconciling")] }),
    "InProgress",
  ],
  [
    "that was rejected",
    rollout({ observedGeneration: 2, conditions: [when("Ready", "False"), when("Stalled")] }),
    "Failed",
  ],
])("a ProgressiveRollout %s", (_sentence, one, kind) => {
  expect(health(one).kind).toBe(kind);
});
