import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { type Followed, type Move, mayHaveMoved, moveOf } from "../../core/sync/move.ts";
import type { Commit, GitSource } from "../../ports/git.ts";
import { acceptCommand, acceptedBy } from "./accept.ts";
import type { GitTrouble, SyncState } from "./state.ts";
import { type VerifyParts, verifyRevision } from "./verify.ts";

/** A move of a ref that people have to know of. */
export type UnusualMove = Extract<Move, { kind: "Unusual" }>;

/** What judging a commit takes. */
export interface AdmitParts extends VerifyParts {
  /** Tells people that a branch was rewritten or a tag moved, and that this is accepted. */
  readonly tellMoved: (sync: GitSync, move: UnusualMove) => void;
}

/**
 * Decides whether a commit may be read at all, before a byte of its files is.
 * undefined: it may. Else why not; what was followed before stays.
 */
export async function admit(
  sync: GitSync,
  state: SyncState,
  source: GitSource,
  commit: Commit,
  parts: AdmitParts,
  signal: AbortSignal,
): Promise<GitTrouble | undefined> {
  const now: Followed = {
    url: sync.spec.url,
    sha: commit.sha,
    ...(commit.ref === undefined ? {} : { ref: commit.ref }),
  };
  // What was read before it had to be signed is no content to keep in force.
  if (sync.spec.verify !== undefined) forgetUnverified(state);
  const last = state.verified?.sha ?? sync.status.verifiedRevision;
  const distrust = await verifyRevision(sync, source, commit, last, parts, signal);
  if (distrust !== undefined) return distrust;
  const former = state.followed ?? formerOf(sync);
  if (mayHaveMoved(former, now)) {
    const move = moveOf(former, now, await parts.git.descends(source, now.sha, former.sha, signal));
    if (move.kind === "Unusual") {
      if (sync.spec.rewrites === "Refuse" && acceptedBy(sync) !== now.sha) return refusalOf(sync, move, now.sha);
      parts.tellMoved(sync, move);
    }
  }
  state.followed = now;
  state.verified = sync.spec.verify === undefined ? undefined : { sha: commit.sha, tag: commit.tag };
  return undefined;
}

function forgetUnverified(state: SyncState): void {
  if (state.accepted?.verified !== true) state.accepted = undefined;
  if (state.content?.verified === true) return;
  state.content = undefined;
  state.reads = undefined;
  state.complete = undefined;
}

/** What a former process followed. */
function formerOf({ spec, status }: GitSync): Followed | undefined {
  const { attemptedRef: ref, attemptedRevision: sha } = status;
  return ref === undefined || sha === undefined ? undefined : { url: spec.url, ref, sha };
}

function refusalOf(sync: GitSync, { reason, message }: UnusualMove, sha: string): GitTrouble {
  const accept = acceptCommand(sync, sha);
  const wayOut = reason === "TagMoved" ? "put it back, or follow another tag" : "put the branch back";
  return {
    kind: "GitFailed",
    reason,
    message: `${message}, which spec.rewrites refuses; ${wayOut}, or accept exactly this commit: ${accept}`,
  };
}
