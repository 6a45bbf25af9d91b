import type { Manifest } from "../../api/objects.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import { followed, overlay, wordOf } from "../../core/rollout/overlay.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { differs } from "../../core/sync/drift.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import { ownerOf, type SyncName, sameSync } from "../../core/sync/owner.ts";
import { type Cluster, type Identity, isApiError } from "../../ports/cluster.ts";
import { failureOf } from "./failure.ts";
import type { ManagedObjects } from "./kinds.ts";
import type { Recorded, SyncState } from "./state.ts";
import { slim, takeOver } from "./takeOver.ts";

/** What became of one object. `stored` is the live object as far as it is known. */
export type Applied =
  | { readonly kind: "Unchanged" | "Written"; readonly member: Member; readonly stored: Manifest }
  | { readonly kind: "Corrected"; readonly member: Member; readonly stored: Manifest; readonly path: string }
  | {
      readonly kind: "Slowed";
      readonly member: Member;
      readonly stored: Manifest;
      readonly path: string;
      readonly ms: number;
      /** Nobody has been told of this fight yet. */
      readonly first: boolean;
    }
  /** Something that comes by itself is missing. `message` continues a sentence that begins with the object. */
  | { readonly kind: "Waiting"; readonly member: Member; readonly message: string }
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
}

/** Who applies and what it remembers. */
export interface Applier extends Identity {
  readonly sync: SyncName;
  readonly state: SyncState;
}

/** So many corrections of one object within a minute are a fight. */
const FIGHT_CORRECTIONS = 5;
const FIGHT_WINDOW_MS = 60_000;

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
      return await applyOnce(member, applier, parts, now, signal);
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

async function applyOnce(
  member: Member,
  applier: Applier,
  parts: ApplyParts,
  now: number,
  signal: AbortSignal,
): Promise<Applied> {
  const { object } = member;
  const cache = await parts.managed.of(object.apiVersion, object.kind, signal);
  const known = cache.get(`${object.metadata.namespace ?? ""}/${object.metadata.name}`);
  const recorded = applier.state.recorded.get(member.id);
  const first = known === undefined && recorded === undefined ? parts.precedentOf(member.id) : undefined;
  const rival = known === undefined ? first : ownerOf(known);
  if (rival !== undefined && !sameSync(rival, applier.sync)) {
    const rivalry = parts.rivalOf(rival, member.id);
    const message = `belongs to GitSync ${rival.namespace}/${rival.name}`;
    if (rivalry === "NotAsked") return { kind: "Waiting", member, message };
    if (rivalry === "Rival") return failed(member, "OwnedByOther", message);
  }
  const claim = parts.claimOn(object);
  // Whether an unmarked object is there matters to an overlay alone, and only before the first apply.
  const live =
    known ?? (claim === undefined || recorded !== undefined ? undefined : await parts.cluster.get(member.ref, signal));
  const desired = overlay(object, claim, live);
  const text = wordOf(object, claim, desired);
  const change = changeOf(desired, text, recorded, known, claim);
  if (change.kind === "None") return { kind: "Unchanged", member, stored: change.stored };
  const corrections = (recorded?.corrections ?? []).filter((time) => now - time < FIGHT_WINDOW_MS);
  if (change.kind === "Drift" && known !== undefined && recorded && corrections.length >= FIGHT_CORRECTIONS) {
    const ms = (corrections[0] ?? now) + FIGHT_WINDOW_MS - now;
    const first = !recorded.fighting;
    applier.state.recorded.set(member.id, { ...recorded, fighting: true });
    return { kind: "Slowed", member, stored: known, path: change.path, ms, first };
  }
  // An overlaid object is written only as it was seen: a rollout may have moved it on meanwhile.
  const version = claim?.cursor === undefined ? undefined : live?.metadata.resourceVersion;
  const options = {
    ...(applier.account === undefined ? {} : { account: applier.account }),
    ...(version === undefined ? {} : { resourceVersion: version }),
  };
  const stored = slim(
    await takeOver(await parts.cluster.apply(desired, options, signal), desired, applier, parts, signal),
  );
  cache.put(stored);
  parts.share(stored);
  const drifted = change.kind === "Drift";
  applier.state.recorded.set(member.id, {
    desired: text,
    stored,
    corrections: drifted ? [...corrections, now] : corrections,
    fighting: corrections.length > 0 && recorded?.fighting === true,
  });
  return drifted ? { kind: "Corrected", member, stored, path: change.path } : { kind: "Written", member, stored };
}

type Difference =
  | { readonly kind: "None"; readonly stored: Manifest }
  | { readonly kind: "New" }
  | { readonly kind: "Drift"; readonly path: string };

function changeOf(
  desired: Manifest,
  text: string,
  recorded: Recorded | undefined,
  live: Manifest | undefined,
  claim: Claim | undefined,
): Difference {
  if (recorded === undefined || recorded.desired !== text) return { kind: "New" };
  if (live === undefined) return { kind: "Drift", path: "the object was deleted or lost its label" };
  if (live.metadata.uid !== recorded.stored.metadata.uid) return { kind: "Drift", path: "the object was replaced" };
  if (live.metadata.resourceVersion === recorded.stored.metadata.resourceVersion) return { kind: "None", stored: live };
  const path = differs(desired, followed(recorded.stored, claim, live), live);
  return path === undefined ? { kind: "None", stored: live } : { kind: "Drift", path };
}

/** A failure of one object; the others go on. */
export function failed(member: Member, reason: Failure["reason"], message: string): Applied {
  return { kind: "Failed", member, failure: { ref: member.ref, position: member.position, reason, message } };
}
