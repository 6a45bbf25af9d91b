import {
  type AliasEvent,
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  type MappingEvent,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
} from "js-yaml";
import { isObject, type Json } from "../../api/json.ts";
import { DocumentError, invalid, maxDepth, tooDeep } from "./flaw.ts";
import { keyText } from "./scalar.ts";
import { sourceOf, tagOf, toJson, typed } from "./scalarEvent.ts";

/** A document's value, with the offsets of the value and of the members of its list `items`. */
export interface Read {
  readonly value: Json;
  readonly start: number;
  readonly items: readonly number[];
  /** The offsets of all values, if they are asked for: by their paths of keys and indices, as JSON. */
  readonly places?: ReadonlyMap<string, number>;
}

/** What may still be spent on a file, in characters. */
export interface Budget {
  /** What aliases and merges repeat; a node counts as `nodeCost`. */
  repeating: number;
  /** What is read more than once. */
  rereading: number;
}

const nodeCost = 64;

type NodeEvent = AliasEvent | ScalarEvent | SequenceEvent | MappingEvent;

/** A node with an anchor; without a value while it is being read. */
interface Anchored {
  value?: Json;
  /** Its text as a key. */
  key?: string | undefined;
  cost: number;
  height: number;
}

/**
 * Reads the documents of a text as kubectl does. Objects come frozen, and hold nothing but their own members;
 * an alias stands for the very value that its anchor names.
 */
export function readDocuments(
  text: string,
  events: readonly Event[],
  budget: Budget,
  locating: boolean,
): readonly Read[] {
  const documents: Read[] = [];
  let next = 0;
  while (next < events.length) {
    // A document's own event comes first, and its end last.
    const reader = new Reader(text, events, next + 1, budget, locating);
    documents.push(reader.document());
    next = reader.next + 1;
  }
  return documents;
}

class Reader {
  next: number;
  readonly #text: string;
  readonly #events: readonly Event[];
  readonly #budget: Budget;
  readonly #anchors = new Map<string, Anchored>();
  readonly #items: number[] = [];
  /** The last offset that is known: a missing value has none of its own. */
  #offset = 0;
  #deepest = 0;
  #cost = 0;
  /** How many flow collections are open. */
  #flow = 0;

  readonly #places: Map<string, number> | undefined;
  readonly #path: (string | number)[] = [];

  constructor(text: string, events: readonly Event[], next: number, budget: Budget, locating: boolean) {
    this.#places = locating ? new Map() : undefined;
    this.#text = text;
    this.#events = events;
    this.next = next;
    this.#budget = budget;
  }

  document(): Read {
    const start = this.#startOf(this.#peek());
    const value = this.#value(0);
    return { value, start, items: this.#items, ...(this.#places === undefined ? {} : { places: this.#places }) };
  }

  #peek(): NodeEvent {
    return this.#events[this.next] as NodeEvent;
  }

  #atEnd(): boolean {
    return this.#events[this.next]?.type === EVENT_ID.POP;
  }

  #value(depth: number): Json {
    const event = this.#take(depth);
    if (event.type === EVENT_ID.ALIAS) return this.#aliased(event, depth).value;
    return this.#anchored(event, depth, () => {
      if (event.type === EVENT_ID.SCALAR) return { value: this.#scalar(event) };
      this.#tagged(event);
      const flow = event.style === COLLECTION_STYLE.FLOW ? 1 : 0;
      this.#flow += flow;
      const value = event.type === EVENT_ID.MAPPING ? this.#mapping(depth) : this.#sequence(depth, undefined);
      this.#flow -= flow;
      return { value };
    }).value;
  }

  /** Reads the value of a key or an index. */
  #member(key: string | number, depth: number): Json {
    if (this.#places === undefined) return this.#value(depth);
    this.#path.push(key);
    this.#places.set(JSON.stringify(this.#path), this.#startOf(this.#peek()));
    const value = this.#value(depth);
    this.#path.pop();
    return value;
  }

  #take(depth: number): NodeEvent {
    const event = this.#peek();
    this.next += 1;
    this.#offset = this.#startOf(event);
    this.#cost += nodeCost;
    if (depth > this.#deepest) this.#deepest = depth;
    return event;
  }

  #sequence(depth: number, places: number[] | undefined): Json {
    const items: Json[] = [];
    while (!this.#atEnd()) {
      places?.push(this.#startOf(this.#peek()));
      items.push(this.#member(items.length, depth + 1));
    }
    this.next += 1;
    return Object.freeze(items);
  }

  #mapping(depth: number): Json {
    const members = new Map<string, Json>();
    const explicit = new Set<string>();
    while (!this.#atEnd()) {
      if (this.#isMerge()) {
        this.next += 1;
        this.#merge(members, depth);
        continue;
      }
      const name = this.#key(depth);
      if (explicit.has(name)) {
        const message = `the key ${JSON.stringify(name.slice(0, 100))} stands twice in one mapping; remove one of them`;
        throw new DocumentError("DuplicateKey", this.#offset, message);
      }
      explicit.add(name);
      this.#onNewLine();
      members.set(name, depth === 0 && name === "items" ? this.#listed() : this.#member(name, depth + 1));
    }
    this.next += 1;
    // Unlike an assignment, this makes a key `__proto__` a plain member.
    return Object.freeze(Object.fromEntries(members));
  }

  /** The parser lets a block mapping begin beside its key, after an anchor or a tag. */
  #onNewLine(): void {
    const { type, ...event } = this.#peek();
    if (type !== EVENT_ID.MAPPING || !("style" in event) || event.style !== COLLECTION_STYLE.BLOCK) return;
    const start = this.#startOf(this.#peek());
    if (this.#text.slice(this.#offset, start).includes("\n")) return;
    throw invalid(start, "a mapping begins beside its key; begin it on the next line");
  }

  /** The value of a document's own `items`: the places of its members are remembered. */
  #listed(): Json {
    const event = this.#peek();
    const plain = event.type === EVENT_ID.SEQUENCE && event.style === COLLECTION_STYLE.BLOCK;
    if (!plain || event.anchorStart >= 0 || event.tagStart >= 0 || this.#places !== undefined) {
      return this.#member("items", 1);
    }
    this.#take(1);
    return this.#sequence(1, this.#items);
  }

  #isMerge(): boolean {
    const event = this.#peek();
    return (
      event.type === EVENT_ID.SCALAR &&
      (event.tagStart < 0 ? event.style === SCALAR_STYLE.PLAIN : tagOf(this.#text, event) === "merge") &&
      sourceOf(this.#text, event, this.#flow > 0) === "<<"
    );
  }

  #merge(into: Map<string, Json>, depth: number): void {
    const list = this.#peek().type === EVENT_ID.SEQUENCE;
    const at = this.#startOf(this.#peek());
    const value = this.#value(depth + 1);
    const sources = list && Array.isArray(value) ? (value as readonly Json[]) : [value];
    // From the last to the first, since earlier mappings take precedence.
    for (const source of sources.toReversed()) {
      if (!isObject(source)) throw invalid(at, "a merge key (<<) takes a mapping or a list of mappings");
      for (const [name, member] of Object.entries(source)) into.set(name, member ?? null);
    }
  }

  #key(depth: number): string {
    const event = this.#take(depth);
    const readKey = (): { value: Json; key: string | undefined } => {
      if (event.type !== EVENT_ID.SCALAR) {
        throw invalid(this.#offset, "a key is a mapping or a list; JSON has only text as keys");
      }
      const source = sourceOf(this.#text, event, this.#flow > 0);
      this.#cost += source.length;
      const quotedOrPlain = event.style !== SCALAR_STYLE.LITERAL_BLOCK && event.style !== SCALAR_STYLE.FOLDED_BLOCK;
      if (quotedOrPlain && this.#text.slice(event.valueStart, event.valueEnd).includes("\n")) {
        throw invalid(this.#offset, "a key goes over several lines; write it on one");
      }
      const read = typed(this.#text, event, source);
      // Beyond what JSON can hold it is no key either.
      return { value: read.kind === "Unfit" ? null : toJson(read, source), key: keyText(read, source) };
    };
    const found = event.type === EVENT_ID.ALIAS ? this.#aliased(event, depth) : this.#anchored(event, depth, readKey);
    if (found.key === undefined) throw invalid(this.#offset, "a key is no text; quote it");
    return found.key;
  }

  #scalar(event: ScalarEvent): Json {
    const source = sourceOf(this.#text, event, this.#flow > 0);
    this.#cost += source.length;
    const read = typed(this.#text, event, source);
    if (read.kind !== "Unfit") return toJson(read, source);
    throw invalid(this.#offset, "it is a number that JSON cannot hold; quote it if it is meant as text");
  }

  #tagged(event: SequenceEvent | MappingEvent): void {
    const tag = tagOf(this.#text, event);
    const kind = event.type === EVENT_ID.MAPPING ? "map" : "seq";
    if (tag !== undefined && tag !== kind && tag !== "!") {
      throw invalid(event.tagStart, "the tag is not known; remove it");
    }
  }

  /** Reads a node; with an anchor, later aliases stand for it. */
  #anchored<T extends { value: Json; key?: string | undefined }>(
    event: ScalarEvent | SequenceEvent | MappingEvent,
    depth: number,
    read: () => T,
  ): T {
    if (event.anchorStart < 0) return read();
    const name = this.#text.slice(event.anchorStart, event.anchorEnd);
    if (!/^[\w-]+$/.test(name)) throw invalid(event.anchorStart, "an anchor's name has letters, digits, _ and - only");
    const anchored: Anchored = { cost: 0, height: 0 };
    this.#anchors.set(name, anchored);
    const [cost, deepest] = [this.#cost, this.#deepest];
    this.#deepest = depth;
    const found = read();
    const key = event.type === EVENT_ID.SCALAR && !("key" in found) ? this.#keyOf(event) : found.key;
    Object.assign(anchored, { ...found, key, cost: this.#cost - cost + nodeCost, height: this.#deepest - depth });
    this.#deepest = Math.max(deepest, this.#deepest);
    return found;
  }

  #keyOf(event: ScalarEvent): string | undefined {
    const source = sourceOf(this.#text, event, this.#flow > 0);
    return keyText(typed(this.#text, event, source), source);
  }

  /** What an alias stands for. What it repeats is counted: that is what keeps an alias bomb small. */
  #aliased(alias: AliasEvent, depth: number): { value: Json; key?: string | undefined } {
    const name = this.#text.slice(alias.anchorStart, alias.anchorEnd).slice(0, 100);
    const target = this.#anchors.get(this.#text.slice(alias.anchorStart, alias.anchorEnd));
    const at = alias.anchorStart - 1;
    if (target === undefined) throw invalid(at, `the alias *${name} has no anchor before it`);
    if (target.value === undefined) throw invalid(at, `the alias *${name} stands inside of what it names`);
    if (depth + target.height > maxDepth) throw tooDeep(at);
    this.#deepest = Math.max(this.#deepest, depth + target.height);
    this.#cost += target.cost;
    this.#budget.repeating -= target.cost;
    if (this.#budget.repeating < 0) {
      throw new DocumentError("TooLarge", at, "its aliases repeat more than 4 MiB; write out what is needed");
    }
    return { value: target.value, key: target.key };
  }

  #startOf(event: NodeEvent): number {
    if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
    if (event.type !== EVENT_ID.SCALAR) return event.start;
    if (event.valueStart < 0) return this.#offset;
    const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
    return quoted ? event.valueStart - 1 : event.valueStart;
  }
}
