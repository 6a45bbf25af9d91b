import type { JsonObject } from "../api/json.ts";
import type { Position, Rendered } from "../api/rendered.ts";
import type { ClusterFacts } from "./cluster.ts";
import type { GitEntry, GitFile } from "./git.ts";

export type { Position, Rendered } from "../api/rendered.ts";

/** Why files could not be turned into objects. */
export type RenderErrorReason =
  | "InvalidYAML"
  | "DuplicateKey"
  | "NotAnObject"
  | "DecryptionFailed"
  | "SubstitutionFailed"
  | "TooLarge"
  | "NoManifests"
  /** The files ask for something that is not rendered. */
  | "Unsupported"
  | "InvalidPath"
  | "PathNotFound"
  | "SymlinkRefused"
  /** The files name something on another host. */
  | "RemoteRefused"
  /** A program that rendering takes is not there. */
  | "RendererMissing"
  | "RenderFailed"
  /** The renderer ended well and said nothing. */
  | "RenderSuspicious";

/** A broken file. `message` says what and the way out; `position` says where. */
export interface RenderProblem {
  readonly reason: RenderErrorReason;
  readonly position: Position;
  readonly message: string;
}

/**
 * Everything that the files say, or every problem in them: never a part of the objects.
 * `notes` are sentences that a person should know of what was rendered, such as what was left out.
 */
export type RenderResult =
  | { readonly kind: "Rendered"; readonly objects: readonly Rendered[]; readonly notes?: readonly string[] }
  | { readonly kind: "Broken"; readonly problems: readonly RenderProblem[] };

/**
 * The tree of one commit, read as needed. Paths are from the repository's root; "" is the root.
 * What changes files on their way to the renderer (decryption, ignore rules) wraps one tree in another; a file whose bytes
 * differ from Git's needs another `blob`, since parsed forms are kept by it.
 */
export interface SourceTree {
  /** What stands at each path; one where there is nothing, or that leads through a symbolic link, is left out. */
  look(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, GitEntry>>;
  /** The regular files at and below the paths that `wants` accepts, sorted by path. Each path must be there. */
  read(paths: readonly string[], wants: (path: string) => boolean, signal: AbortSignal): Promise<readonly GitFile[]>;
}

/** What a chart is rendered as. */
export interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  /** From the directory of the chart, the later ones over the earlier. */
  readonly valuesFiles: readonly string[];
  /** Over all files. */
  readonly values: JsonObject;
  /** Asked only for a chart. */
  readonly facts: (signal: AbortSignal) => Promise<ClusterFacts>;
}

/** What is to be rendered. */
export interface RenderRequest {
  readonly release: HelmRelease;
  readonly tree: SourceTree;
  /** A directory, or one file, from the repository's root. */
  readonly path: string;
  /** Most milliseconds that a renderer may take. */
  readonly timeoutMs: number;
}

/** Turns what stands at a path into objects. Errors of the tree pass through. */
export interface Renderer {
  render(request: RenderRequest, signal: AbortSignal): Promise<RenderResult>;
}
