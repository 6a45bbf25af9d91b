import { groupOf, identity, type ObjectRef, title } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { type Member, wantedIds } from "./desiredSet.ts";

/** What a sync has applied or is about to apply: sorted by id, each id once. */
export type Inventory = readonly InventoryEntry[];

/**
 * The inventory to store before the first apply: everything recorded and everything planned, so that a crash orphans nothing.
 * Recorded uids stay, but for objects that are no longer there. Members whose kind isn't served are left out: they aren't applied now, and their id may be another.
 */
export function planned(
  old: Inventory,
  members: readonly Member[],
  isThere: (entry: InventoryEntry) => boolean = () => true,
): Inventory {
  const entries = new Map(old.map((entry) => [entry.id, isThere(entry) ? entry : withoutUid(entry)]));
  for (const { id, ref, served } of members) {
    if (served === "Yes" || served === "AfterItsCRD")
      entries.set(id, { ...entries.get(id), id, apiVersion: ref.apiVersion });
  }
  return sorted([...entries.values()]);
}

function withoutUid({ uid: _, ...entry }: InventoryEntry): InventoryEntry {
  return entry;
}

/** Tells whether an inventory names everything that another one does. */
export function hasAll(stored: Inventory, wanted: Inventory): boolean {
  const known = new Set(stored.map(({ id }) => id));
  return wanted.every(({ id }) => known.has(id));
}

/** Records the uids of applied objects, by id. An id that was never planned is ignored: planning comes first. */
export function withApplied(inventory: Inventory, uids: ReadonlyMap<string, string>): Inventory {
  return inventory.map((entry) => {
    const uid = uids.get(entry.id);
    return uid === undefined ? entry : { ...entry, uid };
  });
}

/** The entries that the desired set no longer has. */
export function prunable(inventory: Inventory, members: readonly Member[]): Inventory {
  const wanted = wantedIds(members);
  return inventory.filter(({ id }) => !wanted.has(id));
}

/** The inventory without entries that are gone or forgotten. All others survive, so a failed deletion is tried again. */
export function withoutPruned(inventory: Inventory, ids: Iterable<string>): Inventory {
  const gone = new Set(ids);
  return inventory.filter(({ id }) => !gone.has(id));
}

/** The entry of an object; without a uid it is only planned. */
export function entryFor(ref: ObjectRef, uid?: string): InventoryEntry {
  return { id: identity(ref), apiVersion: ref.apiVersion, ...(uid === undefined ? {} : { uid }) };
}

/** The object that an entry names; undefined when id and apiVersion don't fit together: somebody edited it. */
export function refOfEntry(entry: InventoryEntry): ObjectRef | undefined {
  const [group, kind, namespace, name, ...rest] = entry.id.split("/");
  if (!kind || !name || !entry.apiVersion || rest.length > 0 || group !== groupOf(entry.apiVersion)) return undefined;
  return { apiVersion: entry.apiVersion, kind, ...(namespace ? { namespace } : {}), name };
}

/** An object of the inventory as people call it. */
export function titleOf(id: string): string {
  const [group = ""] = id.split("/");
  const ref = refOfEntry({ id, apiVersion: group === "" ? "v1" : `${group}/v1` });
  return ref === undefined ? id : title(ref);
}

function sorted(entries: readonly InventoryEntry[]): Inventory {
  return [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
