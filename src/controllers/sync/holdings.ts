import { at, type Json, listAt, stringAt } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { unpack } from "../../api/v1alpha1/packing.ts";
import type { Change } from "../../ports/watch.ts";

/** What a stored inventory says of an object: the sync is about to apply it, or has done so. */
export type Held = "Planned" | "Applied";

const NOBODY: ReadonlyMap<Key, Held> = new Map();

/** The inventories of all syncs as last heard of, found by object: each new object asks, and must not look at every sync. */
export class Holdings {
  readonly #bySync = new Map<Key, readonly string[]>();
  readonly #byId = new Map<string, Map<Key, Held>>();
  readonly #plans = new Map<Key, { readonly uid: string | undefined; readonly ids: readonly string[] }>();
  /** Read when somebody asks: a large inventory takes longer to unpack than a watch may be kept. */
  readonly #unread = new Map<Key, Manifest | undefined>();

  /** Takes a change of a sync. */
  note({ key, now }: Change): void {
    this.#unread.set(key, now);
    if (now === undefined || at(now, "status", "inventory") !== undefined) this.#plans.delete(key);
  }

  /** Takes what this process has planned for a sync whose status has no inventory yet. */
  plan(sync: Manifest, inventory: readonly InventoryEntry[]): void {
    this.#plans.set(keyOf(sync), { uid: sync.metadata.uid, ids: inventory.map(({ id }) => id) });
    this.#unread.set(keyOf(sync), sync);
  }

  /** The syncs that have planned or applied an object. */
  of(id: string): ReadonlyMap<Key, Held> {
    for (const [key, sync] of this.#unread) this.#read(key, sync);
    this.#unread.clear();
    return this.#byId.get(id) ?? NOBODY;
  }

  #read(key: Key, sync: Manifest | undefined): void {
    for (const id of this.#bySync.get(key) ?? []) {
      const holders = this.#byId.get(id);
      holders?.delete(key);
      if (holders?.size === 0) this.#byId.delete(id);
    }
    const held = sync === undefined ? [] : [...this.#plannedFor(key, sync), ...heldBy(sync)];
    for (const [id, how] of held) {
      const holders = this.#byId.get(id) ?? new Map<Key, Held>();
      this.#byId.set(id, holders.set(key, how));
    }
    if (sync === undefined) this.#bySync.delete(key);
    else
      this.#bySync.set(
        key,
        held.map(([id]) => id),
      );
  }

  #plannedFor(key: Key, sync: Manifest): readonly (readonly [string, Held])[] {
    const plan = this.#plans.get(key);
    return plan === undefined || plan.uid !== sync.metadata.uid ? [] : plan.ids.map((id) => [id, "Planned"] as const);
  }
}

/** Read leniently: another sync that cannot be read must not stop this one. */
function heldBy(sync: Manifest): readonly (readonly [string, Held])[] {
  return entriesOf(sync).flatMap((entry) => {
    const id = stringAt(entry, "id");
    return id === undefined ? [] : [[id, stringAt(entry, "uid") === undefined ? "Planned" : "Applied"] as const];
  });
}

function entriesOf(sync: Manifest): readonly Json[] {
  const plain = listAt(sync, "status", "inventory");
  const packedInventory = stringAt(sync, "status", "packedInventory");
  if (packedInventory === undefined) return plain;
  try {
    return [...plain, ...((unpack({ packedInventory }) ?? []) as readonly Json[])];
  } catch {
    return plain;
  }
}
