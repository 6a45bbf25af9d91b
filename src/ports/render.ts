import type { Position, Rendered } from "../api/rendered.ts";
import type { GitFile } from "./git.ts";

export type { Position, Rendered } from "../api/rendered.ts";

/** Why files could not be turned into objects. */
export type RenderErrorReason =
  | "InvalidYAML"
  | "DuplicateKey"
  | "NotAnObject"
  | "TooLarge"
  | "NoManifests"
  /** The path wants a renderer that this version does not have. */
  | "Unsupported";

/** A broken file. `message` says what and the way out; `position` says where. */
export interface RenderProblem {
  readonly reason: RenderErrorReason;
  readonly position: Position;
  readonly message: string;
}

/** Everything that the files say, or every problem in them: never a part of the objects. */
export type RenderResult =
  | { readonly kind: "Rendered"; readonly objects: readonly Rendered[] }
  | { readonly kind: "Broken"; readonly problems: readonly RenderProblem[] };

/** Turns files into objects. */
export interface Renderer {
  /** Tells whether a file is read at all, by its path below the one that is rendered. */
  wants(path: string): boolean;
  render(files: readonly GitFile[], signal: AbortSignal): Promise<RenderResult>;
}
