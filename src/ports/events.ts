import type { Manifest } from "../api/objects.ts";

/** One Event for a person to read under `kubectl describe`. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** A CamelCase word of the documented table. */
  readonly reason: string;
  readonly message: string;
}

/** Writes Events. Repeats of one note are folded and slowed down; a failure to write one is never an error of the caller. */
export interface Events {
  note(about: Manifest, note: EventNote): void;
}
