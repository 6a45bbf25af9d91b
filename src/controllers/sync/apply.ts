import { canonical, type JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import { followed, overlay } from "../../core/rollout/overlay.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { differs } from "../../core/sync/drift.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import { ownerOf, type SyncName, sameSync } from "../../core/sync/owner.ts";
import { ApiError, type Cluster, type Identity } from "../../ports/cluster.ts";
import type { ManagedObjects } from "./kinds.ts";
import type { Recorded, SyncState } from "./state.ts";

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
    }
  | { readonly kind: "Failed"; readonly member: Member; readonly failure: Failure };

/** What applying takes. */
export interface ApplyParts {
  readonly cluster: Cluster;
  readonly managed: ManagedObjects;
  /** What a rollout says of a shared object. */
  readonly claimOn: (object: Manifest) => Claim | undefined;
  /** The sync that lays claim to an object that carries its mark. */
  readonly rivalOf: (owner: SyncName, id: string) => boolean;
}

/** Who applies and what it remembers. */
export interface Applier extends Identity {
  readonly sync: SyncName;
  readonly state: SyncState;
}

/** So many corrections of one object within a minute are a fight. */
const FIGHT_CORRECTIONS = 5;
const FIGHT_WINDOW_MS = 60_000;

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
  const { object } = member;
  try {
    const cache = await parts.managed.of(object.apiVersion, object.kind, signal);
    const key = `${object.metadata.namespace ?? ""}/${object.metadata.name}` as const;
    const known = cache.get(key);
    const rival = known === undefined ? undefined : ownerOf(known);
    if (rival !== undefined && !sameSync(rival, applier.sync) && parts.rivalOf(rival, member.id)) {
      const message = `belongs to GitSync ${rival.namespace}/${rival.name}`;
      return failed(member, "OwnedByOther", message);
    }
    const claim = parts.claimOn(object);
    const recorded = applier.state.recorded.get(member.id);
    // Whether an unmarked object is there matters to an overlay alone, and only before the first apply.
    const live =
      known ??
      (claim === undefined || recorded !== undefined ? undefined : await parts.cluster.get(member.ref, signal));
    const desired = overlay(object, claim, live);
    const text = `${claim === undefined ? "" : "claimed "}${canonical(object as JsonObject)}`;
    const change = changeOf(desired, text, recorded, known, claim);
    if (change.kind === "None") return { kind: "Unchanged", member, stored: change.stored };
    const corrections = (recorded?.corrections ?? []).filter((time) => now - time < FIGHT_WINDOW_MS);
    if (change.kind === "Drift" && known !== undefined && corrections.length >= FIGHT_CORRECTIONS) {
      const ms = (corrections[0] ?? now) + FIGHT_WINDOW_MS - now;
      return { kind: "Slowed", member, stored: known, path: change.path, ms };
    }
    // An overlaid object is written only as it was seen: a rollout may have moved it on meanwhile.
    const version = claim?.cursor === undefined ? undefined : live?.metadata.resourceVersion;
    const options = {
      ...(applier.account === undefined ? {} : { account: applier.account }),
      ...(version === undefined ? {} : { resourceVersion: version }),
    };
    const stored = await parts.cluster.apply(desired, options, signal);
    cache.put(stored);
    const drifted = change.kind === "Drift";
    applier.state.recorded.set(member.id, {
      desired: text,
      stored,
      corrections: drifted ? [...corrections, now] : corrections,
    });
    return drifted ? { kind: "Corrected", member, stored, path: change.path } : { kind: "Written", member, stored };
  } catch (error) {
    // What is live has moved on, or this process must stop: look again rather than report a failure.
    if (!(error instanceof ApiError) || error.kind === "Fenced" || error.kind === "Conflict") throw error;
    return failed(member, error.kind === "Forbidden" ? "Forbidden" : "ApplyFailed", error.message);
  }
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
function failed(member: Member, reason: Failure["reason"], message: string): Applied {
  return { kind: "Failed", member, failure: { ref: member.ref, position: member.position, reason, message } };
}
