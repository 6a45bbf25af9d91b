import { type JsonObject, listAt, stringAt } from "../../api/json.ts";
import { mergePatch } from "../../api/mergePatch.ts";
import { type Key, keyOf, type Manifest, refOf } from "../../api/objects.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import type { Judgement } from "../../core/analysis/judge.ts";
import { textOf } from "../../core/rollout/because.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { cronJobNames } from "../../core/rollout/driver.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import type { Answer, DueCall } from "../../core/rollout/webhooks.ts";
import { type Cluster, isApiError } from "../../ports/cluster.ts";
import type { Events } from "../../ports/events.ts";
import type { Watcher } from "../../ports/watch.ts";
import { split } from "./caches.ts";
import type { Caller } from "./caller.ts";
import { Executor } from "./execute.ts";
import type { Measurer } from "./measurer.ts";
import { observeRollout, type Sources } from "./observe.ts";
import type { Observed, RolloutWorld } from "./reconcile.ts";
import { RouteWriter } from "./routeWriter.ts";
import type { Turns } from "./turns.ts";

/** What the rollouts need of the outside. */
export interface RolloutParts extends Sources {
  readonly cluster: Cluster;
  readonly watcher: Watcher;
  readonly events: Events;
  readonly measurer: Measurer;
  readonly caller: Caller;
  readonly turns: Turns;
  readonly now: () => number;
}

/** How long the first list of routes and CronJobs may take before the rollout is tried again later. */
const LIST_MS = 10_000;

/** Stages in which a Deployment at more than 0 replicas was scaled by hand. */
const TAKEN_OVER: ReadonlySet<string> = new Set(["Resting", "Stepping", "Switching", "Returning"]);

/** The real world of a rollout: caches to look at, the API server to write to. */
export class ClusterRolloutWorld implements RolloutWorld {
  readonly #parts: RolloutParts;
  readonly #executor: Executor;
  readonly #routes: RouteWriter;
  readonly #troubles = new Map<Key, string>();

  constructor(parts: RolloutParts) {
    this.#parts = parts;
    this.#routes = new RouteWriter(parts);
    this.#executor = new Executor(parts.cluster, parts.caches, parts.digest, this.#routes);
  }

  async prepare(key: Key, signal: AbortSignal): Promise<void> {
    const { caches, watcher } = this.#parts;
    const kinds = listAt(caches.rollouts.get(key), "spec", "routeRefs").map(
      (ref) => stringAt(ref, "kind") ?? "HTTPRoute",
    );
    const rollout = caches.rollouts.get(key);
    const cronJobs = rollout === undefined ? [] : cronJobNames(rollout);
    const lazy = [
      ...kinds.map((kind) => caches.routes(kind)),
      ...cronJobs.map((name) => caches.cronJob(split(key)[0], name)),
    ];
    const missing = lazy.filter(({ synced }) => !synced);
    if (missing.length === 0) return;
    this.#parts.turns.mark(key, "Stuck");
    const limit = AbortSignal.timeout(LIST_MS);
    await watcher.untilSynced(missing, AbortSignal.any([signal, limit]));
  }

  observe(key: Key): Observed | undefined {
    const { measurer, caller, turns } = this.#parts;
    turns.release(key);
    const observed = this.#look(key);
    if (observed === undefined) {
      measurer.forget(key);
      caller.forget(key);
      this.#troubles.delete(key);
      this.#routes.forget(key);
      return undefined;
    }
    const trouble = this.#troubles.get(key);
    const turn = turns.of(key);
    const routes = this.#routes.withRivals(key, observed.seen.routes);
    const seen = { ...observed.seen, routes, ...(turn === undefined ? {} : { turn }) };
    return { ...observed, seen, ...(trouble === undefined ? {} : { trouble }) };
  }

  #look(key: Key): Observed | undefined {
    const { turns } = this.#parts;
    try {
      const observed = observeRollout(this.#parts, key);
      turns.mark(key, "Fine");
      return observed;
    } catch (error) {
      turns.mark(key, "Stuck");
      throw error;
    }
  }

  trouble({ rollout }: Observed, message: string | undefined): boolean {
    const key = keyOf(rollout.object);
    const before = this.#troubles.get(key);
    if (message === undefined) this.#troubles.delete(key);
    else this.#troubles.set(key, message);
    return before !== message;
  }

  isFatal(error: unknown): boolean {
    return isApiError(error, "Fenced", "Conflict");
  }

  claim({ rollout }: Observed, signal: AbortSignal): Promise<void> | undefined {
    const { finalizers = [], resourceVersion } = rollout.object.metadata;
    if (finalizers.includes(Mark.finalizer)) return undefined;
    const patch = { metadata: { resourceVersion, finalizers: [...finalizers, Mark.finalizer] } };
    const { caches, cluster } = this.#parts;
    return cluster.patch(refOf(rollout.object), patch, {}, signal).then((stored) => caches.rollouts.put(stored));
  }

  async report(
    { rollout }: Observed,
    status: RolloutStatus,
    decision: Decision | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const key = keyOf(rollout.object);
    // Until the next look at this rollout, should it not become known whether the write has arrived.
    if (rollout.status.rollout?.candidate === undefined && status.rollout?.candidate !== undefined)
      this.#parts.turns.reserve(key);
    // The answer to the finalizer's write is newer than what was observed; only the status itself is held against it.
    const current = this.#parts.caches.rollouts.get(key) ?? rollout.object;
    const patch = mergePatch(rollout.status as JsonObject, status as JsonObject) ?? {};
    const sent = { metadata: { resourceVersion: current.metadata.resourceVersion }, status: patch };
    const stored = await this.#parts.cluster.patch(refOf(current), sent, { subresource: "status" }, signal);
    this.#parts.caches.rollouts.put(stored);
    this.#parts.turns.release(key);
    this.#tell(rollout.object, rollout.status, status, decision);
  }

  async execute(observed: Observed, effect: Effect, signal: AbortSignal): Promise<void> {
    const { rollout, seen } = observed;
    await this.#executor.run(observed, effect, signal);
    if (effect.do === "ScaleWorkload" && effect.replicas === 0 && TAKEN_OVER.has(seen.cursor?.stage ?? "")) {
      const { workloadRef } = rollout.spec;
      const message =
        `Deployment ${workloadRef.name} was scaled to ${seen.workload?.replicas} and is put back to 0: its pods run as revisions; ` +
        `use kubectl scale progressiverollout/${rollout.object.metadata.name}`;
      this.#parts.events.note(rollout.object, { type: "Warning", reason: "ReplicasPutBack", message });
    }
  }

  measure(observed: Observed, cursor: Cursor): readonly Judgement[] | undefined {
    return this.#parts.measurer.take(keyOf(observed.rollout.object), observed, cursor);
  }

  deliver(observed: Observed, due: readonly DueCall[]): readonly Answer[] {
    return this.#parts.caller.take(keyOf(observed.rollout.object), observed, due);
  }

  /** One Event for each change that a person follows a rollout by: a new stage or step, an outcome, a new kind of trouble. */
  #tell(object: Manifest, before: RolloutStatus, after: RolloutStatus, decision: Decision | undefined): void {
    const ready = after.conditions?.find(({ type }) => type === "Ready");
    const former = before.conditions?.find(({ type }) => type === "Ready");
    const stalled = after.conditions?.some(({ type }) => type === "Stalled") ?? false;
    if (decision?.kind === "Advance") {
      const { reason } = decision.because;
      const type = reason === "Rejected" || after.rollout?.cause === "Rejected" ? "Warning" : "Normal";
      this.#parts.events.note(object, { type, reason, message: textOf(decision.because) });
    } else if (ready !== undefined && stalled && ready.reason !== former?.reason) {
      this.#parts.events.note(object, { type: "Warning", reason: ready.reason, message: ready.message });
    }
  }
}
