import { z } from "zod";
import type { Manifest } from "../objects.ts";
import { type InventoryEntry, inventoryEntry } from "./inventoryEntry.ts";
import { Mark } from "./names.ts";

/** Characters; about forty objects. Longer work is told of in the status before it begins. */
const TEXT_MAX = 4_096;

/** The uid makes it worthless on a copy of the sync. */
const firstPlan = z.object({ uid: z.string(), objects: z.array(inventoryEntry.omit({ uid: true })) });

/**
 * What a sync is about to apply for the first time, as an annotation: it is stored by the write that stores the finalizer, so
 * that a new sync costs one write less. undefined: there is too much of it.
 */
export function firstPlanText(sync: Manifest, inventory: readonly InventoryEntry[]): string | undefined {
  const objects = inventory.map(({ id, apiVersion }) => ({ id, apiVersion }));
  const text = JSON.stringify({ uid: sync.metadata.uid ?? "", objects });
  return text.length > TEXT_MAX ? undefined : text;
}

/** The entries of that annotation. One that cannot be read is none: it is not ours. */
export function firstPlanOf({ metadata }: Manifest): readonly InventoryEntry[] | undefined {
  const text = metadata.annotations?.[Mark.firstPlan];
  if (text === undefined || text.length > TEXT_MAX) return undefined;
  try {
    const { uid, objects } = firstPlan.parse(JSON.parse(text));
    return uid !== "" && uid === metadata.uid ? objects : undefined;
  } catch {
    return undefined;
  }
}
