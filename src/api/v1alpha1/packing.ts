import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { type InventoryEntry, inventoryEntry } from "./inventoryEntry.ts";

/** An inventory of up to so many entries is stored as it is read; a larger one as compressed text, which is a quarter as long. */
const READABLE = 1_000;
/** Characters of a packed inventory: with the rest of the object, well within the 1.5 MiB that etcd takes. */
export const PACKED_MAX = 1_048_576;
/** Bytes that are unpacked at most: a forged inventory must not fill the memory. */
const UNPACKED_MAX = 32 * 1024 * 1024;
/** Entries that an inventory has at most. */
const ENTRIES_MAX = 100_000;

const entries = z.array(inventoryEntry).max(ENTRIES_MAX);

/** The two ways to store an inventory; of a status, at most one of them is there. */
export interface StoredInventory {
  readonly inventory?: InventoryEntry[] | undefined;
  readonly packedInventory?: string | undefined;
}

/** Packed texts by their entries: both are made once, since an inventory is never changed but replaced. */
const packed = new WeakMap<readonly InventoryEntry[], string>();

/** How an inventory is stored. The text is base64 of gzip of JSON, so `base64 -d | gunzip` shows it. */
export function pack(inventory: readonly InventoryEntry[]): StoredInventory {
  if (inventory.length <= READABLE) return { inventory: [...inventory] };
  const text = packed.get(inventory) ?? gzipSync(JSON.stringify(inventory)).toString("base64");
  packed.set(inventory, text);
  return { packedInventory: text };
}

/** Tells whether an inventory can be stored at all. */
export function fits(inventory: readonly InventoryEntry[]): boolean {
  return (pack(inventory).packedInventory?.length ?? 0) <= PACKED_MAX;
}

/** The entries of a stored inventory. Throws a ZodError for one that cannot be read: it must never be taken for none. */
export function unpack(stored: StoredInventory): InventoryEntry[] | undefined {
  const { inventory, packedInventory } = stored;
  if (packedInventory === undefined) return inventory;
  const found = entries.parse(parsed(packedInventory));
  packed.set(found, packedInventory);
  // Both are there only when somebody has put one of them there.
  return inventory === undefined ? found : [...new Map([...found, ...inventory].map((one) => [one.id, one])).values()];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(gunzipSync(Buffer.from(text, "base64"), { maxOutputLength: UNPACKED_MAX }).toString("utf8"));
  } catch {
    const path = ["status", "packedInventory"];
    throw new z.ZodError([{ code: "custom", path, message: "is no packed inventory", input: undefined }]);
  }
}
