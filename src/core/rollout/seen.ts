import type { Cursor, Origin } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutSpec } from "../../api/v1alpha1/progressiverollout.ts";
import type { Because } from "./because.ts";
import type { JobSeen } from "./checks.ts";
import type { PreviewSeen } from "./preview.ts";
import { plain, type RouteSeen, reaches, sameSaid, type Word, weightOf, wordOf } from "./routes/word.ts";
import { matches, overlaidSelector, SERVING } from "./selection.ts";
import { shareOf } from "./sizes.ts";
import type { Turn } from "./turns.ts";

/** A pod of a revision, or of the taken-over Deployment (then `revision` is absent). */
export interface PodSeen {
  readonly name: string;
  readonly uid: string;
  readonly revision?: string;
  /** Ready by its own condition and not being deleted. */
  readonly ready: boolean;
  /** Since when it is ready, in epoch milliseconds. */
  readonly readySince?: number;
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
  /** Why some of its pods are not made: a quota, or an admission that refuses them. */
  readonly refused?: string;
  /** Copies of its configuration do not go with it yet. */
  readonly unowned?: true;
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

/** What an autoscaler measures: something that moves with the requests, or memory, which does not. */
export type Autoscaled = "Load" | "Memory";

/** All the evidence that a decision is made from: nothing else is looked at. */
export interface Seen {
  readonly spec: RolloutSpec;
  /** The resource is being deleted. */
  readonly deleting: boolean;
  readonly cursor: Cursor | undefined;
  readonly workload: WorkloadSeen | undefined;
  readonly service: ServiceSeen | undefined;
  /** Since when this operator looks on, in epoch milliseconds: no deadline runs while nobody does. */
  readonly watchedSince: number;
  /** The commit that the Deployment's sync stands at; absent where no sync applies it. */
  readonly origin?: Origin;
  /** A commit is being applied: some of what it says may not be there yet. */
  readonly arriving: boolean;
  /** What a HorizontalPodAutoscaler looks at that says how many replicas there are: then Git's number counts for nothing. */
  readonly autoscaled: Autoscaled | undefined;
  readonly revisions: readonly RevisionSeen[];
  readonly pods: readonly PodSeen[];
  readonly previews: readonly PreviewSeen[];
  /** The routes that the rollout names, and any other one that still has requests for its revisions. */
  readonly routes: readonly RouteSeen[];
  /** Why no new revision may be taken in: wrong input that only Git can mend. A way back is never held up by it. */
  readonly problem?: Because;
  /** The Jobs of the rollout's checks. */
  readonly jobs: readonly JobSeen[];
  /** Why checks cannot run, by their names. */
  readonly unfitChecks: ReadonlyMap<string, string>;
  /** Where the rollout stands among those of its namespace; absent: the namespace has no limit. */
  readonly turn?: Turn;
  /** Names of the pods that the Service's endpoints have as ready. */
  readonly endpoints: ReadonlySet<string>;
  /** The same for the revisions' own Services, by revision. */
  readonly ownEndpoints: ReadonlyMap<string, ReadonlySet<string>>;
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

/** The share that a revision has now, in percent: what the routes give it at most, else its part of the serving pods. */
export function shareNow(seen: Seen, revision: string): number {
  if (isRouted(seen)) return Math.max(...seen.routes.map(({ said }) => weightOf(said, revision)), 0);
  const all = seen.pods.filter(({ name }) => seen.endpoints.has(name)).length;
  const own = endpointsOf(seen, revision);
  return shareOf(own, all - own);
}

/** The marked pods of a Deployment that is being handed back. */
export function workloadPods(seen: Seen): readonly PodSeen[] {
  return seen.pods.filter((pod) => pod.revision === undefined && !pod.terminating);
}

/** Tells whether a pod carries the mark under which the Service selects it. */
export function isServing(pod: PodSeen): boolean {
  return pod.labels[Mark.serving] === SERVING;
}

/** Tells whether routes split the requests; else pods of both tracks share the Service. */
export function isRouted(seen: Seen): boolean {
  return seen.spec.routeRefs.length > 0;
}

/** What a route is to say: the cursor's word where the rollout names it, else what Git says. */
export function wordFor(seen: Seen, cursor: Cursor, { kind, name, cramped }: RouteSeen): Word | "Git" {
  const named = seen.spec.routeRefs.some((ref) => ref.kind === kind && ref.name === name);
  const word = named ? wordOf(cursor, seen.spec) : "Git";
  return word === "Git" || !cramped ? word : plain(word);
}

/**
 * Pods of a revision that routes may be pointed at: endpoints of its own Service that have been ready for the settle time.
 * A gateway may hear of a new route long before it hears of the endpoints behind it.
 */
export function routableOf(seen: Seen, revision: string, now: number): number {
  const own = seen.ownEndpoints.get(revision);
  const settled = now - seen.spec.settleSeconds * 1_000;
  return seen.pods.filter(
    (pod) => pod.revision === revision && pod.ready && own?.has(pod.name) && (pod.readySince ?? now) <= settled,
  ).length;
}

/**
 * Tells whether requests go where the cursor says, and nowhere else: selector and routes are the wanted ones, gateways
 * follow them, and no endpoint is a pod that should not be one.
 */
export function trafficInPlace(seen: Seen, cursor: Cursor): boolean {
  if (seen.service === undefined) return false;
  const wanted = overlaidSelector(seen.service.selector, cursor.selection);
  const live = seen.service.selector;
  if (Object.keys(live).length !== Object.keys(wanted).length || !matches(wanted, live)) return false;
  if (!seen.pods.every((pod) => !seen.endpoints.has(pod.name) || matches(wanted, pod.labels))) return false;
  if (isRouted(seen) && !seen.pods.every((pod) => !isOwnEndpoint(seen, pod) || isServing(pod))) return false;
  return seen.routes.every((route) => {
    const word = wordFor(seen, cursor, route);
    // A route is given back to a Service with the same pods: nothing hangs on its gateway any more.
    return sameSaid(route.said, word) && (word === "Git" || route.waits === undefined);
  });
}

/** Tells whether a pod is an endpoint of its revision's own Service. */
export function isOwnEndpoint(seen: Seen, { name, revision }: PodSeen): boolean {
  return revision !== undefined && (seen.ownEndpoints.get(revision)?.has(name) ?? false);
}

/** Tells whether a route may bring requests to a pod, by what the cursor wants or by what is live. */
export function isRoutedTo(seen: Seen, cursor: Cursor, pod: PodSeen): boolean {
  const { revision } = pod;
  if (revision === undefined || !isOwnEndpoint(seen, pod)) return false;
  return [wordOf(cursor, seen.spec), ...seen.routes.map(({ said }) => said)].some((said) => reaches(said, revision));
}
