import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import type { InventoryEntry } from "../../api/v1alpha1/inventoryEntry.ts";
import { pack } from "../../api/v1alpha1/packing.ts";
import { Holdings } from "./holdings.ts";

const entry = (id: string, uid?: string): InventoryEntry => ({
  id,
  apiVersion: "v1",
  ...(uid === undefined ? {} : { uid }),
});

const sync = (status: JsonObject): Manifest => ({
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "GitSync",
  metadata: { name: "a", namespace: "shop" },
  status,
});

const note = (holdings: Holdings, key: Key, inventory: readonly InventoryEntry[]): void =>
  holdings.note({ key, before: undefined, now: sync({ inventory: [...inventory] }) });

test("an object is found with all syncs that have planned or applied it", () => {
  const holdings = new Holdings();
  note(holdings, "shop/a", [entry("one"), entry("two", "1")]);
  note(holdings, "shop/b", [entry("two")]);
  expect([...holdings.of("one")]).toEqual([["shop/a", "Planned"]]);
  expect([...holdings.of("two")]).toEqual([
    ["shop/a", "Applied"],
    ["shop/b", "Planned"],
  ]);
  expect([...holdings.of("three")]).toEqual([]);
});

test("the last word of a sync counts, and none once it is gone", () => {
  const holdings = new Holdings();
  note(holdings, "shop/a", [entry("one"), entry("two")]);
  expect(holdings.of("one").size).toBe(1);
  note(holdings, "shop/a", [entry("two", "1")]);
  expect(holdings.of("one").size).toBe(0);
  expect(holdings.of("two").get("shop/a")).toBe("Applied");
  holdings.note({ key: "shop/a", before: undefined, now: undefined });
  expect(holdings.of("two").size).toBe(0);
});

test("packed inventories are read, and one that cannot be read hides no other", () => {
  const holdings = new Holdings();
  const many = Array.from({ length: 20_000 }, (_, n) => entry(`a-${n}`, "1"));
  holdings.note({ key: "shop/a", before: undefined, now: sync({ ...pack(many) }) });
  holdings.note({ key: "shop/b", before: undefined, now: sync({ packedInventory: "no base64" }) });
  holdings.note({ key: "shop/c", before: undefined, now: sync({ inventory: [{ id: 5 }, "x", { id: "a-7" }] }) });
  expect([...holdings.of("a-7")]).toEqual([
    ["shop/a", "Applied"],
    ["shop/c", "Planned"],
  ]);
});

test("what this process has planned counts until the status has an inventory, be it an empty one, and of this sync alone", () => {
  const holdings = new Holdings();
  const made = (uid: string, status: JsonObject = {}): Manifest => ({
    ...sync(status),
    metadata: { name: "a", namespace: "shop", uid },
  });
  const tell = (now: Manifest) => holdings.note({ key: "shop/a", before: undefined, now });
  tell(made("u-1"));
  holdings.plan(made("u-1"), [entry("one")]);
  expect([...holdings.of("one")]).toEqual([["shop/a", "Planned"]]);
  tell(made("u-1"));
  expect(holdings.of("one").size).toBe(1);
  tell(made("u-2"));
  expect(holdings.of("one").size).toBe(0);
  holdings.plan(made("u-2"), [entry("one")]);
  tell(made("u-2", { inventory: [] }));
  expect(holdings.of("one").size).toBe(0);
});
