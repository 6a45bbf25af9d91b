import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { object, when } from "../../testing/liveObject.ts";
import { health } from "./health.ts";

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
])("%s", (_sentence, one, kind) => {
  expect(health(one).kind).toBe(kind);
});
