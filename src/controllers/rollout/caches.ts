import { isObject, listAt, stringAt } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import { API_VERSION, Mark } from "../../api/v1alpha1/names.ts";
import { configContent } from "../../core/rollout/config.ts";
import { cronJobNames, serviceOf, workloadOf } from "../../core/rollout/driver.ts";
import type { Digest } from "../../core/rollout/revision.ts";
import type { Change, ObjectCache, Watcher } from "../../ports/watch.ts";

/** What the rollouts see of the cluster, kept up to date by watches. */
export interface RolloutCaches {
  readonly rollouts: ObjectCache;
  readonly deployments: ObjectCache;
  readonly services: ObjectCache;
  readonly pods: ObjectCache;
  readonly slices: ObjectCache;
  readonly autoscalers: ObjectCache;
  /** Digests of ConfigMaps, not their data. */
  readonly configMaps: ObjectCache;
  /** The limits that namespaces set, nothing else of them. */
  readonly namespaces: ObjectCache;
  /** The same of Secrets, where the operator may copy them. */
  readonly secrets: ObjectCache | undefined;
  /** Routes of a kind. The watch begins when a rollout first names one: not every cluster serves them. */
  readonly routes: (kind: string) => ObjectCache;
  /** Jobs of checks. */
  readonly jobs: ObjectCache;
  /** One CronJob, watched from when a rollout first names it. */
  readonly cronJob: (namespace: string, name: string) => ObjectCache;
  /** Kinds of routes that are watched by now. */
  readonly routeKinds: () => readonly ObjectCache[];
}

/** The caches that are watched from the start. */
export function eager({
  routes: _routes,
  routeKinds: _kinds,
  cronJob: _cronJob,
  ...caches
}: RolloutCaches): readonly ObjectCache[] {
  return Object.values(caches).filter((cache) => cache !== undefined);
}

const GATEWAY_API = "gateway.networking.k8s.io/v1";

/** Label by which EndpointSlices name their Service. */
export const SERVICE_NAME = "kubernetes.io/service-name";

/** Who is told of changes. */
export interface Listeners {
  readonly wake: (key: Key) => void;
  /** A change may let others of the namespace start, or hold them up. */
  readonly onRollout: (change: Change) => void;
  readonly onLimit: (namespace: string) => void;
}

/** What the watches of the rollouts take. */
export interface WatchParts {
  readonly watcher: Watcher;
  readonly digest: Digest;
  /** Whether the operator may copy Secrets: only then they are watched. */
  readonly copySecrets: boolean;
}

/** Starts the watches; every change wakes the rollouts that it may concern. */
export function watchRollouts(
  { watcher, digest, copySecrets }: WatchParts,
  { wake, onRollout, onLimit }: Listeners,
  signal: AbortSignal,
): RolloutCaches {
  const inNamespace = (namespace: string, concerns: (rollout: Manifest) => boolean) => {
    for (const rollout of rollouts.list(namespace)) {
      if (concerns(rollout)) wake(`${namespace}/${rollout.metadata.name}`);
    }
  };
  const ofWorkload = (change: Change) => {
    const [namespace, name] = split(change.key);
    const labelled = labelOf(change, Mark.rollout);
    if (labelled !== undefined) wake(`${namespace}/${labelled}`);
    else inNamespace(namespace, (rollout) => workloadOf(rollout) === name);
  };
  const ofService = (change: Change, name: string | undefined) => {
    const [namespace] = split(change.key);
    inNamespace(namespace, (rollout) => serviceOf(rollout) === name);
  };
  const ofServiceItself = (change: Change) => {
    const [namespace, name] = split(change.key);
    const labelled = labelOf(change, Mark.rollout);
    if (labelled !== undefined) wake(`${namespace}/${labelled}`);
    // One that comes or goes may take, or free, the name of a preview.
    if (change.before === undefined || change.now === undefined) inNamespace(namespace, () => true);
    else ofService(change, name);
  };
  const ofPod = (change: Change) => {
    const [namespace] = split(change.key);
    const labelled = labelOf(change, Mark.rollout) ?? labelOf(change, Mark.check);
    if (labelled !== undefined) wake(`${namespace}/${labelled}`);
    // Pods of a Deployment itself: while it is taken over or handed back, and when it was scaled by hand.
    else inNamespace(namespace, () => true);
  };

  const ofAutoscaler = ({ key, before, now }: Change) => {
    const [namespace] = split(key);
    const targets = [before, now].map((object) => stringAt(object, "spec", "scaleTargetRef", "name"));
    inNamespace(
      namespace,
      (rollout) => targets.includes(workloadOf(rollout)) || targets.includes(rollout.metadata.name),
    );
  };

  const ofConfig = ({ key, before, now }: Change) => {
    const told = [before, now].map((one) => `${stringAt(one, "digest")} ${one?.metadata.annotations?.[Mark.config]}`);
    if (told[0] !== told[1]) inNamespace(split(key)[0], () => true);
  };

  const digests = (kind: string) =>
    watcher.watch({ apiVersion: "v1", kind, trim: (object) => trimConfig(object, digest) }, ofConfig, signal);

  // Also of one that a rollout names no more: it may still have requests for its revisions.
  const ofRoute = ({ key }: Change) => inNamespace(split(key)[0], () => true);
  const lazy = new Map<string, ObjectCache>();
  const routes = (kind: string): ObjectCache => {
    const known = lazy.get(kind);
    if (known !== undefined) return known;
    const cache = watcher.watch({ apiVersion: GATEWAY_API, kind }, ofRoute, signal);
    lazy.set(kind, cache);
    return cache;
  };

  const cronJobs = new Map<Key, ObjectCache>();
  const cronJob = (namespace: string, name: string): ObjectCache => {
    const key: Key = `${namespace}/${name}`;
    const known = cronJobs.get(key);
    if (known !== undefined) return known;
    const query = { apiVersion: "batch/v1", kind: "CronJob", namespace, name };
    const cache = watcher.watch(
      query,
      () => inNamespace(namespace, (rollout) => cronJobNames(rollout).includes(name)),
      signal,
    );
    cronJobs.set(key, cache);
    return cache;
  };

  const rollouts: ObjectCache = watcher.watch(
    { apiVersion: API_VERSION, kind: "ProgressiveRollout" },
    (change) => {
      wake(change.key);
      // A rollout that comes or goes decides whether another one of the same objects may go on.
      if (change.before === undefined || change.now === undefined) inNamespace(split(change.key)[0], () => true);
      onRollout(change);
    },
    signal,
  );
  return {
    rollouts,
    routes,
    cronJob,
    jobs: watcher.watch(
      { apiVersion: "batch/v1", kind: "Job", labelSelector: Mark.check, trim: trimJob },
      (change) => {
        const rollout = labelOf(change, Mark.check);
        if (rollout !== undefined) wake(`${split(change.key)[0]}/${rollout}`);
      },
      signal,
    ),
    routeKinds: () => [...lazy.values()],
    deployments: watcher.watch({ apiVersion: "apps/v1", kind: "Deployment" }, ofWorkload, signal),
    services: watcher.watch({ apiVersion: "v1", kind: "Service" }, ofServiceItself, signal),
    pods: watcher.watch({ apiVersion: "v1", kind: "Pod", trim: trimPod }, ofPod, signal),
    autoscalers: watcher.watch({ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler" }, ofAutoscaler, signal),
    configMaps: digests("ConfigMap"),
    secrets: copySecrets ? digests("Secret") : undefined,
    namespaces: watcher.watch(
      { apiVersion: "v1", kind: "Namespace", trim: trimNamespace },
      ({ before, now }) => {
        const [was, is] = [before, now].map((one) => one?.metadata.annotations?.[Mark.maxRollouts]);
        if (was !== is) onLimit((now ?? before)?.metadata.name ?? "");
      },
      signal,
    ),
    slices: watcher.watch(
      { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", trim: trimSlice },
      (change) => {
        // A slice has the labels of its Service: those of a revision's own name the rollout.
        const labelled = labelOf(change, Mark.rollout);
        if (labelled === undefined) ofService(change, labelOf(change, SERVICE_NAME));
        else wake(`${split(change.key)[0]}/${labelled}`);
      },
      signal,
    ),
  };
}

/** The two parts of a key. */
export function split(key: Key): readonly [namespace: string, name: string] {
  const slash = key.indexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}

function labelOf({ before, now }: Change, label: string): string | undefined {
  return now?.metadata.labels?.[label] ?? before?.metadata.labels?.[label];
}

/** Readiness and labels are all that a rollout looks at; the rest of a pod is most of its size. */
function trimPod(pod: Manifest): Manifest {
  const { name, namespace, uid, resourceVersion, labels, deletionTimestamp } = pod.metadata;
  const isCheck = labels?.[Mark.check] !== undefined;
  const told = isCheck ? ["Ready", "DisruptionTarget"] : ["Ready"];
  const conditions = listAt(pod, "status", "conditions").filter((one) => told.includes(stringAt(one, "type") ?? ""));
  const ends = isCheck ? { containerStatuses: listAt(pod, "status", "containerStatuses") } : {};
  const metadata = { name, namespace, uid, resourceVersion, labels, deletionTimestamp };
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: Object.fromEntries(
      Object.entries(metadata).filter(([, value]) => value !== undefined),
    ) as Manifest["metadata"],
    status: { phase: stringAt(pod, "status", "phase"), conditions, ...ends },
  };
}

/** How a Job has ended, and which one it is. */
function trimJob(job: Manifest): Manifest {
  return { ...job, spec: {}, status: { conditions: listAt(job, "status", "conditions") } };
}

/** A digest stands for the data: a revision needs to know whether it is the same, and reads it when it copies it. */
function trimConfig(object: Manifest, digest: Digest): Manifest {
  const { name, namespace, uid, resourceVersion, annotations, labels } = object.metadata;
  const owners = listAt(object, "metadata", "ownerReferences");
  const marks = {
    ...(annotations?.[Mark.config] === undefined ? {} : { annotations: { [Mark.config]: annotations[Mark.config] } }),
    ...(labels?.[Mark.revision] === undefined ? {} : { labels }),
    ...(owners.length === 0 ? {} : { ownerReferences: owners }),
  };
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { name, namespace, uid, resourceVersion, ...marks } as Manifest["metadata"],
    ...(object["type"] === undefined ? {} : { type: object["type"] }),
    digest: hexOf(digest(configContent(object))),
  };
}

function trimNamespace(namespace: Manifest): Manifest {
  const { name, uid, resourceVersion, annotations } = namespace.metadata;
  const limit = annotations?.[Mark.maxRollouts];
  const metadata = {
    name,
    uid,
    resourceVersion,
    ...(limit === undefined ? {} : { annotations: { [Mark.maxRollouts]: limit } }),
  };
  return { apiVersion: namespace.apiVersion, kind: namespace.kind, metadata: metadata as Manifest["metadata"] };
}

/** Sixteen bytes of a digest are enough to tell contents apart. */
function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Names of pods and whether they are ready. */
function trimSlice(slice: Manifest): Manifest {
  const endpoints = listAt(slice, "endpoints").map((endpoint) => ({
    conditions: isObject(endpoint) ? endpoint["conditions"] : undefined,
    targetRef: { name: stringAt(endpoint, "targetRef", "name") },
  }));
  return { ...slice, endpoints, ports: [] };
}
