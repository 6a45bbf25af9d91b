import type { RenderErrorReason } from "../../ports/render.ts";

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

/** What is wrong with a document, at an offset of its text. The message holds no value: it may be a secret. */
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

/** The document nests deeper than it may. */
export function tooDeep(offset: number): DocumentError {
  return new DocumentError("TooLarge", offset, `it nests deeper than ${maxDepth} levels; make it flatter`);
}

/** The document is no YAML that is read here. */
export function invalid(offset: number, message: string): DocumentError {
  return new DocumentError("InvalidYAML", offset, message);
}
