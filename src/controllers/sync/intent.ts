import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { Claim } from "../../core/rollout/overlay.ts";
import { followed, overlay, sameBase, wordOf as textOf } from "../../core/rollout/overlay.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import { differs } from "../../core/sync/drift.ts";
import { allOwnFields, isSetOf, ownFields } from "../../core/sync/fields.ts";
import { type ObjectOptions, optionsOf } from "../../core/sync/options.ts";
import { ownerOf, sameSync } from "../../core/sync/owner.ts";
import { type Pointer, saysAny, yielded } from "../../core/sync/yields.ts";
import { type Applied, type Applier, type ApplyParts, failed } from "./apply.ts";
import type { Recorded } from "./state.ts";

/** What is to be done about one object. */
export type Intent = { readonly kind: "Settled"; readonly applied: Applied } | Write;

/** A write that an object needs. */
export interface Write {
  readonly kind: "Write";
  readonly member: Member;
  readonly options: ObjectOptions;
  /** What Git's word comes down to; kept with the answer. */
  readonly text: string;
  /** The live object as far as it is known. */
  readonly live: Manifest | undefined;
  readonly shared: boolean;
  /** Set where a live object no longer says what was applied. */
  readonly drift?: string;
  /** Earlier corrections within the last minute, epoch milliseconds. */
  readonly corrections: readonly number[];
  /** What to send, over a live object. `resourceVersion`: only as the live object was seen. */
  readonly over: (live: Manifest | undefined) => { readonly object: Manifest; readonly resourceVersion?: string };
}

/** So many corrections of one object within a minute are a fight. */
const FIGHT_CORRECTIONS = 5;
const FIGHT_WINDOW_MS = 60_000;
/** The word of an object that somebody else made, and that Git only wants to be there. */
const PRESENT = "present";

/** Decides about one object, without a write; it reads only what no watch tells. `now` is epoch milliseconds. */
export async function intend(
  member: Member,
  applier: Applier,
  parts: ApplyParts,
  now: number,
  signal: AbortSignal,
): Promise<Intent> {
  const { object } = member;
  const options = optionsOf(object);
  if (options.apply === "Ignore") return settled({ kind: "Ignored", member });
  const cache = await parts.managed.of(object.apiVersion, object.kind, signal);
  const known = cache.get(`${object.metadata.namespace ?? ""}/${object.metadata.name}`);
  const rival = rivalryOver(member, known, applier, parts);
  if (rival !== undefined) return settled(rival);
  const claim = parts.claimOn(object);
  const recorded = applier.state.recorded.get(member.id);
  const pointers = claim?.cursor === undefined ? parts.yieldedBy(member) : [];
  const looks = claim !== undefined || options.apply === "IfNotPresent" || saysAny(object, pointers);
  // Whether an unmarked object is there matters only to some, and only before the first apply.
  const live = known ?? (!looks || recorded !== undefined ? undefined : await parts.cluster.get(member.ref, signal));
  if (live?.metadata.deletionTimestamp !== undefined) {
    return settled({
      kind: "Waiting",
      member,
      message: "is being deleted, and is made anew once it is gone",
      until: "Gone",
    });
  }
  if (options.apply === "IfNotPresent") {
    const there = live ?? (recorded?.desired === PRESENT ? recorded.stored : undefined);
    if (there !== undefined) {
      if (recorded === undefined) applier.state.recorded.set(member.id, record(PRESENT, there));
      return settled({ kind: "Unchanged", member, stored: there });
    }
  }
  const word = wordOf(object, pointers);
  const shape = overlay(word, claim, live);
  const text = textOf(word, claim, shape);
  const over: Write["over"] = (there) => {
    const base = there === undefined ? object : yielded(object, pointers, there);
    // What is live goes back as it was seen: an autoscaler or a rollout may have moved it on meanwhile.
    const precise = claim?.cursor !== undefined || (there !== undefined && saysAny(base, pointers));
    const version = precise ? there?.metadata.resourceVersion : undefined;
    const sent = marked(overlay(base, claim, there), parts.digest(text));
    return { object: sent, ...(version === undefined ? {} : { resourceVersion: version }) };
  };
  const recognised = recorded ?? recognise(text, over, known, { claim, shape });
  if (recognised !== undefined && recorded === undefined) applier.state.recorded.set(member.id, recognised);
  const change = changeOf(shape, text, recognised, known, claim);
  if (change.kind === "None") return settled({ kind: "Unchanged", member, stored: change.stored });
  const corrections = (recorded?.corrections ?? []).filter((time) => now - time < FIGHT_WINDOW_MS);
  const shared = claim !== undefined;
  const write: Write = { kind: "Write", member, options, text, live, shared, corrections, over };
  if (change.kind === "New") return write;
  if (known === undefined || corrections.length < FIGHT_CORRECTIONS) return { ...write, drift: change.path };
  const ms = (corrections[0] ?? now) + FIGHT_WINDOW_MS - now;
  return settled({ kind: "Slowed", member, stored: known, path: change.path, ms });
}

function settled(applied: Applied): Intent {
  return { kind: "Settled", applied };
}

/** Another sync's object is left to it; undefined: no other sync lays claim to it. */
function rivalryOver(
  member: Member,
  known: Manifest | undefined,
  { sync, state }: Applier,
  { rivalOf, precedentOf }: ApplyParts,
): Applied | undefined {
  const first = known === undefined && !state.recorded.has(member.id) ? precedentOf(member.id) : undefined;
  const rival = known === undefined ? first : ownerOf(known);
  if (rival === undefined || sameSync(rival, sync)) return undefined;
  const rivalry = rivalOf(rival, member.id);
  const message = `belongs to GitSync ${rival.namespace}/${rival.name}`;
  if (rivalry === "NotAsked") return { kind: "Waiting", member, message };
  return rivalry === "Rival" ? failed(member, "OwnedByOther", message) : undefined;
}

/**
 * What a new process knows of an object without asking: it carries the mark of this very word, and the fields that the API
 * server has as ours are those that would be sent. A field that was changed or removed since is ours no more.
 * A rollout's patch takes over what stands beside its own part (a selector, the rules of a route), whoever wrote that: there
 * the values count as well.
 */
function recognise(
  text: string,
  over: Write["over"],
  known: Manifest | undefined,
  { claim, shape }: { readonly claim: Claim | undefined; readonly shape: Manifest },
): Recorded | undefined {
  if (known === undefined) return undefined;
  const { apiVersion: _apiVersion, kind: _kind, metadata, status: _status, ...rest } = over(known).object;
  const { name: _name, namespace: _namespace, ...named } = metadata;
  if (known.metadata.annotations?.[Mark.applied] !== named.annotations?.[Mark.applied]) return undefined;
  const said = { ...rest, metadata: named };
  if (isSetOf(ownFields(known), said)) return record(text, known);
  if (claim === undefined || !isSetOf(allOwnFields(known), said)) return undefined;
  if (known.kind === "Service" && !sameBase(shape, known)) return undefined;
  return differs(shape, followed(shape, claim, known), known) === undefined ? record(text, known) : undefined;
}

function record(desired: string, stored: Manifest): Recorded {
  return { desired, stored, corrections: [], fighting: undefined };
}

type Difference =
  | { readonly kind: "None"; readonly stored: Manifest }
  | { readonly kind: "New" }
  | { readonly kind: "Drift"; readonly path: string };

function changeOf(
  shape: Manifest,
  text: string,
  recorded: Recorded | undefined,
  live: Manifest | undefined,
  claim: Claim | undefined,
): Difference {
  if (recorded === undefined || recorded.desired !== text) return { kind: "New" };
  if (live === undefined) return { kind: "Drift", path: "the object was deleted or lost its label" };
  if (live.metadata.uid !== recorded.stored.metadata.uid) return { kind: "Drift", path: "the object was replaced" };
  if (live.metadata.resourceVersion === recorded.stored.metadata.resourceVersion) return { kind: "None", stored: live };
  const path = differs(shape, followed(recorded.stored, claim, live), live);
  return path === undefined ? { kind: "None", stored: live } : { kind: "Drift", path };
}

function marked(object: Manifest, mark: string): Manifest {
  const annotations = { ...object.metadata.annotations, [Mark.applied]: mark };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Objects of a desired set never change, and what others own of them hardly ever does. */
const words = new WeakMap<Manifest, { readonly key: string; readonly word: Manifest }>();

function wordOf(object: Manifest, pointers: readonly Pointer[]): Manifest {
  if (!saysAny(object, pointers)) return object;
  const key = JSON.stringify(pointers);
  const known = words.get(object);
  if (known?.key === key) return known.word;
  const word = yielded(object, pointers);
  words.set(object, { key, word });
  return word;
}
