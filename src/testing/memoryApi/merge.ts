import { isObject, type Json } from "../../api/json.ts";
import { itemKey, memberType, type Type } from "./types.ts";

/** What is live with what is applied put over it. Items of a keyed list are merged; new ones come last. */
export function merged(live: Json | undefined, applied: Json, type: Type): Json {
  if (type.kind === "List" && Array.isArray(applied)) {
    const before = Array.isArray(live) ? (live as readonly Json[]) : [];
    const items = new Map(before.map((item) => [itemKey(item, type), item]));
    for (const item of applied as readonly Json[]) {
      const key = itemKey(item, type);
      const known = items.get(key);
      items.set(key, type.item === undefined || known === undefined ? item : merged(known, item, type.item));
    }
    return [...items.values()];
  }
  if (type.kind !== "Map" || !isObject(applied)) return applied;
  const result: Record<string, Json | undefined> = isObject(live) ? { ...live } : {};
  for (const [name, below] of Object.entries(applied)) {
    if (below !== undefined) result[name] = merged(result[name], below, memberType(type, name, below));
  }
  return result;
}
