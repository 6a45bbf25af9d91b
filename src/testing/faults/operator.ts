import { createHash } from "node:crypto";
import { type Key, keyOf } from "../../api/objects.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { API_VERSION } from "../../api/v1alpha1/names.ts";
import type { Requeue } from "../../controllers/requeue.ts";
import { finalizeSync } from "../../controllers/sync/finalize.ts";
import { ManagedObjects } from "../../controllers/sync/kinds.ts";
import { reconcileSync } from "../../controllers/sync/reconcile.ts";
import { Secrets } from "../../controllers/sync/secrets.ts";
import { SyncStates } from "../../controllers/sync/state.ts";
import { watchSyncs } from "../../controllers/sync/watchSyncs.ts";
import { SyncWorld } from "../../controllers/sync/world.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import { silentLogger } from "../../telemetry/logger.ts";
import { FaultyCluster, isDeath, type NextFate } from "./calls.ts";
import type { StoryRepository } from "./repository.ts";
import type { StoryStore } from "./store.ts";
import { StoryWatcher } from "./watcher.ts";

/** What one process of the operator stands on. */
export interface OperatorParts {
  readonly store: StoryStore;
  readonly repository: StoryRepository;
  readonly next: NextFate;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** So many passes in a row without time passing are a loop. */
const MOST_PASSES = 300;

/** One process of the operator as far as syncs go: the real controllers on ports in memory, and a queue in virtual time. */
export class StoryOperator {
  readonly watcher: StoryWatcher;
  readonly #parts: OperatorParts;
  readonly #cluster: FaultyCluster;
  readonly #end = new AbortController();
  readonly #syncs: ObjectCache;
  readonly #world: SyncWorld;
  readonly #states = new SyncStates();
  readonly #due = new Map<Key, number>();
  readonly #failures = new Map<Key, number>();

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { store, repository, next, now } = parts;
    const { signal } = this.#end;
    this.#cluster = new FaultyCluster(store, next, () => this.kill());
    this.watcher = new StoryWatcher(store);
    const wake = (key: Key): void => void this.#due.set(key, now());
    const { syncs, holdings } = watchSyncs(this.watcher, { states: this.#states, now, wake }, signal);
    this.#syncs = syncs;
    const none = this.watcher.watch({ apiVersion: API_VERSION, kind: "ProgressiveRollout" }, () => undefined);
    this.#world = new SyncWorld({
      cluster: this.#cluster,
      discovery: {
        facts: async () => ({ kubeVersion: "", apiVersions: [] }),
        kind: (_version, kind) => Promise.resolve({ resource: kind.toLowerCase(), namespaced: kind !== "Namespace" }),
      },
      events: { note: () => undefined },
      git: repository,
      decrypter: { decrypt: async (file) => file },
      renderer: repository,
      signatures: { verify: () => Promise.reject(new Error("no story has signatures")) },
      secrets: new Secrets(this.watcher, () => undefined, signal),
      expressions: { compile: () => Promise.reject(new Error("no story has expressions")) },
      tenancy: { requireServiceAccount: false, crossNamespaceRefs: false },
      managed: new ManagedObjects(this.watcher, wake, signal),
      rollout: {
        claimOn: () => undefined,
        share: () => undefined,
        arrived: () => undefined,
        atRest: () => true,
        neededBy: () => undefined,
      },
      log: silentLogger,
      syncs,
      holdings,
      states: this.#states,
      autoscalers: none,
      digest: (text) => createHash("sha256").update(text).digest(),
      now,
      signal,
      notify: (key, since) => this.notify(key, since),
      wake,
      operatorNamespace: "fairlead-system",
    });
    for (const sync of this.#syncs.list()) wake(keyOf(sync));
  }

  /** Whether it has been killed. */
  get dead(): boolean {
    return this.#end.signal.aborted;
  }

  /** When the next sync is due, in epoch milliseconds. */
  get nextAt(): number | undefined {
    return this.#due.size === 0 ? undefined : Math.min(...this.#due.values());
  }

  /** Ends the process in whatever it does. */
  kill(): void {
    this.#cluster.die();
    this.#end.abort(new Error("killed"));
  }

  /** Asks for a look at Git now, as a webhook does. */
  notify(key: Key, since = this.#parts.now()): void {
    const state = this.#states.known(key);
    if (state !== undefined) state.notifiedAt = Math.max(state.notifiedAt, since);
    this.#due.set(key, this.#parts.now());
  }

  /** Looks at all syncs that are due, side by side, until none is. `between` runs after each round. */
  async work(between: () => Promise<void>): Promise<void> {
    for (let pass = 0; !this.dead; pass++) {
      const now = this.#parts.now();
      const keys = [...this.#due].filter(([, at]) => at <= now).map(([key]) => key);
      if (keys.length === 0) return;
      if (pass > MOST_PASSES)
        throw new Error(`a loop: ${keys.join()} is due again and again, last ${this.#cluster.doing}`);
      await Promise.all(keys.map((key) => this.#run(key)));
      await between();
    }
  }

  async #run(key: Key): Promise<void> {
    this.#due.delete(key);
    try {
      const requeue = await this.#handle(key);
      this.#failures.delete(key);
      if (requeue.kind === "After") this.#after(key, requeue.ms);
    } catch (error) {
      if (this.dead || isDeath(error)) return;
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      this.#after(key, Math.min(60_000, 200 * 2 ** failures));
    } finally {
    }
  }

  #after(key: Key, ms: number): void {
    const at = this.#parts.now() + Math.max(1, ms);
    this.#due.set(key, Math.min(this.#due.get(key) ?? at, at));
  }

  /** As the manager does it. */
  async #handle(key: Key): Promise<Requeue> {
    const object = this.#syncs.get(key);
    if (object === undefined) {
      this.#states.forget(key);
      return { kind: "Never" };
    }
    const { signal } = this.#end;
    if (object.metadata.deletionTimestamp !== undefined) return finalizeSync(this.#world, parseGitSync(object), signal);
    return reconcileSync(this.#world, parseGitSync(object), signal);
  }
}
