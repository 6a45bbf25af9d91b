import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, Scalar, type YAMLMap } from "yaml";
import type { Json } from "../../api/json.ts";
import type { RenderErrorReason } from "../../ports/render.ts";
import { keyText, narrow, type Scalar as Plain, readPlain } from "./scalar.ts";

/** What is wrong with a document, at an offset of its file. */
export class DocumentError extends Error {
  readonly reason: RenderErrorReason;
  readonly offset: number;
  constructor(reason: RenderErrorReason, offset: number, message: string) {
    super(message);
    this.reason = reason;
    this.offset = offset;
  }
}

/** How deep a document may nest. */
export const maxDepth = 100;
/** How much aliases and merges may repeat, in characters; a node counts as `nodeCost` of them. */
const maxRepeated = 4 * 1024 * 1024;
const nodeCost = 64;

const core = "tag:yaml.org,2002:";
type Members = Map<string, Json>;

/** Reads the value of a document as kubectl does. Objects come frozen, and hold nothing but their own members. */
export function readDocument(document: Document.Parsed): Json {
  return new Reader().value(document.contents ?? new Scalar(""), 0);
}

class Reader {
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Node, Node>();
  readonly #open = new Set<Node>();
  #repeating = 0;
  #repeated = 0;

  value(node: Node, depth: number): Json {
    if (depth > maxDepth) throw problem("TooLarge", node, `it nests deeper than ${maxDepth} levels; make it flatter`);
    if (isAlias(node)) return this.#repeat(node, (target) => this.value(target, depth));
    this.#remember(node);
    this.#open.add(node);
    try {
      if (isScalar(node)) return this.#scalar(node);
      if (isMap(node)) {
        tagged(node, "map");
        return toObject(this.#members(node, depth));
      }
      if (isSeq(node)) {
        tagged(node, "seq");
        return Object.freeze(node.items.map((item) => this.value(toNode(item), depth + 1)));
      }
      throw invalid(node, "it is of a kind that is not read");
    } finally {
      this.#open.delete(node);
    }
  }

  #members(map: YAMLMap, depth: number): Members {
    const members: Members = new Map();
    const explicit = new Set<string>();
    for (const pair of map.items) {
      const key = toNode(pair.key);
      if (isMerge(key)) {
        this.#merge(toNode(pair.value), members, depth);
        continue;
      }
      const name = this.#key(key);
      if (explicit.has(name)) {
        throw problem(
          "DuplicateKey",
          key,
          `the key ${JSON.stringify(name)} stands twice in one mapping; remove one of them`,
        );
      }
      explicit.add(name);
      members.set(name, this.value(valueNode(pair, key), depth + 1));
    }
    return members;
  }

  #merge(node: Node, into: Members, depth: number): void {
    if (isSeq(node)) {
      // From the last to the first, since earlier mappings take precedence.
      for (const item of node.items.toReversed()) this.#mergeOne(toNode(item), into, depth);
    } else this.#mergeOne(node, into, depth);
  }

  #mergeOne(node: Node, into: Members, depth: number): void {
    if (isAlias(node)) {
      this.#repeat(node, (target) => this.#mergeOne(target, into, depth));
      return;
    }
    if (!isMap(node)) throw invalid(node, "a merge key (<<) takes a mapping or a list of mappings");
    if (depth > maxDepth) throw problem("TooLarge", node, `it nests deeper than ${maxDepth} levels; make it flatter`);
    this.#remember(node);
    this.#open.add(node);
    try {
      for (const [name, value] of this.#members(node, depth + 1)) into.set(name, value);
    } finally {
      this.#open.delete(node);
    }
  }

  #key(node: Node): string {
    if (isAlias(node)) return this.#repeat(node, (target) => this.#key(target));
    if (!isScalar(node)) throw invalid(node, "a key is a mapping or a list; JSON has only text as keys");
    this.#remember(node);
    const source = String(node.value);
    const name = keyText(this.#typed(node, source), source);
    if (name === undefined) throw invalid(node, `the key ${JSON.stringify(source)} is no text; quote it`);
    if (name === "__proto__") throw invalid(node, "the key __proto__ is not accepted; rename it");
    return name;
  }

  #scalar(node: Scalar): Json {
    const source = String(node.value);
    if (this.#repeating > 0) this.#spend(node, source.length);
    const typed = this.#typed(node, source);
    switch (typed.kind) {
      case "Text":
        return source;
      case "Null":
        return null;
      case "Bool":
      case "Float":
        return typed.value;
      case "Int":
        return narrow(typed.value);
      case "Unfit":
        throw invalid(node, `${source} is a number that JSON cannot hold; quote it if it is meant as text`);
    }
  }

  #typed(node: Scalar, source: string): Plain {
    const tag = node.tag?.startsWith(core) ? node.tag.slice(core.length) : node.tag;
    const plain = node.type === Scalar.PLAIN || node.type === undefined;
    if (tag === undefined) return plain ? readPlain(source) : { kind: "Text" };
    if (tag === "str" || tag === "!") return { kind: "Text" };
    const read = readPlain(source);
    if (tag === "float" && read.kind === "Int") return { kind: "Float", value: Number(read.value) };
    const wanted = { null: "Null", bool: "Bool", int: "Int", float: "Float" }[tag];
    if (wanted === undefined) throw invalid(node, `the tag ${shortTag(node.tag)} is not known; remove it`);
    if (wanted !== read.kind) throw invalid(node, `${JSON.stringify(source)} is no ${tag}, as its tag says`);
    return read;
  }

  #remember(node: Node): void {
    if (!isAlias(node) && node.anchor !== undefined && this.#repeating === 0) this.#anchors.set(node.anchor, node);
    if (this.#repeating > 0) this.#spend(node, nodeCost);
  }

  /** Walks to the node behind an alias. What it repeats is counted: that is what makes an alias bomb small. */
  #repeat<T>(alias: Node & { readonly source: string }, walk: (target: Node) => T): T {
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source);
    if (target === undefined) throw invalid(alias, `the alias *${alias.source} has no anchor before it`);
    if (this.#open.has(target)) throw invalid(alias, `the alias *${alias.source} stands inside of what it names`);
    this.#targets.set(alias, target);
    this.#spend(alias, nodeCost);
    this.#repeating += 1;
    try {
      return walk(target);
    } finally {
      this.#repeating -= 1;
    }
  }

  #spend(node: Node, cost: number): void {
    this.#repeated += cost;
    if (this.#repeated > maxRepeated) {
      throw problem("TooLarge", node, "its aliases repeat more than 4 MiB; write out what is needed");
    }
  }
}

function toObject(members: Members): Json {
  return Object.freeze(Object.fromEntries(members));
}

function isMerge(key: Node): boolean {
  return (
    isScalar(key) &&
    key.value === "<<" &&
    (key.tag === `${core}merge` || (key.tag === undefined && key.type === Scalar.PLAIN))
  );
}

function tagged(node: Node & { readonly tag?: string }, kind: string): void {
  if (node.tag !== undefined && node.tag !== `${core}${kind}` && node.tag !== "!") {
    throw invalid(node, `the tag ${shortTag(node.tag)} is not known; remove it`);
  }
}

function shortTag(tag: string | undefined): string {
  return (tag ?? "").replace(core, "!!");
}

function toNode(value: unknown): Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : new Scalar("");
}

/** A missing value is null, at the place of its key. */
function valueNode(pair: Pair, key: Node): Node {
  const node = toNode(pair.value);
  node.range ??= key.range ?? null;
  return node;
}

function invalid(node: Node, message: string): DocumentError {
  return problem("InvalidYAML", node, message);
}

function problem(reason: RenderErrorReason, node: Node, message: string): DocumentError {
  return new DocumentError(reason, node.range?.[0] ?? 0, message);
}
