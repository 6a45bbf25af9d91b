import type { Manifest } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import { hasLeftPatch } from "../../core/sync/appliers.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { entriesOf } from "../../core/sync/fields.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import type { SyncName } from "../../core/sync/owner.ts";
import type { Pointer } from "../../core/sync/yields.ts";
import { type Cluster, type Identity, isApiError } from "../../ports/cluster.ts";
import { failureOf } from "./failure.ts";
import { intend, type Write } from "./intent.ts";
import type { ManagedObjects } from "./kinds.ts";
import { recreate } from "./recreate.ts";
import type { SyncState } from "./state.ts";
import { slim, takeOver } from "./takeOver.ts";

/** What became of one object. `stored` is the live object as far as it is known. */
export type Applied =
  | { readonly kind: "Unchanged" | "Written"; readonly member: Member; readonly stored: Manifest }
  /** Deleted and made anew, for the sake of fields that may not change. */
  | {
      readonly kind: "Recreated";
      readonly member: Member;
      readonly stored: Manifest;
      readonly fields: readonly string[];
    }
  | { readonly kind: "Corrected"; readonly member: Member; readonly stored: Manifest; readonly path: string }
  | {
      readonly kind: "Slowed";
      readonly member: Member;
      readonly stored: Manifest;
      readonly path: string;
      readonly ms: number;
      /** Field managers that undo the corrections. */
      readonly rivals?: string;
      /** Nobody has been told of this fight yet. */
      readonly first?: boolean;
    }
  /** Git says that it is to be left alone. */
  | { readonly kind: "Ignored"; readonly member: Member }
  /** Something that comes by itself is missing. `message` continues a sentence that begins with the object; Gone: a watch tells when it comes. */
  | { readonly kind: "Waiting"; readonly member: Member; readonly message: string; readonly until?: "Gone" }
  | { readonly kind: "Failed"; readonly member: Member; readonly failure: Failure };

/** What another sync says of an object that carries its mark. NotAsked: it has not looked at Git since we have. */
export type Rivalry = "None" | "NotAsked" | "Rival";

/** What applying takes. */
export interface ApplyParts {
  readonly cluster: Cluster;
  readonly managed: ManagedObjects;
  /** Lets the rollouts see what was written, before their own watches tell them. */
  readonly share: (stored: Manifest) => void;
  /** What a rollout says of a shared object. */
  readonly claimOn: (object: Manifest) => Claim | undefined;
  /** Whether the sync that an object's mark names lays claim to it. */
  readonly rivalOf: (owner: SyncName, id: string) => Rivalry;
  /** The sync that has the first right to an object that bears no mark. */
  readonly precedentOf: (id: string) => SyncName | undefined;
  /** The places of an object that belong to others once it is there. */
  readonly yieldedBy: (member: Member) => readonly Pointer[];
  /** A short name of a text. */
  readonly digest: (text: string) => string;
}

/** Who applies and what it remembers. */
export interface Applier extends Identity {
  readonly sync: SyncName;
  readonly state: SyncState;
}

/** So often what is live may move on between the look at it and the write. */
const LOOKS = 3;

/**
 * Applies one object unless the cluster has it already. A failure is this object's alone.
 * Whether it has it is decided against what the API server answered to the last apply: defaults and normalised
 * quantities are no drift. `now` is epoch milliseconds.
 */
export async function applyMember(
  member: Member,
  applier: Applier,
  parts: ApplyParts,
  now: number,
  signal: AbortSignal,
): Promise<Applied> {
  for (let look = 1; ; look++) {
    try {
      const intent = await intend(member, applier, parts, now, signal);
      if (intent.kind === "Write") return await write(intent, applier, parts, now, signal);
      return intent.applied.kind === "Slowed"
        ? await nameRivals(intent.applied, applier, parts, signal)
        : intent.applied;
    } catch (error) {
      // This process must stop: nothing is to be reported.
      if (signal.aborted || isApiError(error, "Fenced")) throw error;
      if (!isApiError(error, "Conflict")) return { kind: "Failed", member, failure: failureOf(member, error) };
      if (look === LOOKS) return { kind: "Waiting", member, message: "is being changed by another writer" };
    }
    try {
      await refresh(member, parts, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return { kind: "Failed", member, failure: failureOf(member, error) };
    }
  }
}

/** What is live has moved on: the cache will hear of it, but not before the next try. */
async function refresh({ ref, object }: Member, { cluster, managed }: ApplyParts, signal: AbortSignal): Promise<void> {
  const live = await cluster.get(ref, signal);
  if (live !== undefined) (await managed.of(object.apiVersion, object.kind, signal)).put(live);
}

async function write(
  intent: Write,
  applier: Applier,
  parts: ApplyParts,
  now: number,
  signal: AbortSignal,
): Promise<Applied> {
  const { member, drift } = intent;
  let stored: Manifest;
  let fields: readonly string[] | undefined;
  try {
    stored = await send(intent, intent.live, applier, parts, signal);
  } catch (error) {
    if (!isApiError(error, "Invalid")) throw error;
    const end = await recreate(intent, error, applier, parts, signal);
    if (end.kind !== "Gone") return end;
    ({ fields } = end);
    stored = await send(intent, undefined, applier, parts, signal);
  }
  const cache = await parts.managed.of(stored.apiVersion, stored.kind, signal);
  cache.put(stored);
  const kept = slim(stored);
  parts.share(kept);
  const { corrections } = intent;
  applier.state.recorded.set(member.id, {
    desired: intent.text,
    stored: kept,
    corrections: drift === undefined ? corrections : [...corrections, now],
    fighting: corrections.length === 0 ? undefined : applier.state.recorded.get(member.id)?.fighting,
  });
  if (fields !== undefined) return { kind: "Recreated", member, stored: kept, fields };
  return drift === undefined
    ? { kind: "Written", member, stored: kept }
    : { kind: "Corrected", member, stored: kept, path: drift };
}

async function send(
  intent: Write,
  live: Manifest | undefined,
  { account }: Identity,
  parts: ApplyParts,
  signal: AbortSignal,
): Promise<Manifest> {
  const identity = account === undefined ? {} : { account };
  const isMerge = intent.options.apply === "Merge";
  // First: what a rollout has handed back and what Git says may not go together, such as two sources of one variable.
  if (!isMerge && live !== undefined && hasLeftPatch(live, intent.shared)) {
    const full = await parts.cluster.get(intent.member.ref, signal);
    const taken = full === undefined ? full : await takeOver(full, intent, identity, parts, signal);
    if (taken !== undefined && taken !== full) return taken;
  }
  const { object, resourceVersion } = intent.over(live);
  const stored = await parts.cluster.apply(
    object,
    { ...identity, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    signal,
  );
  return isMerge ? stored : takeOver(stored, intent, identity, parts, signal);
}

/** Reads once for each fight who else writes. */
async function nameRivals(
  slowed: Applied & { readonly kind: "Slowed" },
  { state }: Applier,
  { cluster }: ApplyParts,
  signal: AbortSignal,
): Promise<Applied> {
  const { member } = slowed;
  const recorded = state.recorded.get(member.id);
  if (recorded?.fighting !== undefined) return { ...slowed, rivals: recorded.fighting };
  const live = await cluster.get(member.ref, signal);
  const others =
    live === undefined
      ? []
      : entriesOf(live).filter((entry) => entry.manager !== FIELD_MANAGER && entry.subresource !== "status");
  const rivals = [...new Set(others.map(({ manager }) => `"${manager}"`))].sort().join(", ") || "another writer";
  if (recorded !== undefined) state.recorded.set(member.id, { ...recorded, fighting: rivals });
  return { ...slowed, rivals, first: true };
}

/** A failure of one object; the others go on. */
export function failed(member: Member, reason: Failure["reason"], message: string): Applied {
  return { kind: "Failed", member, failure: { ref: member.ref, position: member.position, reason, message } };
}
