import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutSpec } from "../../api/v1alpha1/progressiverollout.ts";
import type { Because } from "./because.ts";
import type { PreviewSeen } from "./preview.ts";
import { matches, overlaidSelector, SERVING } from "./selection.ts";

/** A pod of a revision, or of the taken-over Deployment (then `revision` is absent). */
export interface PodSeen {
  readonly name: string;
  readonly uid: string;
  readonly revision?: string;
  /** Ready by its own condition and not being deleted. */
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** A revision's Deployment. */
export interface RevisionSeen {
  readonly hash: string;
  /** The text that its template is known by, without its configuration. */
  readonly template: string;
  /** spec.replicas. */
  readonly replicas: number;
  /** Value of the restart annotation in its template. */
  readonly restartedAt?: string;
}

/** The Deployment that Git knows. */
export interface WorkloadSeen {
  /** The revision that its template is. */
  readonly target: string;
  /** The text that makes the template, with its configuration, that revision. */
  readonly identity: string;
  /** The same of the template alone. */
  readonly template: string;
  /** spec.replicas. */
  readonly replicas: number;
  /** What Git says, when a sync applied it. */
  readonly gitReplicas?: number;
  /** Ready pods by its status, at its current generation; 0 while that is not observed. */
  readonly ready: number;
  /** Pods by its status, at its current generation. Unknown (Infinity) while that is not observed. */
  readonly pods: number;
  readonly restartedAt?: string;
}

/** The callers' Service. */
export interface ServiceSeen {
  readonly selector: Readonly<Record<string, string>>;
}

/** All the evidence that a decision is made from: nothing else is looked at. */
export interface Seen {
  readonly spec: RolloutSpec;
  /** The resource is being deleted. */
  readonly deleting: boolean;
  readonly cursor: Cursor | undefined;
  readonly workload: WorkloadSeen | undefined;
  readonly service: ServiceSeen | undefined;
  /** A commit is being applied: some of what it says may not be there yet. */
  readonly arriving: boolean;
  /** A HorizontalPodAutoscaler says how many replicas there are: then Git's number counts for nothing. */
  readonly autoscaled: boolean;
  readonly revisions: readonly RevisionSeen[];
  readonly pods: readonly PodSeen[];
  readonly previews: readonly PreviewSeen[];
  /** Why no new revision may be taken in: wrong input that only Git can mend. A way back is never held up by it. */
  readonly problem?: Because;
  /** Names of the pods that the Service's endpoints have as ready. */
  readonly endpoints: ReadonlySet<string>;
}

/** Pods of a revision that are ready. */
export function readyOf(seen: Seen, revision: string): number {
  return seen.pods.filter((pod) => pod.revision === revision && pod.ready).length;
}

/** Pods of a revision that exist and are not being deleted. */
export function livePods(seen: Seen, revision: string): readonly PodSeen[] {
  return seen.pods.filter((pod) => pod.revision === revision && !pod.terminating);
}

/** Tells whether the Deployment has the template of a revision, whatever became of the ConfigMaps: all that can be restored. */
export function hasTemplateOf(seen: Seen, revision: string): boolean {
  return seen.revisions.some(({ hash, template }) => hash === revision && template === seen.workload?.template);
}

/**
 * Tells whether a revision has more pods than it was told to have: which of them are about to be stopped is not known,
 * so none of them may be let into the Service until they are gone.
 */
export function isLeaving(seen: Seen, revision: string): boolean {
  return surplusOf(seen, revision) > 0;
}

/** How many pods more a revision has than it was told to have. */
export function surplusOf(seen: Seen, revision: string): number {
  const wanted = seen.revisions.find(({ hash }) => hash === revision)?.replicas;
  return wanted === undefined ? 0 : Math.max(0, livePods(seen, revision).length - wanted);
}

/** Ready endpoints of the Service that are pods of a revision. */
export function endpointsOf(seen: Seen, revision: string): number {
  return seen.pods.filter((pod) => pod.revision === revision && seen.endpoints.has(pod.name)).length;
}

/** The marked pods of a Deployment that is being handed back. */
export function workloadPods(seen: Seen): readonly PodSeen[] {
  return seen.pods.filter((pod) => pod.revision === undefined && !pod.terminating);
}

/** Tells whether a pod carries the mark under which the Service selects it. */
export function isServing(pod: PodSeen): boolean {
  return pod.labels[Mark.serving] === SERVING;
}

/**
 * Tells whether requests go where the cursor's selection says, and nowhere else:
 * the live selector is the wanted one, and no endpoint is a pod that it does not select.
 */
export function trafficInPlace(seen: Seen, cursor: Cursor): boolean {
  if (seen.service === undefined) return false;
  const wanted = overlaidSelector(seen.service.selector, cursor.selection);
  const live = seen.service.selector;
  if (Object.keys(live).length !== Object.keys(wanted).length || !matches(wanted, live)) return false;
  return seen.pods.every((pod) => !seen.endpoints.has(pod.name) || matches(wanted, pod.labels));
}
