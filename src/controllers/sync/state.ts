import type { Key, Manifest } from "../../api/objects.ts";
import type { Rendered } from "../../api/rendered.ts";
import type { Hold } from "../../core/sync/dependencies.ts";
import type { DesiredSet, Problem } from "../../core/sync/desiredSet.ts";
import type { Inventory } from "../../core/sync/inventory.ts";
import type { Followed } from "../../core/sync/move.ts";
import type { SyncOutcome } from "../../core/sync/outcome.ts";
import type { Retry } from "../../core/sync/retry.ts";
import type { Commit } from "../../ports/git.ts";
import type { Checks } from "./checks.ts";
import type { Inputs } from "./inputs.ts";
import type { Reads } from "./reads.ts";
import type { Rehearsal } from "./rehearse.ts";

/** What was written for an object and what the API server made of it: drift is seen against the latter. */
export interface Recorded {
  /** Canonical text of what Git says of it, and whether a rollout shares it. */
  readonly desired: string;
  readonly stored: Manifest;
  /** Times of the corrections within the last minute, in epoch milliseconds. */
  readonly corrections: readonly number[];
  /** Who undoes the corrections, once people have been told. */
  readonly fighting: string | undefined;
}

/** Why a look at Git brought nothing that may be worked on. */
export type GitTrouble = Extract<SyncOutcome, { kind: "GitFailed" }>;

/** A commit with what its files say. */
export interface Content {
  readonly commit: Commit;
  readonly rendered: readonly Rendered[];
  /** Its commit was verified, or accepted by hand, before it was read. */
  readonly verified?: boolean;
  /** It was taken up by a new process that could not read what Git says now: nothing is deleted for it. */
  readonly restored?: boolean;
  /** What a person should know of the rendering. */
  readonly notes?: readonly string[];
}

/** Files of a commit that cannot be applied; the content before stays in force. */
export interface Broken {
  readonly commit: Commit;
  readonly problems: readonly Problem[];
}

/** What one sync remembers between looks. All of it can be lost: a new process reads Git, and knows by their marks the objects that are in place. */
export interface SyncState {
  /** The last content that could be rendered. Drift is corrected to it even while Git is away. */
  content: Content | undefined;
  broken: Broken | undefined;
  /** The last content that the checks let through: in force while a newer one is refused. */
  accepted: Content | undefined;
  /** The desired set of a content all of whose kinds are served. */
  complete: { readonly of: Content; readonly set: DesiredSet } | undefined;
  /** The expressions of the spec, compiled. */
  checks: Checks | undefined;
  /** What the last trial of a commit found. */
  rehearsal: Rehearsal | undefined;
  /** Why nothing new is applied. */
  hold: Hold | undefined;
  /** When a look at Git that failed is tried again. */
  retry: Retry | undefined;
  /** Why the last look at Git failed. */
  trouble: GitTrouble | undefined;
  /** What the last rendering depended on. */
  reads: Reads | undefined;
  /** What the last rendering was made with. */
  inputs: Inputs | undefined;
  /** What asked for the last look at Git: another text asks for the next one. */
  asked: string;
  /** What was planned before the status had an inventory. */
  planned: Inventory | undefined;
  /**
   * The text that the watch told last, and when, in epoch milliseconds: a remote that was asked after that has told of
   * everything that was pushed before the change.
   */
  heard: { readonly asked: string; readonly at: number } | undefined;
  /** When the remote was asked for what the last look at Git brought, in epoch milliseconds. */
  checkedAt: number;
  /** The look at Git that is under way; it never rejects. */
  looking: Promise<void> | undefined;
  /** When the last look at Git that has ended began, in epoch milliseconds. */
  lookedAt: number;
  /** The same of the last look whose news has been worked on. */
  settledAt: number;
  /** When somebody pushed, in epoch milliseconds: an answer that is older has not seen it. */
  notifiedAt: number;
  /** What was followed at the last look that brought something. */
  followed: Followed | undefined;
  /** The last revision that was verified, when the spec asks for that. */
  verified: { readonly sha: string; readonly tag: string | undefined } | undefined;
  /** When the work on the current commit began, in epoch milliseconds. */
  startedAt: number;
  /** When its progress was told last, in epoch milliseconds. */
  toldAt: number;
  /** The objects that the status was told of as applied. */
  told: Content["rendered"] | undefined;
  /** Since when the status names an older commit with the same objects, in epoch milliseconds. */
  renamedAt: number | undefined;
  /** The last accepted content of which everything that rollouts look at has been applied. */
  landed: Content | undefined;
  readonly recorded: Map<string, Recorded>;
  /** How many objects definitions had when their deletion was first planned, by the definition's uid. */
  readonly counts: Map<string, number>;
  /** Ids that the account may not write, as the last pass found. */
  forbidden: ReadonlySet<string>;
  /** Namespaces that were found to be under deletion. */
  readonly ending: Set<string>;
  /** Ids that the last desired set laid claim to. */
  wanted: ReadonlySet<string>;
  /** Ids that it lets go and others claim, who have been told. */
  ceded: ReadonlySet<string>;
}

/** The memory of all syncs. */
export class SyncStates {
  readonly #states = new Map<Key, SyncState>();

  /** The state of a sync; a new one asks Git at once. */
  of(key: Key): SyncState {
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const fresh: SyncState = {
      content: undefined,
      broken: undefined,
      accepted: undefined,
      complete: undefined,
      checks: undefined,
      rehearsal: undefined,
      hold: undefined,
      retry: undefined,
      trouble: undefined,
      reads: undefined,
      inputs: undefined,
      asked: "",
      planned: undefined,
      heard: undefined,
      checkedAt: 0,
      looking: undefined,
      lookedAt: 0,
      settledAt: 0,
      notifiedAt: 0,
      followed: undefined,
      verified: undefined,
      startedAt: 0,
      toldAt: 0,
      told: undefined,
      renamedAt: undefined,
      landed: undefined,
      recorded: new Map(),
      counts: new Map(),
      forbidden: new Set(),
      ending: new Set(),
      wanted: new Set(),
      ceded: new Set(),
    };
    this.#states.set(key, fresh);
    return fresh;
  }

  /** Takes what a sync asks for, as the watch tells it. */
  hear(key: Key, asked: string, now: number): void {
    const state = this.of(key);
    if (state.heard?.asked !== asked) state.heard = { asked, at: now };
  }

  /** The state of a sync that has been heard of. */
  known(key: Key): SyncState | undefined {
    return this.#states.get(key);
  }

  /**
   * Tells whether a sync has a commit that has not landed yet. One that was not worked on at all has: a new process does
   * not know what the former one had begun.
   */
  isArriving(key: Key): boolean {
    const state = this.#states.get(key);
    return state?.accepted === undefined || state.landed !== state.accepted;
  }

  /** Forgets a sync that is gone. */
  forget(key: Key): void {
    this.#states.delete(key);
  }
}
