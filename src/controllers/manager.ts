import { setImmediate } from "node:timers/promises";
import { at } from "../api/json.ts";
import type { Key, Manifest } from "../api/objects.ts";
import { parseGitSync } from "../api/v1alpha1/gitsync.ts";
import type { Digest } from "../core/rollout/revision.ts";
import type { SyncName } from "../core/sync/owner.ts";
import type { Tenancy } from "../core/sync/tenancy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Census, Cluster, Discovery } from "../ports/cluster.ts";
import { isApiError } from "../ports/cluster.ts";
import type { Decrypter } from "../ports/decrypt.ts";
import type { Events } from "../ports/events.ts";
import type { Expressions } from "../ports/expressions.ts";
import type { Git } from "../ports/git.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Renderer } from "../ports/render.ts";
import type { Signatures } from "../ports/signatures.ts";
import type { ObjectCache, Watcher } from "../ports/watch.ts";
import type { Webhooks } from "../ports/webhooks.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Telemetry, WatchedKind } from "../telemetry/metrics.ts";
import type { Hook } from "./http/signature.ts";
import { isSchemaError, releaseInvalid, reportInvalid } from "./invalid.ts";
import { KeyedQueue, type RunRecord } from "./queue.ts";
import type { Requeue } from "./requeue.ts";
import { eager, type Listeners, type RolloutCaches, split, watchRollouts } from "./rollout/caches.ts";
import { Caller } from "./rollout/caller.ts";
import { ClusterRolloutWorld } from "./rollout/controller.ts";
import { Measurer } from "./rollout/measurer.ts";
import { reconcileRollout } from "./rollout/reconcile.ts";
import { Turns } from "./rollout/turns.ts";
import { viewOf } from "./rollout/view.ts";
import { watchAutoscalers } from "./sync/autoscalers.ts";
import { finalizeSync } from "./sync/finalize.ts";
import { hookOf } from "./sync/hooks.ts";
import { ManagedObjects } from "./sync/kinds.ts";
import { reconcileSync } from "./sync/reconcile.ts";
import { Secrets } from "./sync/secrets.ts";
import { SyncStates } from "./sync/state.ts";
import { dependentsOf, type SyncCaches, syncsNaming, syncsOfRepository, watchSyncs } from "./sync/watchSyncs.ts";
import { SyncWorld } from "./sync/world.ts";

/** Everything that the controllers need of the outside. */
export interface ManagerParts {
  readonly cluster: Cluster & Census;
  readonly discovery: Discovery;
  readonly watcher: Watcher;
  readonly events: Events;
  readonly git: Git;
  readonly renderer: Renderer;
  readonly signatures: Signatures;
  readonly decrypter: Decrypter;
  readonly metrics: Metrics;
  readonly webhooks: Webhooks;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly operatorNamespace: string;
  readonly expressions: Expressions;
  readonly tenancy: Tenancy;
  /** How many rollouts of a namespace may be under way at once where it does not say so itself. */
  readonly maxRollouts: number | undefined;
  /** Whether rollouts may make Secrets a part of their revisions. */
  readonly copySecrets: boolean;
}

/** Controllers at work. */
export interface Manager {
  /** Asks for a look at the repository of a sync now, for all that follow it. */
  notify(sync: Key): void;
  /** What proves a webhook of a sync. */
  hook(sync: Key, signal: AbortSignal): Promise<Hook | undefined>;
  /** Starts nothing more and waits for what runs until the signal aborts. */
  drain(signal: AbortSignal): Promise<void>;
}

/** How long after its start a process waits for the first pass of a sync before it trusts what it finds. */
const FIRST_PASS_MS = 60_000;
/** How many keys of one kind are worked on at once. */
const WORKERS = 8;
/** Looks at syncs wait most of the time, for Git and for the API server, whose calls have a bound of their own. */
const SYNC_WORKERS = 32;

/**
 * Starts the watches, waits for their first lists, and works. `signal` ends the watches; work under way is ended by
 * `lost` or by the limit of `drain`, so that a stop in good order finishes what it has begun.
 */
export async function startManager(parts: ManagerParts, signal: AbortSignal, lost: AbortSignal): Promise<Manager> {
  const { watcher, log, telemetry, clock } = parts;
  const queues: { rollout?: KeyedQueue; sync?: KeyedQueue } = {};
  const wakeRollout = (key: Key) => queues.rollout?.add(key);
  const wakeSync = (key: Key) => queues.sync?.add(key);

  const turns: Turns = new Turns({
    rollouts: (namespace) => caches.rollouts.list(namespace),
    namespace: (name) => caches.namespaces.get(`/${name}`),
    maxRollouts: parts.maxRollouts,
    wake: wakeRollout,
  });
  const listeners: Listeners = {
    wake: wakeRollout,
    onRollout: (change) => turns.onRollout(change),
    onLimit: (namespace) => turns.recount(namespace),
  };
  const caches: RolloutCaches = watchRollouts(parts, listeners, signal);
  const states = new SyncStates();
  const changed = (key: Key): void => {
    for (const one of dependentsOf(syncs, key)) wakeSync(one);
  };
  const listening = { states, now: clock.now, wake: wakeSync, changed };
  const { syncs, holdings }: SyncCaches = watchSyncs(watcher, listening, signal);
  const secrets = new Secrets(
    watcher,
    (name, kind) => {
      for (const sync of syncsNaming(syncs, name, kind)) notify(sync);
    },
    signal,
  );
  const notify = (key: Key, since = clock.now()): void => {
    const state = states.known(key);
    if (state !== undefined) state.notifiedAt = Math.max(state.notifiedAt, since);
    wakeSync(key);
  };
  await watcher.untilSynced([...eager(caches), syncs], signal);
  const unseen = () =>
    log.warn({}, "HorizontalPodAutoscalers cannot be listed: only those in Git keep replicas from being applied");
  const autoscalers = await watchAutoscalers(watcher, unseen, signal);
  log.info({ rollouts: caches.rollouts.list().length, syncs: syncs.list().length }, "the caches are complete");

  const begunAt = clock.monotonic();
  const arriving = ({ namespace, name }: SyncName) => {
    const key: Key = `${namespace}/${name}`;
    const sync = syncs.get(key);
    const works =
      sync !== undefined && sync.metadata.deletionTimestamp === undefined && at(sync, "spec", "suspend") !== true;
    // A new process waits for the first pass of each sync, but not for a Git host that is down.
    const isNew = states.known(key)?.accepted === undefined;
    return works && states.isArriving(key) && !(isNew && clock.monotonic() - begunAt > FIRST_PASS_MS);
  };
  const commitOf = ({ namespace, name }: SyncName) => states.known(`${namespace}/${name}`)?.landed?.commit;
  const sources = { caches, digest: parts.digest, arriving, commitOf, watchedSince: clock.now() };
  const rolloutWorld = new ClusterRolloutWorld({
    now: clock.now,
    ...parts,
    ...sources,
    measurer: new Measurer(parts.metrics, wakeRollout, clock.now, signal),
    caller: new Caller({ webhooks: parts.webhooks, secrets, events: parts.events, wake: wakeRollout, signal }),
    turns,
  });
  const syncWorld = new SyncWorld({
    ...parts,
    secrets,
    syncs,
    holdings,
    states,
    autoscalers,
    managed: new ManagedObjects(watcher, wakeSync, signal),
    rollout: viewOf(sources, wakeRollout),
    now: clock.now,
    signal,
    notify,
    wake: wakeSync,
  });
  const rollout = start(parts, "ProgressiveRollout", caches.rollouts, async (key, stop) =>
    reconcileRollout(rolloutWorld, key, clock.now, AbortSignal.any([lost, stop])),
  );
  const sync = start(parts, "GitSync", syncs, async (key, stop) => {
    const object = syncs.get(key);
    if (object === undefined) {
      states.forget(key);
      return { kind: "Never" };
    }
    const parsed = parseGitSync(object);
    const either = AbortSignal.any([lost, stop]);
    if (object.metadata.deletionTimestamp !== undefined) return finalizeSync(syncWorld, parsed, either);
    return reconcileSync(syncWorld, parsed, either);
  });
  Object.assign(queues, { rollout, sync });
  telemetry.watchQueue("progressiverollout", () => rollout.depth);
  telemetry.watchQueue("gitsync", () => sync.depth);
  for (const object of caches.rollouts.list())
    wakeRollout(`${object.metadata.namespace ?? ""}/${object.metadata.name}`);
  for (const object of syncs.list()) wakeSync(`${object.metadata.namespace ?? ""}/${object.metadata.name}`);

  return {
    notify: (key) => {
      for (const sync of syncsOfRepository(syncs, key)) notify(sync);
    },
    hook: (key, stop) =>
      hookOf(syncs.get(key), async (namespace, name) => {
        const read = await secrets.read(namespace, name, stop);
        return read.kind === "Found" ? read.secret : undefined;
      }),
    async drain(stop) {
      await Promise.all([rollout.drain(stop), sync.drain(stop)]);
    },
  };
}

type Handler = (key: Key, signal: AbortSignal) => Promise<Requeue>;

/** A queue for one kind: what the handler answers brings the key back; what it throws brings it back with backoff. */
function start(parts: ManagerParts, kind: WatchedKind, cache: ObjectCache, handle: Handler): KeyedQueue {
  const { log, telemetry } = parts;
  const onRun = ({ key, outcome, ms, error, retryInMs }: RunRecord) => {
    telemetry.reconciled(kind.toLowerCase(), { outcome, ms });
    if (error === undefined) return;
    // A write that came too late for what it was based on, or for an object that has just gone, is everyday life.
    const level = isApiError(error, "Conflict", "NotFound") ? "debug" : "warn";
    log[level]({ kind, key, error, retryInMs }, "a reconcile failed and is tried again");
  };
  const queue: KeyedQueue = new KeyedQueue(
    async (key, signal) => {
      // A key that asks for itself again at once must not keep the process from its sockets and timers.
      await setImmediate();
      try {
        const requeue = await handle(key, signal);
        if (requeue.kind === "After") queue.addAfter(key, requeue.ms);
      } catch (error) {
        const object = cache.get(key);
        if (!isSchemaError(error) || object === undefined) throw error;
        const telling = { ...parts, put: (stored: Manifest) => cache.put(stored) };
        if (object.metadata.deletionTimestamp !== undefined) await releaseInvalid(telling, object, signal);
        else await reportInvalid(telling, object, error, parts.clock.now(), signal);
      }
      show(telemetry, kind, cache, key);
    },
    { workers: kind === "GitSync" ? SYNC_WORKERS : WORKERS, onRun, clock: parts.clock },
  );
  return queue;
}

function show(telemetry: Telemetry, kind: WatchedKind, cache: ObjectCache, key: Key): void {
  const [namespace, name] = split(key);
  const object = cache.get(key);
  if (object === undefined) {
    telemetry.forget(kind, namespace, name);
    return;
  }
  const status = object["status"] as { conditions?: { type: string; status: string }[]; objects?: number } | undefined;
  const ready = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
  telemetry.resource(kind, namespace, name, {
    ready,
    ...(status?.objects === undefined ? {} : { objects: status.objects }),
  });
}
