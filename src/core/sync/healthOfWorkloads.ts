import { at, isObject, listAt, numberAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { count } from "../status/text.ts";
import { current, failed, type Health, inProgress, readCondition } from "./healthOf.ts";

/** The rules of the kinds that run pods, by `group/Kind`. */
export const workloads: readonly (readonly [string, (object: Manifest) => Health])[] = [
  ["apps/Deployment", deployment],
  ["apps/StatefulSet", statefulSet],
  ["apps/DaemonSet", daemonSet],
  ["apps/ReplicaSet", replicaSet],
  ["batch/Job", job],
  ["/Pod", pod],
];

const UNSEEN = "its controller has not looked at it yet";

function status(object: Manifest, field: string): number {
  return numberAt(object, "status", field) ?? 0;
}

function unseen(object: Manifest): boolean {
  return numberAt(object, "status", "observedGeneration") === undefined;
}

/** A Deployment that a rollout has taken over stands at 0 replicas: it is current as soon as none is left. */
function deployment(object: Manifest): Health {
  if (unseen(object)) return inProgress(UNSEEN);
  const want = numberAt(object, "spec", "replicas") ?? 1;
  if (want === 0) return status(object, "replicas") > 0 ? inProgress("its pods are being stopped") : current();
  const progressing = readCondition(object, "Progressing");
  if (progressing.reason === "ProgressDeadlineExceeded")
    return failed("its pods did not become ready within its deadline");
  if (at(object, "spec", "paused") === true && progressing.reason === "DeploymentPaused") {
    return inProgress("spec.paused is set on it");
  }
  const refused = readCondition(object, "ReplicaFailure");
  if (refused.kind === "True") return inProgress(`cannot create pods: ${refused.message}`);
  if (status(object, "updatedReplicas") < want) return inProgress("its pods are being replaced");
  if (status(object, "replicas") > status(object, "updatedReplicas"))
    return inProgress("its former pods are being stopped");
  if (status(object, "availableReplicas") < want || status(object, "readyReplicas") < want) return notReady(want);
  if (progressing.kind !== "Absent" && progressing.reason !== "NewReplicaSetAvailable") {
    return inProgress("its new pods are not all available");
  }
  return readCondition(object, "Available").kind === "True" ? current() : inProgress("is not available");
}

function statefulSet(object: Manifest): Health {
  if (stringAt(object, "spec", "updateStrategy", "type") === "OnDelete") return current();
  if (unseen(object)) return inProgress(UNSEEN);
  const want = numberAt(object, "spec", "replicas") ?? 1;
  const partition = numberAt(object, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  if (status(object, "replicas") > want) return inProgress("its surplus pods are being stopped");
  if (status(object, "replicas") < want || status(object, "readyReplicas") < want) return notReady(want);
  const available = numberAt(object, "status", "availableReplicas");
  if (available !== undefined && available < want) return notReady(want);
  if (partition > 0) {
    return status(object, "updatedReplicas") < want - partition ? inProgress("its pods are being replaced") : current();
  }
  const same = stringAt(object, "status", "currentRevision") === stringAt(object, "status", "updateRevision");
  return same ? current() : inProgress("its pods are being replaced");
}

function daemonSet(object: Manifest): Health {
  const want = numberAt(object, "status", "desiredNumberScheduled");
  if (unseen(object) || want === undefined) return inProgress(UNSEEN);
  const onDelete = stringAt(object, "spec", "updateStrategy", "type") === "OnDelete";
  if (!onDelete && status(object, "updatedNumberScheduled") < want) return inProgress("its pods are being replaced");
  const fields = ["currentNumberScheduled", "numberAvailable", "numberReady"];
  return fields.every((field) => status(object, field) >= want)
    ? current()
    : inProgress("its pods are not ready on every node");
}

function replicaSet(object: Manifest): Health {
  if (unseen(object)) return inProgress(UNSEEN);
  const refused = readCondition(object, "ReplicaFailure");
  if (refused.kind === "True") return inProgress(`cannot create pods: ${refused.message}`);
  const want = numberAt(object, "spec", "replicas") ?? 1;
  if (status(object, "replicas") > want) return inProgress("its surplus pods are being stopped");
  const fields = ["fullyLabeledReplicas", "availableReplicas", "readyReplicas"];
  return fields.every((field) => status(object, field) >= want) ? current() : notReady(want);
}

function job(object: Manifest): Health {
  const failure = readCondition(object, "Failed");
  if (failure.kind === "True") return failed(`has failed: ${failure.message || failure.reason}`);
  if (readCondition(object, "Complete").kind === "True") return current();
  return at(object, "spec", "suspend") === true ? current("spec.suspend is set on it") : inProgress("has not finished");
}

/** Waiting reasons that no time cures. */
const STUCK: readonly string[] = ["CrashLoopBackOff", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"];

function pod(object: Manifest): Health {
  const phase = stringAt(object, "status", "phase");
  if (phase === "Succeeded") return current();
  if (phase === "Failed") return failed(`has failed${words(stringAt(object, "status", "reason"))}`);
  const containers = ["initContainerStatuses", "containerStatuses"].flatMap((list) => listAt(object, "status", list));
  for (const container of containers) {
    const waiting = at(container, "state", "waiting");
    const reason = isObject(waiting) ? stringAt(waiting, "reason") : undefined;
    if (reason !== undefined && STUCK.includes(reason)) {
      return failed(`its container ${stringAt(container, "name") ?? ""} is in ${reason}`);
    }
  }
  const scheduled = readCondition(object, "PodScheduled");
  if (scheduled.kind === "False") return inProgress(`cannot be scheduled${words(scheduled.message)}`);
  return phase === "Running" && readCondition(object, "Ready").kind === "True" ? current() : inProgress("is not ready");
}

function notReady(want: number): Health {
  return inProgress(want === 1 ? "its pod is not ready" : `not all of its ${count(want, "pod")} are ready`);
}

function words(text: string | undefined): string {
  return text === undefined || text === "" ? "" : `: ${text}`;
}
