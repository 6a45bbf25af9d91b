import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { InventoryEntry } from "./inventoryEntry.ts";
import { fits, PACKED_MAX, pack, unpack } from "./packing.ts";

const entries = (n: number, name = (i: number) => `map-${i}`): readonly InventoryEntry[] =>
  Array.from({ length: n }, (_, i) => ({ id: `/ConfigMap/shop/${name(i)}`, apiVersion: "v1", uid: randomUUID() }));

test("a small inventory stays readable, a large one is packed and comes back as it was", () => {
  const [small, large] = [entries(1_000), entries(1_001)];
  expect(pack(small)).toEqual({ inventory: small });
  expect(Object.keys(pack(large))).toEqual(["packedInventory"]);
  expect(unpack(pack(large))).toEqual(large);
  expect(unpack({})).toBeUndefined();
});

test("E33: 20,000 objects take less than half of what etcd stores of one object", () => {
  const packed = pack(entries(20_000, (i) => `service-${i.toString(36)}-config`)).packedInventory ?? "";
  console.log(`20,000 objects: ${packed.length} characters`);
  expect(packed.length).toBeLessThan(786_432);
});

test("what is too large to be stored is known before", () => {
  const long = entries(20_000, () => `${randomUUID()}${randomUUID()}${randomUUID()}`);
  expect(fits(long)).toBe(false);
  expect(pack(long).packedInventory?.length).toBeGreaterThan(PACKED_MAX);
  expect(fits(entries(20_000))).toBe(true);
});

const gzipped = (text: string) => gzipSync(text).toString("base64");
test.each([
  ["no base64", "%%%"],
  ["no gzip", Buffer.from("[]").toString("base64")],
  ["no JSON", gzipped("[")],
  ["no list", gzipped("{}")],
  ["an entry without apiVersion", gzipped('[{"id":"a"}]')],
  ["a bomb", gzipped(" ".repeat(40_000_000))],
])("A17: a forged text is never taken for no inventory: %s", (_, packedInventory) => {
  expect(() => unpack({ packedInventory })).toThrow(expect.objectContaining({ issues: expect.any(Array) }));
});

test("entries that somebody has put beside a packed inventory count as well", () => {
  const large = entries(1_001);
  const [one] = entries(1, () => "more");
  const found = unpack({ ...pack(large), inventory: one === undefined ? [] : [one] });
  expect(found).toHaveLength(1_002);
  expect(found).toContainEqual(one);
});
