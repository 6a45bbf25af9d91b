import { isObject, type Json, type JsonObject } from "../../api/json.ts";
import { itemKey, memberType, type Type } from "./types.ts";

/** A set of paths into an object, as managed fields hold it: a node is a member of it, or has members below, or both. */
export class FieldSet {
  member = false;
  readonly children = new Map<string, FieldSet>();

  /** The node at one step, made if it is missing. */
  at(step: string): FieldSet {
    let child = this.children.get(step);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(step, child);
    }
    return child;
  }

  /** Whether nothing is in it. */
  get empty(): boolean {
    return !this.member && [...this.children.values()].every((child) => child.empty);
  }
}

const EMPTY = new FieldSet();

/** Combines two sets, member by member. */
export function combine(a: FieldSet, b: FieldSet, keep: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const result = new FieldSet();
  result.member = keep(a.member, b.member);
  for (const step of new Set([...a.children.keys(), ...b.children.keys()])) {
    const child = combine(a.children.get(step) ?? EMPTY, b.children.get(step) ?? EMPTY, keep);
    if (!child.empty) result.children.set(step, child);
  }
  return result;
}

export const union = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x || y);
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x && y);
export const difference = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (x, y) => x && !y);

/** The paths that a value sets. */
export function fieldsOf(value: Json | undefined, type: Type): FieldSet {
  const set = new FieldSet();
  collect(value, type, set);
  return set;
}

function collect(value: Json | undefined, type: Type, set: FieldSet): void {
  if (type.kind === "List" && Array.isArray(value)) {
    for (const item of value as readonly Json[]) {
      const child = set.at(itemKey(item, type));
      child.member = true;
      if (type.item !== undefined) collect(item, type.item, child);
    }
    return;
  }
  if (type.kind !== "Map" || !isObject(value)) {
    set.member = true;
    return;
  }
  for (const [name, below] of Object.entries(value)) {
    if (below === undefined) continue;
    const child = set.at(`f:${name}`);
    collect(below, memberType(type, name, below), child);
    if (isNothing(below) || !isNamed(type, name)) child.member = true;
  }
}

/** The set with every named field on the way to a member: with the last member gone, the field goes as well. */
export function withNamed(set: FieldSet, type: Type): FieldSet {
  const result = new FieldSet();
  result.member = set.member;
  for (const [step, below] of set.children) {
    const name = step.startsWith("f:") ? step.slice(2) : undefined;
    const inner = type.kind === "List" ? type.item : type.kind === "Map" ? memberType(type, name ?? "", {}) : undefined;
    const child = withNamed(below, inner ?? { kind: "Atom" });
    if (name !== undefined && below.children.size > 0 && isNamed(type, name)) child.member = true;
    result.children.set(step, child);
  }
  return result;
}

/** A value without what is a member of the set. */
export function without(value: Json, set: FieldSet, type: Type): Json {
  if (type.kind === "List" && Array.isArray(value)) {
    const kept = (value as readonly Json[]).flatMap((item) => {
      const node = set.children.get(itemKey(item, type));
      if (node?.member === true) return [];
      return [node === undefined || type.item === undefined ? item : without(item, node, type.item)];
    });
    return kept;
  }
  if (type.kind !== "Map" || !isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, below]) => {
      const node = set.children.get(`f:${name}`);
      if (below === undefined || node?.member === true) return [];
      if (node === undefined) return [[name, below]];
      const kept = without(below, node, memberType(type, name, below));
      // A list or map that lost all its items is null, which is not stored, but is not absent until then.
      return [[name, isNothing(kept) && !isNothing(below) ? null : kept]];
    }),
  );
}

/** As `FieldsV1` writes it. */
export function toFieldsV1(set: FieldSet): JsonObject {
  const result: Record<string, Json> = {};
  for (const [step, child] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (child.empty) continue;
    const below = toFieldsV1(child);
    result[step] = child.member && child.children.size > 0 ? { ".": {}, ...below } : below;
  }
  return result;
}

/** What changed from one value to another. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two values of a type. */
export function compare(before: Json | undefined, after: Json | undefined, type: Type): Comparison {
  const found = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  walk(before, after, type, found);
  return found;
}

function walk(before: Json | undefined, after: Json | undefined, type: Type, to: Comparison): void {
  const [a, b] = [isNothing(before), isNothing(after)];
  const leaf =
    type.kind === "Atom" || (type.kind === "Map" && a && b) || mismatch(before, type) || mismatch(after, type);
  if (leaf) {
    if (before === undefined && after === undefined) return;
    if (before === undefined) to.added.member = true;
    else if (after === undefined) to.removed.member = true;
    else if (JSON.stringify(sorted(before)) !== JSON.stringify(sorted(after))) to.modified.member = true;
    return;
  }
  if (type.kind === "List") {
    const [x, y] = [byKey(before, type), byKey(after, type)];
    for (const step of new Set([...x.keys(), ...y.keys()])) {
      const below = { added: to.added.at(step), modified: to.modified.at(step), removed: to.removed.at(step) };
      if (!x.has(step)) below.added.member = true;
      if (!y.has(step)) below.removed.member = true;
      if (type.item !== undefined) walk(x.get(step), y.get(step), type.item, below);
    }
    return;
  }
  const [x, y] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  for (const name of new Set([...Object.keys(x), ...Object.keys(y)])) {
    const step = `f:${name}`;
    const below = { added: to.added.at(step), modified: to.modified.at(step), removed: to.removed.at(step) };
    walk(x[name], y[name], memberType(type, name, y[name] ?? x[name] ?? null), below);
    if (x[name] === undefined && isObject(y[name])) below.added.member = true;
    if (y[name] === undefined && isObject(x[name])) below.removed.member = true;
  }
}

function byKey(value: Json | undefined, type: Type & { kind: "List" }): ReadonlyMap<string, Json> {
  const list = Array.isArray(value) ? (value as readonly Json[]) : [];
  return new Map(list.map((item) => [itemKey(item, type), item]));
}

function mismatch(value: Json | undefined, type: Type): boolean {
  if (value === undefined || value === null) return false;
  return type.kind === "List" ? !Array.isArray(value) : type.kind === "Map" && !isObject(value);
}

function isNamed(type: Type, name: string): boolean {
  return type.kind === "Map" && type.fields !== undefined && Object.hasOwn(type.fields, name);
}

/** A value without its members that are null. */
export function withoutNulls(value: Json): Json {
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, below]) => below !== undefined && below !== null);
  return Object.fromEntries(entries.map(([name, below]) => [name, withoutNulls(below as Json)]));
}

/** Null, an empty map or an empty list. */
export function isNothing(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/** A value with sorted keys. */
function sorted(value: Json | undefined): Json {
  if (Array.isArray(value)) return value.map((item: Json) => sorted(item));
  if (!isObject(value)) return value ?? null;
  const entries = Object.entries(value).filter(([, below]) => below !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, below]) => [key, sorted(below)]));
}
