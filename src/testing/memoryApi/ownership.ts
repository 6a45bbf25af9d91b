import { type Json, type JsonObject, sameJson } from "../../api/json.ts";
import {
  combine,
  difference,
  FieldSet,
  fieldsOf,
  intersection,
  toFieldsV1,
  union,
  withNamed,
  without,
} from "./fieldSet.ts";
import { UNOWNED } from "./metadata.ts";
import type { Type } from "./types.ts";

const UNOWNED_TOO = ["name", "namespace", "resourceVersion", "uid"];

/** What an apply removes: what its manager owned before, owns no more, and nobody else owns. */
export function pruned(all: Json, last: FieldSet, owned: readonly FieldSet[], type: Type): Json {
  const held = owned.reduce(union, new FieldSet());
  const named = withNamed(last, type);
  const gone = without(all, named, type);
  const [whole, rest] = [all, gone].map((value) => withNamed(fieldsOf(value, type), type));
  if (whole === undefined || rest === undefined) return all;
  const back = without(all, difference(difference(whole, rest), withNamed(held, type)), type);
  const left = withNamed(fieldsOf(back, type), type);
  return without(all, intersection(difference(whole, left), named), type);
}

/** Without what is nobody's: the type, the name, and what the server sets. */
export function ownable(set: FieldSet): FieldSet {
  const server = new FieldSet();
  for (const field of ["apiVersion", "kind"]) server.at(`f:${field}`).member = true;
  for (const field of [...UNOWNED, ...UNOWNED_TOO]) server.at("f:metadata").at(`f:${field}`).member = true;
  const kept = difference(set, server);
  const metadata = kept.children.get("f:metadata");
  if (metadata !== undefined) metadata.member = false;
  return combine(kept, new FieldSet(), (has) => has);
}

/** Managers that own something. */
export function withoutEmpty(owned: ReadonlyMap<string, FieldSet>): ReadonlyMap<string, FieldSet> {
  return new Map([...owned].filter(([, set]) => !set.empty));
}

/** Tells whether all managers own the same as before. */
export function sameOwners(a: ReadonlyMap<string, FieldSet>, b: ReadonlyMap<string, FieldSet>): boolean {
  const text = (owned: ReadonlyMap<string, FieldSet>): JsonObject =>
    Object.fromEntries([...owned].map(([name, set]) => [name, toFieldsV1(set)]));
  return sameJson(text(a), text(b));
}
