import { at, sameJson, stringAt, stringify } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import { firstPlanOf } from "../../api/v1alpha1/firstPlan.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { SyncName } from "../../core/sync/owner.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import type { Rivalry } from "./apply.ts";
import type { Held, Holdings } from "./holdings.ts";
import type { Moved } from "./source.ts";
import type { SyncState, SyncStates } from "./state.ts";

/** What is known of all syncs, and how one is asked for a look. */
export interface NeighbourParts {
  readonly syncs: ObjectCache;
  readonly holdings: Holdings;
  readonly states: SyncStates;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Asks for a look at Git: its remote must be asked after `since`, which is now unless given. */
  readonly notify: (sync: Key, since?: number) => void;
  /** Asks for a look at the objects now. */
  readonly wake: (sync: Key) => void;
}

/** So long after a commit came, other syncs of its source are waited for before it counts as their word that they do not want an object. */
const LOOK_LIMIT_MS = 60_000;

/** When the news came that the others have to look at. */
type Since = Pick<SyncState, "startedAt">;

/**
 * The other syncs, as far as objects move between them. One commit can take an object out of one sync's path and into
 * another's; whichever sees the commit first waits for the other, so that the object changes hands and is never deleted.
 */
export class Neighbours {
  readonly #parts: NeighbourParts;
  /** By the sync that is refused: the objects that it declares and their owners. */
  readonly #refused = new Map<Key, ReadonlyMap<string, Key>>();
  /** When the remote was asked for the last move that was spread, by what follows it. */
  readonly #spread = new Map<string, number>();

  constructor(parts: NeighbourParts) {
    this.#parts = parts;
  }

  /** The word of the sync whose mark an object carries: what it wants, else what it has applied. */
  rivalry(owner: SyncName, id: string, sync: GitSync, state: SyncState): Rivalry {
    const key: Key = `${owner.namespace}/${owner.name}`;
    const rival = this.#parts.syncs.get(key);
    if (rival === undefined || rival.metadata.deletionTimestamp !== undefined) return "None";
    const known = this.#parts.states.known(key);
    // The object bears its mark: a first plan that a former process has left is no boast.
    const planned = () => firstPlanOf(rival)?.some((entry) => entry.id === id) === true;
    const holds = () => this.#holding(rival, id, sync.spec.url) !== undefined || planned();
    const wants = known?.accepted === undefined ? holds() : known.wanted.has(id);
    if (!wants) return "None";
    if (!this.#isLate(rival, sync, state)) return "Rival";
    this.#parts.notify(key);
    return "NotAsked";
  }

  /**
   * The sync that comes before another one for an object that nobody's mark is on: it has applied it already, or it is the
   * older of the two. Without this, whoever writes last would own it.
   */
  precedent(id: string, { object, spec }: GitSync): SyncName | undefined {
    const before = [...this.#parts.holdings.of(id).keys()].flatMap((key) => {
      const other = this.#parts.syncs.get(key);
      if (other === undefined || key === keyOf(object) || other.metadata.deletionTimestamp !== undefined) return [];
      const held = this.#holding(other, id, spec.url);
      return held === "Applied" || (held === "Planned" && isOlder(other, object)) ? [{ other, held }] : [];
    });
    const applied = before.filter(({ held }) => held === "Applied");
    // The same one each time, in whichever order they were heard of: it is named in the status of those that it keeps out.
    const [first] = (applied.length > 0 ? applied : before).sort((a, b) => (isOlder(a.other, b.other) ? -1 : 1));
    if (first === undefined) return undefined;
    return { namespace: first.other.metadata.namespace ?? "", name: first.other.metadata.name };
  }

  /** Notes which objects a sync is refused, and by whom. Owners of which something has changed are asked to tell of it. */
  contest(refused: Key, owners: ReadonlyMap<string, Key>): void {
    const before = this.#refused.get(refused) ?? new Map<string, Key>();
    if (owners.size > 0) this.#refused.set(refused, owners);
    else this.#refused.delete(refused);
    const changed = [...before, ...owners].filter(
      ([id, owner]) => before.get(id) !== owner || owners.get(id) !== owner,
    );
    this.wake(new Set(changed.map(([, owner]) => owner)));
  }

  /** The objects of a sync that others declare too, each with one of these, sorted. */
  contests(owner: Key): readonly { readonly id: string; readonly by: Key }[] {
    const found = [...this.#refused].flatMap(([by, owners]) =>
      [...owners].filter(([, whose]) => whose === owner).map(([id]) => ({ id, by })),
    );
    return found.sort((a, b) => (`${a.id} ${a.by}` < `${b.id} ${b.by}` ? -1 : 1));
  }

  /**
   * The other sync that has planned or applied an object that this one lets go, or means to: one that cannot store its plan
   * for now wants the object no less.
   */
  claimedBy(id: string, by: SyncName): Key | undefined {
    const self = this.#parts.syncs.get(`${by.namespace}/${by.name}`);
    const url = stringAt(self, "spec", "url");
    for (const sync of this.#parts.syncs.list()) {
      const { namespace, name, deletionTimestamp } = sync.metadata;
      if (deletionTimestamp !== undefined || (namespace === by.namespace && name === by.name)) continue;
      if (this.#holding(sync, id, url) !== undefined || this.#means(sync, id, url)) return keyOf(sync);
    }
    return undefined;
  }

  /** Syncs of the same source that have not looked at Git since this one saw its commit. They are asked to. */
  unasked(sync: GitSync, since: Since): readonly Key[] {
    const late = this.#parts.syncs
      .list()
      .filter((other) => this.#isLate(other, sync, since))
      .map(keyOf);
    for (const key of late) this.#parts.notify(key);
    return late;
  }

  /** Whether a sync of the same source has not looked at this one's commit yet. It is asked to. */
  isUnasked(other: Manifest, sync: GitSync, since: Since): boolean {
    const late = this.#isLate(other, sync, since);
    if (late) this.#parts.notify(keyOf(other));
    return late;
  }

  /**
   * Lets the others that have looked at the same ref, and saw another commit there or none, know that it has moved: the answer
   * that said so serves them as well.
   */
  spread({ object, spec }: GitSync, { sha, askedAt }: Moved): void {
    const what = `${spec.url} ${stringify(spec.ref)}`;
    if ((this.#spread.get(what) ?? 0) >= askedAt) return;
    this.#spread.set(what, askedAt);
    for (const other of this.#parts.syncs.list()) {
      const known = this.#parts.states.known(keyOf(other));
      if (known === undefined || isToLook(known) || known.checkedAt >= askedAt) continue;
      if ((known.broken ?? known.content)?.commit.sha === sha) continue;
      if (keyOf(other) !== keyOf(object) && sameSource(other, object)) this.#parts.notify(keyOf(other), askedAt);
    }
  }

  /** Lets syncs look at their objects again. */
  wake(syncs: Iterable<Key>): void {
    for (const key of syncs) this.#parts.wake(key);
  }

  /**
   * Whether a sync has applied an object or is about to. A plan alone is anybody's to make, in any repository: it counts no
   * more once the account behind it was refused, and while it is held it counts for the syncs of its source alone.
   */
  #holding(sync: Manifest, id: string, url: string | undefined): Held | undefined {
    const entry = this.#parts.holdings.of(id).get(keyOf(sync));
    const state = entry === "Planned" ? this.#parts.states.known(keyOf(sync)) : undefined;
    if (state?.forbidden.has(id)) return undefined;
    return state?.hold !== undefined && stringAt(sync, "spec", "url") !== url ? undefined : entry;
  }

  /** Whether a sync of the same source is about to plan an object, or a commit of it that is refused for now wants it. */
  #means(sync: Manifest, id: string, url: string | undefined): boolean {
    const state = this.#parts.states.known(keyOf(sync));
    if (state === undefined || stringAt(sync, "spec", "url") !== url) return false;
    return state.rehearsal?.claims.has(id) === true || (state.wanted.has(id) && !state.forbidden.has(id));
  }

  /** One that cannot look, for whatever reason, is not waited for without end. */
  #isLate(other: Manifest, { object }: GitSync, { startedAt }: Since): boolean {
    const { states, now } = this.#parts;
    const isOther = keyOf(other) !== keyOf(object);
    const looks = other.metadata.deletionTimestamp === undefined && at(other, "spec", "suspend") !== true;
    if (!isOther || !looks || !sameSource(other, object)) return false;
    return now() - startedAt < LOOK_LIMIT_MS && (states.known(keyOf(other))?.settledAt ?? 0) < startedAt;
  }
}

/** Until two syncs have applied an object, the older one has the right to it; of the same second, the first by name. */
function isOlder(a: Manifest, b: Manifest): boolean {
  const age = ({ metadata }: Manifest) => `${metadata.creationTimestamp ?? ""} ${metadata.namespace}/${metadata.name}`;
  return age(a) < age(b);
}

function sameSource(a: Manifest, b: Manifest): boolean {
  const sameRef = sameJson(at(a, "spec", "ref") ?? {}, at(b, "spec", "ref") ?? {});
  return sameRef && stringAt(a, "spec", "url") === stringAt(b, "spec", "url");
}

/** Its first look is still to begin, and will see what is there then. */
function isToLook({ lookedAt, looking }: SyncState): boolean {
  return lookedAt === 0 && looking === undefined;
}
