import type { Manifest } from "./objects.ts";

/** Where in the repository an object stands. Line and column start at 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An object of the desired set with the place it came from. */
export interface Rendered {
  readonly object: Manifest;
  readonly position: Position;
  /** Values of Secrets that were put into it: they must show nowhere else. */
  readonly confidential?: readonly string[];
}

/** A position as editors and terminals read it: `deploy/web.yaml:12:3`. */
export function place(position: Position): string {
  return `${position.file}:${position.line}:${position.column}`;
}
