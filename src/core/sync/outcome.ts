import type { ObjectRef } from "../../api/objects.ts";
import type { Position } from "../../api/rendered.ts";
import type { Reason } from "../../api/v1alpha1/reasons.ts";
import type { Hold } from "./dependencies.ts";
import type { Problem } from "./desiredSet.ts";

/** The commit that a sync worked on. */
export interface Attempt {
  /** Full hash. */
  readonly revision: string;
  /** Full name of the ref that stood for it. */
  readonly ref?: string;
  readonly subject?: string;
  readonly author?: string;
  /** Since the work on it began. */
  readonly durationMillis: number;
}

/** An object that waits. `message` continues a sentence that begins with the object. */
export interface Waiting {
  readonly ref: ObjectRef;
  readonly position?: Position;
  readonly message: string;
}

/** An object that failed. `message` continues a sentence that begins with the object, and holds no content of it. */
export interface Failure {
  readonly ref: ObjectRef;
  readonly position?: Position;
  readonly reason: Extract<
    Reason,
    | "ApplyFailed"
    | "Fighting"
    | "ImmutableField"
    | "Forbidden"
    | "UnknownKind"
    | "OwnedByOther"
    | "Unhealthy"
    | "PruneFailed"
    | "ReconcileFailed"
  >;
  readonly message: string;
}

/** Every way in which one pass of a sync can end. */
export type SyncOutcome =
  | { readonly kind: "Suspended" }
  | { readonly kind: "InvalidSpec"; readonly message: string }
  /** The sync is deleted, and some of its objects are not gone yet. */
  | { readonly kind: "Deleting"; readonly message: string }
  /** Nothing new is applied until something else has happened. */
  | ({ readonly kind: "Held" /** The commit of which nothing is applied. */; readonly revision?: string } & Hold)
  /** Git could not be read, or what it takes is missing. `message` is a sentence with the way out. */
  | { readonly kind: "GitFailed"; readonly reason: Reason; readonly message: string }
  /** Files are broken; nothing is applied. */
  | { readonly kind: "RenderFailed"; readonly attempt: Attempt; readonly problems: readonly Problem[] }
  /** The desired set is refused; nothing is applied. */
  | { readonly kind: "Refused"; readonly attempt: Attempt; readonly problems: readonly Problem[] }
  | {
      readonly kind: "Progressing";
      readonly attempt: Attempt;
      readonly applied: number;
      readonly objects: number;
      readonly waiting: readonly Waiting[];
    }
  | {
      readonly kind: "Failed";
      readonly attempt: Attempt;
      readonly objects: number;
      /** A trial of the commit failed, so nothing of it was written. */
      readonly untouched?: boolean;
      readonly failures: readonly Failure[];
    }
  /** Everything is applied and healthy, and a deletion waits for a person. `message` is the decision's. */
  | { readonly kind: "PruneHeld"; readonly attempt: Attempt; readonly objects: number; readonly message: string }
  | {
      readonly kind: "Applied";
      readonly attempt: Attempt;
      readonly objects: number;
      /** Sentences that stay true until somebody acts, such as an object that waits for its finalizers. */
      readonly notes: readonly string[];
    };
