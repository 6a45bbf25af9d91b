import { listAt, numberAt, stringAt } from "../../api/json.ts";
import { groupOf, type Manifest } from "../../api/objects.ts";
import { some } from "../status/text.ts";
import { current, failed, type Health, inProgress, readCondition } from "./healthOf.ts";
import { routing } from "./healthOfRouting.ts";
import { workloads } from "./healthOfWorkloads.ts";

export type { Health } from "./healthOf.ts";

const OUTDATED = "its controller has not seen the latest change";

/** How objects of a kind tell their health. */
export type Rule = (object: Manifest) => Health;

/** The kinds that have a rule of their own, by `group/Kind`; all others follow the conventions of conditions. */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...workloads,
  ...routing,
  ["/PersistentVolumeClaim", claim],
  ["/PersistentVolume", volume],
  ["apiextensions.k8s.io/CustomResourceDefinition", definition],
  ["autoscaling/HorizontalPodAutoscaler", autoscaler],
  ["policy/PodDisruptionBudget", budget],
  ["apiregistration.k8s.io/APIService", (object) => needs(object, "Available")],
  ["fairlead.dev/ProgressiveRollout", rollout],
]);

/**
 * How a live object is, by the kstatus rules and Fairlead's own where those are silent.
 * The messages hold no count that moves with every pod: a status is written when something changes for a person.
 * `custom` is a rule that the sync brings for the object's kind; deletion and generations are looked at before it.
 */
export function health(object: Manifest, custom?: Rule): Health {
  const { deletionTimestamp, finalizers = [], generation } = object.metadata;
  if (deletionTimestamp !== undefined) {
    const holders = finalizers.length === 0 ? "" : `; it waits for the finalizers ${some(finalizers, 3)}`;
    return { kind: "Terminating", message: `is being deleted${holders}` };
  }
  const observed = numberAt(object, "status", "observedGeneration");
  if (observed !== undefined && generation !== undefined && observed < generation) {
    return inProgress(OUTDATED);
  }
  return (custom ?? RULES.get(`${groupOf(object.apiVersion)}/${object.kind}`) ?? byConditions)(object);
}

/** The rule of custom resources: Reconciling, Stalled, then Ready; whatever has none of them is current once it exists. */
function byConditions(object: Manifest): Health {
  const stalled = readCondition(object, "Stalled");
  const reconciling = readCondition(object, "Reconciling");
  const ready = readCondition(object, "Ready");
  if (reconciling.kind === "True") return inProgress(reconciling.message || "is being reconciled");
  if (stalled.kind === "True") return failed(stalled.message || "is stalled");
  if (ready.kind === "Absent" || ready.kind === "True") return current();
  if (ready.kind === "Outdated") return inProgress(OUTDATED);
  return inProgress(ready.message || "is not ready");
}

/** A rollout's word counts only when it has seen its latest spec; without any word nobody has looked at it yet. */
function rollout(object: Manifest): Health {
  const ready = readCondition(object, "Ready");
  if (numberAt(object, "status", "observedGeneration") === undefined || ready.kind === "Absent") {
    return inProgress("its controller has not looked at it yet");
  }
  const stalled = readCondition(object, "Stalled");
  if (stalled.kind === "True") return failed(stalled.message || "is stalled");
  if (ready.kind === "Outdated") return inProgress(OUTDATED);
  // Its own message counts pods and weights; the reason is what stays the same for a while.
  if (ready.kind === "True") return current();
  const reason = listAt(object, "status", "conditions").find((one) => stringAt(one, "type") === "Ready");
  return inProgress(`is under way (${stringAt(reason, "reason")})`);
}

/** A pending claim must hold nothing up: with WaitForFirstConsumer it waits for a pod that may never come. */
function claim(object: Manifest): Health {
  const phase = stringAt(object, "status", "phase");
  if (phase === "Lost") return failed("lost its volume");
  return current(phase === "Pending" ? "waits for its first consumer or a volume" : "");
}

function volume(object: Manifest): Health {
  return stringAt(object, "status", "phase") === "Failed" ? failed("could not be reclaimed") : current();
}

function definition(object: Manifest): Health {
  const names = readCondition(object, "NamesAccepted");
  if (names.kind === "False") return failed(`its names are taken: ${names.message}`);
  return needs(object, "Established");
}

function autoscaler(object: Manifest): Health {
  const able = readCondition(object, "AbleToScale");
  const active = readCondition(object, "ScalingActive");
  for (const condition of [able, active]) {
    if (condition.kind !== "False" || condition.reason === "ScalingDisabled") continue;
    if (/^Invalid|^AmbiguousSelector/.test(condition.reason)) return failed(condition.message);
    return inProgress(`cannot scale: ${condition.reason}`);
  }
  return current();
}

function budget(object: Manifest): Health {
  const allowed = readCondition(object, "DisruptionAllowed");
  if (allowed.kind === "False" && allowed.reason === "SyncFailed") return failed(allowed.message);
  const expected = numberAt(object, "status", "expectedPods");
  if (expected === undefined) return inProgress("its controller has not looked at it yet");
  const healthy = numberAt(object, "status", "currentHealthy") ?? 0;
  const desired = numberAt(object, "status", "desiredHealthy") ?? 0;
  return expected > 0 && healthy < desired ? inProgress("has fewer healthy pods than it guards") : current();
}

function needs(object: Manifest, type: string): Health {
  const condition = readCondition(object, type);
  if (condition.kind === "True") return current();
  return inProgress(`is not ${type}${condition.message === "" ? "" : `: ${condition.message}`}`);
}
