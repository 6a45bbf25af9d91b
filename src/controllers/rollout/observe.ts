import { at, isObject, type Json, listAt, numberAt, stringAt } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type ProgressiveRollout, parseRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { type Because, because } from "../../core/rollout/because.ts";
import { rivalOf } from "../../core/rollout/driver.ts";
import { type CommitNamed, originOf } from "../../core/rollout/origin.ts";
import { scales } from "../../core/rollout/overlay.ts";
import { type Digest, RESTARTED_AT, templateIdentity } from "../../core/rollout/revision.ts";
import type { Autoscaled, PodSeen, RevisionSeen, Seen, WorkloadSeen } from "../../core/rollout/seen.ts";
import { baseSelector, matches } from "../../core/rollout/selection.ts";
import { ownerOf, type SyncName } from "../../core/sync/owner.ts";
import { type RolloutCaches, SERVICE_NAME, split } from "./caches.ts";
import { unowned } from "./copies.ts";
import { jobsOf, unfitChecks } from "./observeChecks.ts";
import { type ConfigSources, configProblem, hashOf, identityOf, revisionOf, templateInGit } from "./observeConfig.ts";
import { previewsOf, previewTaken } from "./observePreviews.ts";
import { routeProblem, routesOf } from "./observeRoutes.ts";
import type { Observed } from "./reconcile.ts";

/** Where the evidence comes from. */
export interface Sources {
  readonly caches: RolloutCaches;
  readonly digest: Digest;
  /** Tells whether a sync has a commit of which not everything that rollouts look at is applied yet. */
  readonly arriving: (sync: SyncName) => boolean;
  /** The commit that a sync stands at. */
  readonly commitOf: (sync: SyncName) => CommitNamed | undefined;
  /** Since when this operator looks on, in epoch milliseconds. */
  readonly watchedSince: number;
}

/** Gathers all the evidence about one rollout. undefined: it is gone. */
export function observeRollout(sources: Sources, key: Key): Observed | undefined {
  const { caches, digest, arriving, commitOf, watchedSince } = sources;
  const object = caches.rollouts.get(key);
  if (object === undefined) return undefined;
  const rollout = parseRollout(object);
  const [namespace, name] = split(key);
  const workload = caches.deployments.get(`${namespace}/${rollout.spec.workloadRef.name}`);
  const service = caches.services.get(`${namespace}/${rollout.spec.serviceRef.name}`);
  const revisions = revisionsOf(caches, namespace, name);
  const selector = at(service, "spec", "selector");
  const owner = workload === undefined ? undefined : ownerOf(workload);
  const commit = owner === undefined ? undefined : commitOf(owner);
  const seen: Seen = {
    spec: rollout.spec,
    deleting: object.metadata.deletionTimestamp !== undefined,
    cursor: rollout.status.rollout,
    workload:
      workload === undefined ? undefined : seeWorkload({ caches, spec: rollout.spec }, workload, revisions, digest),
    service:
      service === undefined ? undefined : { selector: isObject(selector) ? (selector as Record<string, string>) : {} },
    watchedSince,
    arriving: owner !== undefined && arriving(owner),
    ...(commit === undefined ? {} : { origin: originOf(commit) }),
    autoscaled: autoscaledBy(caches.autoscalers.list(namespace).filter((one) => drivenBy(one, rollout))),
    revisions: revisions.map((revision) => seeRevision(caches, revision)),
    pods: podsOf(caches, namespace, name, workload),
    previews: previewsOf(caches, namespace, name),
    routes: routesOf(caches, rollout),
    jobs: jobsOf(caches, namespace, name),
    unfitChecks: unfitChecks(caches, rollout, workload, service),
    endpoints: endpointsOf(caches, namespace, rollout.spec.serviceRef.name),
    ownEndpoints: new Map(
      revisions.map((revision) => [hashOf(revision), endpointsOf(caches, namespace, revision.metadata.name)]),
    ),
  };
  const problem =
    conflict(caches, rollout) ??
    selectsNothing(rollout, workload, seen) ??
    previewTaken(caches, rollout) ??
    routeProblem(caches, rollout) ??
    configProblem({ caches, spec: rollout.spec }, workload);
  return { rollout, seen: problem === undefined ? seen : { ...seen, problem } };
}

function autoscaledBy(autoscalers: readonly Manifest[]): Autoscaled | undefined {
  if (autoscalers.length === 0) return undefined;
  const metrics = autoscalers.flatMap((one) => listAt(one, "spec", "metrics"));
  const names = metrics.flatMap((metric) =>
    ["resource", "containerResource"].map((kind) => stringAt(metric, kind, "name")),
  );
  return names.includes("memory") ? "Memory" : "Load";
}

/** Tells whether an autoscaler scales the rollout, or will once its target is moved there. */
function drivenBy(autoscaler: Manifest, { object, spec }: ProgressiveRollout): boolean {
  const target = at(autoscaler, "spec", "scaleTargetRef");
  const direct = stringAt(target, "kind") === object.kind && stringAt(target, "name") === object.metadata.name;
  return direct || scales(autoscaler, spec.workloadRef.name);
}

/** The Deployments of a rollout's revisions. */
export function revisionsOf(caches: RolloutCaches, namespace: string, name: string): readonly Manifest[] {
  return caches.deployments
    .list(namespace)
    .filter(({ metadata: { labels } }) => labels?.[Mark.rollout] === name)
    .filter(({ metadata: { labels } }) => labels?.[Mark.revision] !== undefined);
}

function seeWorkload(
  sources: ConfigSources,
  workload: Manifest,
  revisions: readonly Manifest[],
  digest: Digest,
): WorkloadSeen {
  const current = (numberAt(workload, "status", "observedGeneration") ?? 0) >= (workload.metadata.generation ?? 0);
  const said = Number(workload.metadata.annotations?.[Mark.replicas] ?? Number.NaN);
  const restartedAt = stringAt(workload, "spec", "template", "metadata", "annotations", RESTARTED_AT);
  const updated = numberAt(workload, "status", "updatedReplicas") ?? 0;
  return {
    target: revisionOf(sources, workload, revisions, digest),
    identity: identityOf(sources, workload),
    template: templateIdentity(at(workload, "spec", "template")),
    replicas: numberAt(workload, "spec", "replicas") ?? 1,
    ...(Number.isInteger(said) ? { gitReplicas: said } : {}),
    ready: current ? Math.min(updated, numberAt(workload, "status", "readyReplicas") ?? 0) : 0,
    pods: current ? (numberAt(workload, "status", "replicas") ?? 0) : Number.POSITIVE_INFINITY,
    ...(restartedAt === undefined ? {} : { restartedAt }),
  };
}

function seeRevision(caches: RolloutCaches, revision: Manifest): RevisionSeen {
  const restartedAt = stringAt(revision, "spec", "template", "metadata", "annotations", RESTARTED_AT);
  const failing = listAt(revision, "status", "conditions").find((one) => hasStatus(one, "ReplicaFailure", "True"));
  return {
    hash: hashOf(revision),
    template: templateIdentity(templateInGit(revision)),
    replicas: numberAt(revision, "spec", "replicas") ?? 0,
    ...(restartedAt === undefined ? {} : { restartedAt }),
    ...(failing === undefined ? {} : { refused: refusalIn(stringAt(failing, "message") ?? "") }),
    ...(unowned(caches, revision).length === 0 ? {} : { unowned: true }),
  };
}

/** How much of a refusal is told. */
const TOLD = 300;

/** What is refused is a pod of another name at every try: a status that named it would be written as often. */
function refusalIn(message: string): string {
  return message.replace(/^pods "[^"]*" (is forbidden: )?/, "").slice(0, TOLD);
}

/** Pods that have ended, by eviction for example: they stay for long, and no ReplicaSet counts them. */
const OVER: ReadonlySet<string> = new Set(["Failed", "Succeeded"]);

/** Pods of the revisions, and of the Deployment itself: those carry no revision. */
function podsOf(
  caches: RolloutCaches,
  namespace: string,
  name: string,
  workload: Manifest | undefined,
): readonly PodSeen[] {
  const own = at(workload, "spec", "selector", "matchLabels");
  const template = at(workload, "spec", "template", "metadata", "labels");
  // A selector of expressions alone names no labels; its pods carry those of the template.
  const labelled = isObject(own) && Object.keys(own).length > 0 ? own : template;
  const selector = isObject(labelled) ? (labelled as Record<string, string>) : {};
  return caches.pods.list(namespace).flatMap((pod): readonly PodSeen[] => {
    const { metadata } = pod;
    const labels = metadata.labels ?? {};
    const revision = labels[Mark.rollout] === name ? labels[Mark.revision] : undefined;
    if (OVER.has(stringAt(pod, "status", "phase") ?? "")) return [];
    if (revision === undefined && (labels[Mark.revision] !== undefined || !matches(selector, labels))) return [];
    const terminating = metadata.deletionTimestamp !== undefined;
    const condition = terminating
      ? undefined
      : listAt(pod, "status", "conditions").find((one) => hasStatus(one, "Ready", "True"));
    const since = Date.parse(stringAt(condition, "lastTransitionTime") ?? "");
    const seen = {
      name: metadata.name,
      uid: metadata.uid ?? "",
      ready: condition !== undefined,
      ...(Number.isNaN(since) ? {} : { readySince: since }),
      terminating,
      labels,
    };
    return [revision === undefined ? seen : { ...seen, revision }];
  });
}

function hasStatus(condition: Json, type: string, status: string): boolean {
  return stringAt(condition, "type") === type && stringAt(condition, "status") === status;
}

function endpointsOf(caches: RolloutCaches, namespace: string, service: string): ReadonlySet<string> {
  const names = caches.slices
    .list(namespace)
    .filter(({ metadata }) => metadata.labels?.[SERVICE_NAME] === service)
    .flatMap((slice) => listAt(slice, "endpoints"))
    .filter((endpoint) => at(endpoint, "conditions", "ready") !== false)
    .map((endpoint) => stringAt(endpoint, "targetRef", "name") ?? "");
  return new Set(names);
}

function conflict(caches: RolloutCaches, rollout: ProgressiveRollout): Because | undefined {
  const rival = rivalOf(rollout.object, caches.rollouts.list(rollout.object.metadata.namespace ?? ""));
  if (rival === undefined) return undefined;
  const { workloadRef, serviceRef } = rollout.spec;
  const message = `ProgressiveRollout ${rival.metadata.name} already drives Deployment ${workloadRef.name} or Service ${serviceRef.name}`;
  return because("TargetConflict", message, "remove one of the two from Git, or let them name different objects");
}

function selectsNothing(rollout: ProgressiveRollout, workload: Manifest | undefined, seen: Seen): Because | undefined {
  if (workload === undefined || seen.service === undefined) return undefined;
  const labels = at(workload, "spec", "template", "metadata", "labels");
  const base = baseSelector(seen.service.selector);
  if (matches(base, isObject(labels) ? (labels as Record<string, string>) : {})) return undefined;
  const selector = Object.entries(base).map(([key, value]) => `${key}=${value}`);
  const said = selector.length === 0 ? "no selector" : `the selector ${selector.join(",")}`;
  return because(
    "ServiceSelectsNothing",
    `Service ${rollout.spec.serviceRef.name} has ${said}, which does not match the pods of Deployment ${rollout.spec.workloadRef.name}`,
    "correct spec.selector of the Service or the labels of the pod template",
  );
}
