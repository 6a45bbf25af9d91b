import { Buffer } from "node:buffer";
import type { JsonObject } from "../../api/json.ts";
import { sameJson } from "../../api/json.ts";
import { mergePatch } from "../../api/mergePatch.ts";
import { type Key, keyOf, type Manifest, type ObjectRef, refOf, title } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import { type GitSync, type GitSyncStatus, parseGitSync, storedStatus } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { pack } from "../../api/v1alpha1/packing.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import type { Digest } from "../../core/rollout/revision.ts";
import { some } from "../../core/status/text.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { type Inventory, titleOf } from "../../core/sync/inventory.ts";
import type { Attempt, SyncOutcome } from "../../core/sync/outcome.ts";
import { onlyProgress, onlyRenamed, type SyncReport, syncStatus } from "../../core/sync/report.ts";
import { type Tenancy, writerOf } from "../../core/sync/tenancy.ts";
import { ApiError, type Census, type Cluster, type Discovery, type Identity } from "../../ports/cluster.ts";
import type { Events } from "../../ports/events.ts";
import type { Expressions } from "../../ports/expressions.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { RolloutView } from "../rollout/view.ts";
import type { UnusualMove } from "./admit.ts";
import type { Applied } from "./apply.ts";
import { impersonatedOnly } from "./impersonated.ts";
import type { ManagedObjects } from "./kinds.ts";
import { type NeighbourParts, Neighbours } from "./neighbours.ts";
import type { Moved, SourceParts } from "./source.ts";
import type { SyncStates } from "./state.ts";
import { dependentsOf } from "./watchSyncs.ts";

/** What the syncs need of the outside. */
export interface SyncParts extends Omit<SourceParts, "tellMoved" | "spread" | "bornAt">, NeighbourParts {
  readonly cluster: Cluster & Census;
  readonly discovery: Discovery;
  readonly events: Events;
  readonly expressions: Expressions;
  readonly tenancy: Tenancy;
  readonly managed: ManagedObjects;
  readonly rollout: RolloutView;
  readonly log: Logger;
  /** Ends what goes on beside the passes. */
  readonly signal: AbortSignal;
  /** Where Fairlead itself runs. */
  readonly operatorNamespace: string;
  /** The HorizontalPodAutoscalers of the cluster. */
  readonly autoscalers: ObjectCache;
  readonly digest: Digest;
}

/** How often progress is told. */
const PROGRESS_MS = 5_000;
/** So many objects are named in one Event. */
const LISTED = 10;

/** The world of a sync: Git, the cluster, the other syncs and the rollouts. */
export class SyncWorld implements SourceParts {
  readonly git: SyncParts["git"];
  readonly renderer: SyncParts["renderer"];
  readonly decrypter: SyncParts["decrypter"];
  readonly secrets: SyncParts["secrets"];
  readonly signatures: SyncParts["signatures"];
  readonly cluster: Cluster & Census;
  readonly discovery: Discovery;
  readonly expressions: Expressions;
  readonly tenancy: Tenancy;
  readonly managed: ManagedObjects;
  readonly states: SyncStates;
  readonly neighbours: Neighbours;
  readonly operatorNamespace: string;
  readonly autoscalers: ObjectCache;
  readonly now: () => number;
  readonly bornAt: number;
  readonly signal: AbortSignal;
  readonly #parts: SyncParts;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    this.git = parts.git;
    this.renderer = parts.renderer;
    this.decrypter = parts.decrypter;
    this.secrets = parts.secrets;
    this.signatures = parts.signatures;
    this.cluster = parts.tenancy.requireServiceAccount ? impersonatedOnly(parts.cluster) : parts.cluster;
    this.expressions = parts.expressions;
    this.tenancy = parts.tenancy;
    this.discovery = parts.discovery;
    this.managed = parts.managed;
    this.states = parts.states;
    this.neighbours = new Neighbours(parts);
    this.operatorNamespace = parts.operatorNamespace;
    this.autoscalers = parts.autoscalers;
    this.now = parts.now;
    this.bornAt = parts.now();
    this.signal = parts.signal;
  }

  /** A short name of a text. */
  readonly digest = (text: string): string => Buffer.from(this.#parts.digest(text)).toString("hex").slice(0, 32);

  /** Another sync, as stored. */
  syncOf(key: Key): Manifest | undefined {
    return this.#parts.syncs.get(key);
  }

  /** Who the writes of a sync are made as. */
  identityOf(sync: GitSync): Identity {
    const writer = writerOf(sync, this.tenancy);
    if (writer.kind === "Refused") throw new ApiError("Forbidden", writer.message);
    return writer.kind === "Operator" ? {} : { account: { namespace: writer.namespace, name: writer.name } };
  }

  /** Why a sync may write nothing at all. */
  refusalOf(sync: GitSync): string | undefined {
    const writer = writerOf(sync, this.tenancy);
    return writer.kind === "Refused" ? writer.message : undefined;
  }

  /** What a rollout says of a shared object. */
  readonly claimOn = (object: Manifest): Claim | undefined => this.#parts.rollout.claimOn(object);

  /** Tells the rollouts that a commit is there as a whole. */
  arrived(objects: readonly Manifest[]): void {
    this.#parts.rollout.arrived(objects);
  }

  readonly atRest = (namespace: string, name: string): boolean => this.#parts.rollout.atRest(namespace, name);

  /** The revision whose pods cannot start without an object. */
  readonly neededBy = (ref: ObjectRef): string | undefined => this.#parts.rollout.neededBy(ref);

  readonly share = (stored: Manifest): void => this.#parts.rollout.share(stored);

  rolloutsAtRest(members: readonly Member[]): boolean {
    return members
      .filter(({ ref }) => ref.kind === "ProgressiveRollout")
      .every(({ ref }) => this.atRest(ref.namespace ?? "", ref.name));
  }

  /** Notes what is planned before the status has an inventory. */
  planned({ object }: GitSync, inventory: Inventory): void {
    this.states.of(keyOf(object)).planned = inventory;
    this.#parts.holdings.plan(object, inventory);
  }

  /** Stores the finalizer, so that a deletion prunes first, and the first plan. Answers the sync as stored. */
  async takeUp({ object }: GitSync, firstPlan: string | undefined, signal: AbortSignal): Promise<GitSync> {
    const { resourceVersion, finalizers = [] } = object.metadata;
    const annotations = firstPlan === undefined ? {} : { annotations: { [Mark.firstPlan]: firstPlan } };
    const metadata = { resourceVersion, finalizers: [...finalizers, Mark.finalizer], ...annotations };
    // The work that begins now is told of when it takes long.
    this.states.of(keyOf(object)).toldAt = this.now();
    const stored = await this.cluster.patch(refOf(object), { metadata }, {}, signal);
    this.keep(stored);
    return parseGitSync(stored);
  }

  /** Stores the write-ahead inventory. Answers the sync as stored. */
  async remember(sync: GitSync, inventory: Inventory, signal: AbortSignal): Promise<GitSync> {
    return this.#store(sync, { ...sync.status, inventory: [...inventory] }, signal);
  }

  /** Stores the write-ahead inventory together with the word that the work begins. Answers the sync as stored. */
  async begin(
    sync: GitSync,
    attempt: Attempt,
    objects: number,
    inventory: Inventory,
    signal: AbortSignal,
  ): Promise<GitSync> {
    const outcome = { kind: "Progressing", attempt, applied: 0, objects, waiting: [] } as const;
    this.states.of(keyOf(sync.object)).toldAt = this.now();
    return this.#store(sync, this.#project(sync, sync.status, { outcome, inventory }), signal);
  }

  /**
   * Stores the projected status, if it says anything new, and tells what changed. Progress is told now and then only: what moves
   * on within the moment costs no write. A commit that changed nothing here is named after an interval, without an Event: of a
   * thousand syncs that follow one repository, a push is news to those whose objects it changed. Answers in how many milliseconds there is more to tell.
   */
  async report(
    sync: GitSync,
    outcome: SyncOutcome,
    inventory: Inventory | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const current = this.#current(sync);
    const request = sync.object.metadata.annotations?.[Mark.requestedAt];
    const status = this.#project(sync, current.status, {
      outcome,
      ...(inventory === undefined ? {} : { inventory }),
      ...(request === undefined ? {} : { handledRequest: request }),
    });
    const state = this.states.of(keyOf(sync.object));
    const told = outcome.kind === "Applied" ? state.accepted?.rendered : undefined;
    const renamed = told !== undefined && told === state.told && onlyRenamed(current.status, status);
    if (sameJson(status as JsonObject, current.status as JsonObject)) {
      state.told = told;
      return undefined;
    }
    if (renamed) {
      state.renamedAt ??= this.now();
      const interval = durationMs(sync.spec.interval);
      const wait = state.renamedAt + interval - this.now();
      if (wait > 0 && wait <= interval && !this.#isInAChain(sync)) return wait;
    }
    if (onlyProgress(current.status, status)) {
      const wait = state.toldAt + PROGRESS_MS - this.now();
      if (wait > 0 && wait <= PROGRESS_MS) return wait;
      state.toldAt = this.now();
    }
    await this.#store(current, status, signal);
    if (inventory !== undefined) state.planned = undefined;
    state.told = told;
    state.renamedAt = undefined;
    if (!renamed) this.#tell(sync.object, current.status, status);
    return undefined;
  }

  #project(
    sync: GitSync,
    before: GitSyncStatus,
    news: Pick<SyncReport, "outcome" | "inventory" | "handledRequest">,
  ): GitSyncStatus {
    return syncStatus({
      before,
      generation: sync.object.metadata.generation ?? 0,
      now: new Date(this.now()).toISOString(),
      verified: this.#verified(sync, before),
      contests: this.neighbours.contests(keyOf(sync.object)),
      ...news,
    });
  }

  /** Whether it waits for other syncs or they for it: those may ask which commit is in place. */
  #isInAChain({ object, spec }: GitSync): boolean {
    return (spec.dependsOn ?? []).length > 0 || dependentsOf(this.#parts.syncs, keyOf(object)).length > 0;
  }

  #verified({ object, spec }: GitSync, before: GitSyncStatus): SyncReport["verified"] {
    if (spec.verify === undefined) return undefined;
    const { verifiedRevision: sha, verifiedTag: tag } = before;
    return this.states.known(keyOf(object))?.verified ?? (sha === undefined ? undefined : { sha, tag });
  }

  readonly tellMoved = (sync: GitSync, { reason, message }: UnusualMove): void => {
    this.#parts.events.note(sync.object, {
      type: "Warning",
      reason,
      message: `${message}; it is applied as any other commit`,
    });
  };

  readonly spread = (sync: GitSync, moved: Moved): void => this.neighbours.spread(sync, moved);

  /** Tells people of drift and of fights. */
  tellOf(sync: GitSync, result: Applied): void {
    if (result.kind === "Corrected") {
      const message = `${title(result.member.ref)} was put back: ${result.path} differed from Git`;
      this.#parts.events.note(sync.object, { type: "Normal", reason: "DriftCorrected", message });
    }
    if (result.kind === "Recreated") {
      const message = `${title(result.member.ref)} was deleted and made anew: ${result.fields.join(", ")} may not change`;
      this.#parts.events.note(sync.object, { type: "Normal", reason: "Recreated", message });
    }
    if (result.kind === "Slowed" && result.first) {
      const message = `${title(result.member.ref)} is changed again and again at ${result.path} by ${result.rivals}; find the other writer, or take the field out of Git`;
      this.#parts.events.note(sync.object, { type: "Warning", reason: "Fighting", message });
    }
  }

  pruned(sync: GitSync, ids: readonly string[]): void {
    const message = `deleted, as Git no longer has ${ids.length === 1 ? "it" : "them"}: ${some(ids.map(titleOf), LISTED)}`;
    this.#parts.events.note(sync.object, { type: "Normal", reason: "Pruned", message });
  }

  /** Tells what a deleted sync leaves. In a namespace that ends no Event can be made, so the log has it too. */
  leftBehind(sync: GitSync, message: string): void {
    this.#parts.events.note(sync.object, { type: "Warning", reason: "LeftBehind", message });
    const { namespace, name } = sync.object.metadata;
    this.#parts.log.warn({ namespace, name, message }, "a deleted sync is let go with objects left behind");
  }

  /** Takes the answer of a write to a sync. */
  keep(stored: Manifest): void {
    this.#parts.syncs.put(stored);
  }

  #current(sync: GitSync): GitSync {
    const { namespace, name, uid } = sync.object.metadata;
    const cached = this.#parts.syncs.get(`${namespace ?? ""}/${name}`);
    return cached === undefined || cached.metadata.uid !== uid ? sync : parseGitSync(cached);
  }

  async #store(sync: GitSync, status: GitSyncStatus, signal: AbortSignal): Promise<GitSync> {
    const { inventory, ...rest } = status;
    const next = { ...rest, ...(inventory === undefined ? {} : pack(inventory)) };
    const patch = mergePatch(storedStatus(sync.object) as JsonObject, next as unknown as JsonObject) ?? {};
    const sent = { metadata: { resourceVersion: sync.object.metadata.resourceVersion }, status: patch };
    const stored = await this.cluster.patch(refOf(sync.object), sent, { subresource: "status" }, signal);
    this.#parts.syncs.put(stored);
    return parseGitSync(stored);
  }

  #tell(object: Manifest, before: GitSyncStatus, after: GitSyncStatus): void {
    const contested = after.conditions?.find(({ type }) => type === "Contested");
    if (contested !== undefined && !before.conditions?.some(({ message }) => message === contested.message)) {
      this.#parts.events.note(object, { type: "Warning", reason: contested.reason, message: contested.message });
    }
    const ready = after.conditions?.find(({ type }) => type === "Ready");
    const former = before.conditions?.find(({ type }) => type === "Ready");
    if (ready === undefined) return;
    const news = ready.reason !== former?.reason || after.appliedRevision !== before.appliedRevision;
    const failing = ready.status === "False" && ready.message !== former?.message;
    if ((!news && !failing) || ready.reason === "Progressing") return;
    const type = ready.status === "False" && ready.reason !== "Suspended" ? "Warning" : "Normal";
    this.#parts.events.note(object, { type, reason: ready.reason, message: ready.message });
  }
}
