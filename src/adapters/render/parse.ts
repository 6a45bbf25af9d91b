import { setImmediate as nextTurn } from "node:timers/promises";
import type { Json } from "../../api/json.ts";
import type { RenderErrorReason } from "../../ports/render.ts";
import { parseApart } from "./apart.ts";
import { type Budget, readDocuments } from "./document.ts";
import { parse } from "./events.ts";
import { DocumentError } from "./flaw.ts";

/** A value of a file, with the lines of its own items when it is a list of objects. Lines and columns start at 1. */
export interface Parsed {
  readonly value: Json;
  readonly at: Place;
  readonly items: readonly Place[];
  /** The places of all values, where they are kept: by their paths of keys and indices, as JSON. */
  readonly places?: Places;
}

type Places = ReadonlyMap<string, Place>;

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

interface Opened {
  readonly text: string;
  readonly place: (offset: number) => Place;
}

const begin: Place = { line: 1, column: 1 };
/** Bytes that one document may have: more does not fit into the API server's store either. */
export const documentLimit = 2 * 1024 * 1024;
/** Bytes that a file may have; Git's files have less, what a renderer writes is bounded by this. */
const fileLimit = 32 * 1024 * 1024;
/** Characters of a document that is parsed in this thread: about 30 ms at the worst. */
const here = 256 * 1024;
/** What aliases and merges may repeat in a file, and what may be read again of a small one, in characters. */
const maxRepeated = 4 * 1024 * 1024;
const flawLimit = 20;
/** Milliseconds of parsing after which others get their turn: the lease must not wait for a big file. */
const slice = 15;
const tooMuch = {
  reason: "TooLarge",
  message: "a document takes more memory or time to read than it may; split it into several",
} as const;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what YAML forbids, or takes for line ends.
const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)/;

/** A document with the places of all that is in it. */
export interface Located {
  readonly value: Json;
  /** Where the value at a path of keys and indices stands, or what encloses it. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

/** Parses a file document by document. A broken document does not hide what is wrong in the next. */
export async function parseFile(bytes: Uint8Array, signal: AbortSignal): Promise<ParsedFile> {
  const opened = open(bytes);
  if ("flaws" in opened) return opened;
  const { text } = opened;
  if (longest(text) <= here) return inTurns(partByPart(opened, false), signal);
  return (await parseApart(text, signal)) ?? flawed({ ...tooMuch, at: begin });
}

/** Parses a text at one go. */
export function parseText(text: string): ParsedFile {
  const reading = partByPart({ text, place: placesOf(text) }, false);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

/** Parses a small file whose parts will be named: unlike `parseFile`, this keeps the places of all values. */
export async function parseLocated(
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<{ readonly documents: readonly Located[]; readonly flaws: readonly Flaw[] }> {
  const opened = open(bytes);
  if ("flaws" in opened) return { documents: [], flaws: opened.flaws };
  if (longest(opened.text) > here) return { documents: [], flaws: [{ ...tooMuch, at: begin }] };
  const { documents, flaws } = await inTurns(partByPart(opened, true), signal);
  return { flaws, documents: documents.map(({ value, at, places }) => ({ value, placeOf: placeOf(places, at) })) };
}

function placeOf(places: Places | undefined, root: Place): Located["placeOf"] {
  return (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const found = places?.get(JSON.stringify(path.slice(0, length)));
      if (found !== undefined) return found;
    }
    return root;
  };
}

/** A file's text with the places of its offsets, or why there is none. */
function open(bytes: Uint8Array): Opened | ParsedFile {
  if (bytes.length > fileLimit) {
    return flawed({ reason: "TooLarge", at: begin, message: `the file has more than ${fileLimit} bytes; split it` });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return flawed({ reason: "InvalidYAML", at: begin, message: "the file is not UTF-8; save it as UTF-8" });
  }
  const place = placesOf(text);
  const early = tooLarge(text, place) ?? unreadable(text, place);
  return early === undefined ? { text, place } : flawed(early);
}

/** Lets others have their turn between the parts. */
async function inTurns(reading: Generator<void, ParsedFile>, signal: AbortSignal): Promise<ParsedFile> {
  let turn = performance.now();
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    if (performance.now() - turn < slice) continue;
    await nextTurn();
    signal.throwIfAborted();
    turn = performance.now();
  }
}

/** Pauses after each part. */
function* partByPart({ text, place }: Opened, locating: boolean): Generator<void, ParsedFile> {
  const documents: Parsed[] = [];
  const flaws: Flaw[] = [];
  const budget: Budget = { repeating: maxRepeated, rereading: maxRepeated + 8 * text.length };
  for (const { from, to } of parts(text)) {
    const opened = { text: text.slice(from, to), place: (offset: number) => place(from + offset) };
    try {
      documents.push(...readPart(opened, budget, locating));
    } catch (error) {
      if (!(error instanceof DocumentError)) throw error;
      flaws.push({ reason: error.reason, at: opened.place(error.offset), message: error.message });
    }
    if (flaws.length >= flawLimit) break;
    yield;
  }
  return { documents, flaws };
}

function readPart({ text, place }: Opened, budget: Budget, locating: boolean): readonly Parsed[] {
  const { text: padded, events, origin } = parse(text, budget);
  const at = (offset: number): Place => place(origin(offset));
  try {
    const read = readDocuments(padded, events, budget, locating);
    return read
      .filter(({ value }) => value !== null)
      .map(({ value, start, items, places }) => ({
        value,
        at: at(start),
        items: items.map(at),
        ...(places === undefined ? {} : { places: new Map([...places].map(([path, offset]) => [path, at(offset)])) }),
      }));
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    throw new DocumentError(error.reason, origin(error.offset), error.message);
  }
}

/** A part of a file, by offsets. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** A `---` at the start of a line ends a document wherever it stands, so parts are known before anything is parsed. */
function* parts(text: string): Generator<Part> {
  let from = 0;
  for (const { index } of text.matchAll(/^---/gm)) {
    // Directives belong to the document after the line.
    if (index === from || onlyDirectives(text.slice(from, index))) continue;
    yield { from, to: index };
    from = index;
  }
  yield { from, to: text.length };
}

function onlyDirectives(part: string): boolean {
  return part.startsWith("%") && /^(?:(?:%.*|[ \t]*(?:#.*)?)\r?\n)+$/.test(part);
}

/** Characters of the longest part. */
function longest(text: string): number {
  if (text.length <= here) return text.length;
  let most = 0;
  for (const { from, to } of parts(text)) most = Math.max(most, to - from);
  return most;
}

function tooLarge(text: string, place: (offset: number) => Place): Flaw | undefined {
  if (text.length <= documentLimit) return undefined;
  for (const { from, to } of parts(text)) {
    if (to - from <= documentLimit) continue;
    const message = `a document has more than ${documentLimit} bytes; split it into several`;
    return { reason: "TooLarge", at: place(from), message };
  }
  return undefined;
}

function unreadable(text: string, place: (offset: number) => Place): Flaw | undefined {
  const separator = /^---[ \t]*(?![ \t\r\n#]|$)/m.exec(text);
  if (separator !== null) {
    const message = "a line begins with --- and goes on; put what follows on a line of its own, or into quotes";
    return { reason: "InvalidYAML", at: place(separator.index), message };
  }
  if (!forbidden.test(text)) return undefined;
  for (const { from, to } of parts(text)) {
    const part = text.slice(from, to);
    const found = forbidden.exec(part);
    if (found !== null && !isJson(part)) return forbiddenAt(found, place(from + found.index));
  }
  return undefined;
}

/** JSON may hold characters that YAML may not. */
function isJson(part: string): boolean {
  if (!/^\s*\{/.test(part)) return false;
  try {
    JSON.parse(part);
    return true;
  } catch {
    return false;
  }
}

function forbiddenAt(found: RegExpExecArray, at: Place): Flaw {
  if (found[0] === "\r") {
    return {
      reason: "InvalidYAML",
      at,
      message: "a line ends with CR alone; end it with LF or CR LF",
    };
  }
  const code = found[0].charCodeAt(0).toString(16).padStart(4, "0");
  const message = `the character U+${code} is not allowed in YAML; write it as "\\u${code}" in a quoted text`;
  return { reason: "InvalidYAML", at, message };
}

/** Tells the place of an offset. The lines are counted when the first one is asked for. */
function placesOf(text: string): (offset: number) => Place {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= [0, ...text.matchAll(/\r\n|\r|\n/g).map(({ index, 0: end }) => index + end.length)];
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function flawed(flaw: Flaw): ParsedFile {
  return { documents: [], flaws: [flaw] };
}
