import { type Event, parseEvents, YAMLException } from "js-yaml";
import type { Budget } from "./document.ts";
import { DocumentError, maxDepth, tooDeep } from "./flaw.ts";

/** The events of a text. They count in `text`, whose offsets `origin` takes back to the text that was given. */
export interface Parsing {
  readonly text: string;
  readonly events: readonly Event[];
  readonly origin: (offset: number) => number;
}

const pad = " ".repeat(256);
/**
 * Parses the documents of a text. kubectl lets lines inside of quotes, brackets and braces begin anywhere, the parser wants
 * them indented: it gets them indented, which changes no value.
 */
export function parse(given: string, budget: Budget): Parsing {
  // White space at the end counts as a line to what keeps its last lines (|+).
  let text = /\n +$/.test(given) ? `${given}\n` : given;
  const padded: number[] = [];
  const origin = (offset: number): number => {
    const shifts = padded.filter((start) => start <= offset).length;
    return Math.max(0, offset - shifts * pad.length);
  };
  for (;;) {
    try {
      // A scalar is a level of its own to the parser.
      return { text, events: parseEvents(text, { maxDepth: maxDepth + 1 }), origin };
    } catch (error) {
      if (!(error instanceof YAMLException)) throw error;
      const offset = error.mark?.position ?? 0;
      const start = text.lastIndexOf("\n", offset - 1) + 1;
      budget.rereading -= text.length;
      // With anything before it on its line, the line may hold more than the rest of quotes or brackets.
      const continues = /^[ \t]*$/.test(text.slice(start, offset)) && padded.at(-1) !== start;
      if (error.reason !== "deficient indentation" || !continues || budget.rereading < 0) throw told(error, origin);
      padded.push(start);
      text = text.slice(0, start) + pad + text.slice(start);
    }
  }
}

function told({ reason, mark }: YAMLException, origin: (offset: number) => number): DocumentError {
  const offset = origin(mark?.position ?? 0);
  if (reason.includes("maxDepth")) return tooDeep(offset);
  // What the library quotes of the file stands behind a colon or in quotes; it may be a secret.
  const why = reason.split(/: |"/)[0]?.trim();
  return new DocumentError("InvalidYAML", offset, `this is not valid YAML: ${why}`);
}
