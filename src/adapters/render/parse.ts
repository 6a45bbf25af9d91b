import { setImmediate as nextTurn } from "node:timers/promises";
import { Composer, type Document, isMap, isNode, isSeq, Lexer, LineCounter, Parser } from "yaml";
import { isObject, type Json } from "../../api/json.ts";
import type { RenderErrorReason } from "../../ports/render.ts";
import { DocumentError, maxDepth, readDocument } from "./document.ts";

/** A value of a file, with the lines of its own items when it is a list of objects. Lines and columns start at 1. */
export interface Parsed {
  readonly value: Json;
  readonly at: Place;
  readonly items: readonly Place[];
}

/** A place in a file. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong in a file, and where. */
export interface Flaw {
  readonly reason: RenderErrorReason;
  readonly at: Place;
  readonly message: string;
}

/** All that a file says, or what is wrong in it. */
export interface ParsedFile {
  readonly documents: readonly Parsed[];
  readonly flaws: readonly Flaw[];
}

/** Bytes that one document may have: more does not fit into the API server's store either. */
export const documentLimit = 2 * 1024 * 1024;
const flawLimit = 20;
/** Milliseconds of parsing after which others get their turn: the lease must not wait for a big file. */
const slice = 15;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what YAML forbids.
const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/;

/** A document with the places of all that is in it. */
export interface Located {
  readonly value: Json;
  /** Where the value at a path of keys and indices stands, or what encloses it. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

/** Parses a small file whose parts will be named: unlike `parseFile`, this keeps the whole syntax tree alive. */
export async function parseLocated(
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<{ readonly documents: readonly Located[]; readonly flaws: readonly Flaw[] }> {
  const documents: Located[] = [];
  const { flaws } = await parseFile(bytes, signal, (document, value, place) => {
    const placeOf = (path: readonly (string | number)[]): Place => {
      for (let length = path.length; length >= 0; length -= 1) {
        const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return place(node.range[0]);
      }
      return { line: 1, column: 1 };
    };
    documents.push({ value, placeOf });
  });
  return { documents, flaws };
}

type Watch = (document: Document.Parsed, value: Json, place: (offset: number) => Place) => void;

/** Parses a file document by document. A broken document does not hide what is wrong in the next. */
export async function parseFile(bytes: Uint8Array, signal: AbortSignal, watch?: Watch): Promise<ParsedFile> {
  const start: Place = { line: 1, column: 1 };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return flawed({ reason: "InvalidYAML", at: start, message: "the file is not UTF-8; save it as UTF-8" });
  }
  const early = tooLarge(text) ?? control(text);
  if (early !== undefined) return flawed(early);
  const counter = new LineCounter();
  counter.addNewLine(0);
  const place = (offset: number): Place => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const documents: Parsed[] = [];
  const flaws: Flaw[] = [];
  let turn = performance.now();
  try {
    for (const document of compose(text, counter)) {
      if (document !== undefined) take(document, place, documents, flaws, watch);
      if (flaws.length >= flawLimit) break;
      if (performance.now() - turn < slice) continue;
      await nextTurn();
      signal.throwIfAborted();
      turn = performance.now();
    }
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    flaws.push({ reason: error.reason, at: place(error.offset), message: error.message });
  }
  return { documents, flaws };
}

/** Yields each document as it ends, and nothing now and then between, so that the caller can pause. */
function* compose(text: string, counter: LineCounter): Generator<Document.Parsed | undefined> {
  const lexer = new Lexer();
  const parser = new Parser(counter.addNewLine);
  // The failsafe schema leaves scalars as they are written: their types are kubectl's, not the library's.
  const composer = new Composer({
    version: "1.1",
    schema: "failsafe",
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  let lexemes = 0;
  for (const lexeme of lexer.lex(text)) {
    for (const token of parser.next(lexeme)) yield* composer.next(token) as Iterable<Document.Parsed>;
    // The composer walks by recursion: what nests too deep must not reach it.
    if (parser.stack.length > maxDepth + 2) {
      throw new DocumentError("TooLarge", parser.offset, `it nests deeper than ${maxDepth} levels; make it flatter`);
    }
    lexemes += 1;
    if (lexemes % 1000 === 0) yield undefined;
  }
  for (const token of parser.end()) yield* composer.next(token) as Iterable<Document.Parsed>;
  yield* composer.end() as Iterable<Document.Parsed>;
}

function take(
  document: Document.Parsed,
  place: (offset: number) => Place,
  into: Parsed[],
  flaws: Flaw[],
  watch?: Watch,
): void {
  for (const { pos, message } of document.errors.slice(0, 3)) {
    flaws.push({ reason: "InvalidYAML", at: place(pos[0]), message: sentence(message) });
  }
  if (document.errors.length > 0) return;
  try {
    const value = readDocument(document);
    if (value === null) return;
    into.push({ value, at: place(document.contents?.range?.[0] ?? 0), items: itemPlaces(document, value, place) });
    watch?.(document, value, place);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    flaws.push({ reason: error.reason, at: place(error.offset), message: error.message });
  }
}

function itemPlaces(document: Document.Parsed, value: Json, place: (offset: number) => Place): readonly Place[] {
  const items = isObject(value) && isMap(document.contents) ? document.contents.get("items", true) : undefined;
  if (!isSeq(items)) return [];
  return items.items.map((item) => place((item as { range?: readonly number[] }).range?.[0] ?? 0));
}

/** A `---` at the start of a line ends a document wherever it stands, so lengths are known before anything is parsed. */
function tooLarge(text: string): Flaw | undefined {
  if (text.length <= documentLimit) return undefined;
  let from = 0;
  for (const { index } of [...text.matchAll(/^---(?=\s|$)/gm), { index: text.length }]) {
    if (index - from > documentLimit) {
      const message = `a document has more than ${documentLimit} bytes; split it into several`;
      return { reason: "TooLarge", at: placeIn(text, from), message };
    }
    from = index;
  }
  return undefined;
}

function control(text: string): Flaw | undefined {
  const found = forbidden.exec(text);
  if (found === null) return undefined;
  const code = found[0].charCodeAt(0).toString(16).padStart(4, "0");
  const message = `the control character U+${code} is not allowed in YAML; write it as "\\u${code}" in a quoted text`;
  return { reason: "InvalidYAML", at: placeIn(text, found.index), message };
}

function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function flawed(flaw: Flaw): ParsedFile {
  return { documents: [], flaws: [flaw] };
}

function sentence(message: string): string {
  const line = message.split("\n")[0] ?? message;
  return `this is not valid YAML: ${line.slice(0, 300)}`;
}
