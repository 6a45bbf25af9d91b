import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { type Commit, type Git, GitError, type GitSource } from "../../ports/git.ts";
import { inputsOf } from "./inputs.ts";
import { treeOf } from "./reads.ts";
import { type RenderParts, renderTree } from "./rendering.ts";
import type { Secrets } from "./secrets.ts";
import type { Content, SyncState } from "./state.ts";
import { type VerifyParts, verifyRevision } from "./verify.ts";

/** What restoring takes. */
export interface RestoreParts extends VerifyParts, RenderParts {
  readonly git: Git;
  readonly secrets: Secrets;
}

/**
 * Takes up the last good revision in a new process while Git is away or what it offers is refused: from the store, or from
 * the remote by its hash. Drift is corrected to it, and nothing is deleted. Answers whether there is one.
 */
export async function restore(
  sync: GitSync,
  state: SyncState,
  source: GitSource,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<boolean> {
  const { attemptedRevision, appliedRevision, observedGeneration } = sync.status;
  // Under another spec it was never applied.
  if (observedGeneration !== sync.object.metadata.generation) return false;
  // The one that was being applied comes first: to go back to the one before would be a change.
  for (const sha of new Set([attemptedRevision, appliedRevision])) {
    const content = sha === undefined ? undefined : await contentOf(sha, sync, source, parts, signal);
    if (content === undefined) continue;
    state.content = content;
    if (sha === appliedRevision) state.accepted = content;
    return true;
  }
  return false;
}

async function contentOf(
  sha: string,
  sync: GitSync,
  source: GitSource,
  parts: RestoreParts,
  signal: AbortSignal,
): Promise<Content | undefined> {
  try {
    const found = await parts.git.resolve({ ...source, ref: { commit: sha } }, signal);
    const commit: Commit = { ...found, ...refOf(sha, sync) };
    if ((await verifyRevision(sync, source, commit, undefined, parts, signal)) !== undefined) return undefined;
    const inputs = await inputsOf(sync, parts.secrets, signal);
    if (inputs.kind === "Missing") return undefined;
    const tree = treeOf(parts.git, source, sha);
    const result = await renderTree(sync, tree, source.timeoutMs, parts, inputs, signal);
    if (result.kind !== "Rendered") return undefined;
    return {
      commit,
      rendered: result.objects,
      notes: result.notes ?? [],
      verified: sync.spec.verify !== undefined,
      restored: true,
    };
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

/** Under which ref it was found then, and by which tag. */
function refOf(sha: string, { status }: GitSync): Pick<Commit, "ref" | "tag"> {
  const { attemptedRef: ref, verifiedRevision, verifiedTag: tag } = status;
  return {
    ...(ref === undefined ? {} : { ref }),
    ...(tag === undefined || verifiedRevision !== sha ? {} : { tag }),
  };
}
