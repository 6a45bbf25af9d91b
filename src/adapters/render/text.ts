import type { Flaw, Place } from "./flaw.ts";

/** A text with the places of its offsets. */
export interface Opened {
  readonly text: string;
  readonly place: (offset: number) => Place;
}

type Opening = ({ readonly kind: "Opened" } & Opened) | { readonly kind: "Unreadable"; readonly flaw: Flaw };

/** Where every file begins. */
export const begin: Place = { line: 1, column: 1 };
/** Bytes that one document may have: more does not fit into the API server's store either. */
export const documentLimit = 2 * 1024 * 1024;
/** Bytes that a file may have; Git's files have less, what a renderer writes is bounded by this. */
const fileLimit = 32 * 1024 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what YAML forbids, or takes for line ends.
const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)/;

/** A file's text with the places of its offsets, or why there is none. */
export function open(bytes: Uint8Array): Opening {
  if (bytes.length > fileLimit) {
    return refused({ reason: "TooLarge", at: begin, message: `the file has more than ${fileLimit} bytes; split it` });
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refused({ reason: "InvalidYAML", at: begin, message: "the file is not UTF-8; save it as UTF-8" });
  }
  const place = placesOf(text);
  const early = tooLarge(text, place) ?? unreadable(text, place);
  return early === undefined ? { kind: "Opened", text, place } : refused(early);
}

function refused(flaw: Flaw): Opening {
  return { kind: "Unreadable", flaw };
}

/** A part of a file, by offsets. */
interface Part {
  readonly from: number;
  readonly to: number;
}

/** A `---` at the start of a line ends a document wherever it stands, so parts are known before anything is parsed. */
export function* parts(text: string): Generator<Part> {
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
export function longestPart(text: string): number {
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
  const separator = /^---(?:[ \t]+(?![ \t\r\n#]|$)|(?![ \t\r\n]|$))/m.exec(text);
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
export function placesOf(text: string): (offset: number) => Place {
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
