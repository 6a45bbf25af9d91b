import { stringAt } from "../../api/json.ts";
import type { Key, Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { textOf } from "../../core/rollout/because.ts";
import { type Contender, type Limit, limitOf, type Turn, turns, waitsFor } from "../../core/rollout/turns.ts";
import type { Change } from "../../ports/watch.ts";
import { split } from "./caches.ts";

/** What the turns of rollouts are read from. */
export interface TurnSources {
  /** The ProgressiveRollouts of a namespace, as last stored. */
  readonly rollouts: (namespace: string) => readonly Manifest[];
  readonly namespace: (name: string) => Manifest | undefined;
  /** The limit of namespaces that set none; undefined: none. */
  readonly maxRollouts: number | undefined;
  readonly wake: (key: Key) => void;
}

/** Stages in which a candidate has pods. */
const UNDER_WAY: ReadonlySet<string> = new Set(["Stepping", "Switching", "Returning"]);

/**
 * Which rollouts of a namespace may start. There is one leader, so one place where this is decided: from the look that lets
 * a rollout start until that is stored and seen, the rollout is counted as under way by its reservation, and nothing is
 * awaited between the evidence and the reservation. So two that decide at the same moment never take the same place.
 */
export class Turns {
  readonly #sources: TurnSources;
  readonly #reserved = new Set<Key>();
  /** Rollouts that cannot be looked at: nobody waits behind one of them. */
  readonly #stuck = new Set<Key>();
  /** What each waiting rollout was last woken for, by namespace and name. */
  readonly #told = new Map<string, ReadonlyMap<string, string>>();

  constructor(sources: TurnSources) {
    this.#sources = sources;
  }

  /** Where a rollout stands; undefined: its namespace has no limit. */
  of(key: Key): Turn | undefined {
    const [namespace, name] = split(key);
    const limit = this.#limit(namespace);
    if (limit === undefined) return undefined;
    const all = turns(this.#contenders(namespace), limit);
    return all.get(name) ?? all.get(undefined);
  }

  /** Counts a rollout as under way until it is released. */
  reserve(key: Key): void {
    this.#reserved.add(key);
  }

  /** By now the stored rollout says itself whether it is under way. */
  release(key: Key): void {
    if (this.#reserved.delete(key)) this.recount(split(key)[0]);
  }

  /** A rollout cannot be looked at, or can be again. */
  mark(key: Key, state: "Stuck" | "Fine"): void {
    const before = this.#stuck.size;
    if (state === "Stuck") this.#stuck.add(key);
    else this.#stuck.delete(key);
    if (this.#stuck.size !== before) this.recount(split(key)[0]);
  }

  /** A rollout was stored, or is gone. */
  onRollout({ key, before, now }: Change): void {
    if (now === undefined) this.#stuck.delete(key);
    const [namespace] = split(key);
    if (placeOf(before) !== placeOf(now)) this.recount(namespace);
  }

  /** Wakes the waiting ones whose turn has come, or who have something new to say of what they wait for. */
  recount(namespace: string): void {
    const limit = this.#limit(namespace);
    const before = this.#told.get(namespace);
    if (limit === undefined) {
      this.#told.delete(namespace);
      for (const { name, waitingSince } of this.#contenders(namespace))
        if (waitingSince !== undefined) this.#sources.wake(`${namespace}/${name}`);
      return;
    }
    const told = new Map<string, string>();
    for (const [name, turn] of turns(this.#contenders(namespace), limit)) {
      if (name === undefined) continue;
      const why = waitsFor(turn);
      told.set(name, why === undefined ? "" : textOf(why));
    }
    this.#told.set(namespace, told);
    for (const [name, text] of told) if (before?.get(name) !== text) this.#sources.wake(`${namespace}/${name}`);
  }

  #limit(namespace: string): Limit | undefined {
    const annotations = this.#sources.namespace(namespace)?.metadata.annotations;
    return limitOf(annotations?.[Mark.maxRollouts], this.#sources.maxRollouts);
  }

  #contenders(namespace: string): readonly Contender[] {
    return this.#sources.rollouts(namespace).map((object) => {
      const { name, deletionTimestamp } = object.metadata;
      const key: Key = `${namespace}/${name}`;
      const waitingSince = stringAt(object, "status", "rollout", "waitingSince");
      const waits = waitingSince !== undefined && deletionTimestamp === undefined && !this.#stuck.has(key);
      const underWay = this.#reserved.has(key) || isUnderWay(object);
      return { name, underWay, ...(waits ? { waitingSince } : {}) };
    });
  }
}

/** Tells whether a stored rollout has a candidate under way. Others' specs may be unreadable, so nothing is parsed. */
function isUnderWay(object: Manifest | undefined): boolean {
  const stage = stringAt(object, "status", "rollout", "stage") ?? "";
  return UNDER_WAY.has(stage) && stringAt(object, "status", "rollout", "candidate") !== undefined;
}

/** All of a rollout that the turns of others depend on, as a text. */
function placeOf(object: Manifest | undefined): string {
  const waiting = stringAt(object, "status", "rollout", "waitingSince") ?? "";
  return `${isUnderWay(object)} ${waiting} ${object?.metadata.deletionTimestamp === undefined}`;
}
