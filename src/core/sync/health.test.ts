import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { object, when } from "../../testing/liveObject.ts";
import { health } from "./health.ts";

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

test.each<[string, Manifest, string]>([
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
  [
    "an APIService that doesn't answer",
    object("apiregistration.k8s.io/v1", "APIService", { status: { conditions: [when("Available", "False")] } }),
    "InProgress",
  ],
])("%s", (_sentence, one, kind) => {
  expect(health(one).kind).toBe(kind);
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
