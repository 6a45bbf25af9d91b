import { setImmediate as nextTurn } from "node:timers/promises";
import type { Json } from "../../api/json.ts";
import { parseApart } from "./apart.ts";
import { type Budget, readDocuments } from "./document.ts";
import { parse } from "./events.ts";
import { DocumentError, type Flaw, type Place } from "./flaw.ts";
import { begin, longestPart, type Opened, open, parts, placesOf } from "./text.ts";

export type { Place } from "./flaw.ts";
export { documentLimit } from "./text.ts";

/** A value of a file, with the lines of its own items when it is a list of objects. Lines and columns start at 1. */
export interface Parsed {
  readonly value: Json;
  readonly at: Place;
  readonly items: readonly Place[];
  /** The places of all values, where they are kept: by their paths of keys and indices, as JSON. */
  readonly places?: Places;
}

type Places = ReadonlyMap<string, Place>;

/** All that a file says, or what is wrong in it. */
export interface ParsedFile {
  readonly documents: readonly Parsed[];
  readonly flaws: readonly Flaw[];
  /** What its aliases repeat, in characters: so much larger than the file is what it says. */
  readonly repeated: number;
}

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
/** A document with the places of all that is in it. */
export interface Located {
  readonly value: Json;
  /** Where the value at a path of keys and indices stands, or what encloses it. */
  readonly placeOf: (path: readonly (string | number)[]) => Place;
}

/** Parses a file document by document. A broken document does not hide what is wrong in the next. */
export async function parseFile(bytes: Uint8Array, signal: AbortSignal): Promise<ParsedFile> {
  const opened = open(bytes);
  if (opened.kind === "Unreadable") return flawed(opened.flaw);
  const { text } = opened;
  if (longestPart(text) <= here) return inTurns(partByPart(opened, false), signal);
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
  if (opened.kind === "Unreadable") return flawed(opened.flaw);
  if (longestPart(opened.text) > here) return flawed({ ...tooMuch, at: begin });
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
  return { documents, flaws, repeated: maxRepeated - budget.repeating };
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

function flawed(flaw: Flaw): {
  readonly documents: readonly [];
  readonly flaws: readonly Flaw[];
  readonly repeated: 0;
} {
  return { documents: [], flaws: [flaw], repeated: 0 };
}
