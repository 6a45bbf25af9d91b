import { durationMs } from "../../api/v1alpha1/common.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { plainPath } from "../../core/render/paths.ts";
import { confirmsPrune } from "../../core/sync/guard.ts";
import type { SyncOutcome } from "../../core/sync/outcome.ts";
import { type Commit, type Git, GitError, type GitSource } from "../../ports/git.ts";
import type { Renderer, RenderProblem } from "../../ports/render.ts";
import { messageOf } from "./failure.ts";
import { ignoring } from "./ignoring.ts";
import { answersAlike, recording, treeOf } from "./reads.ts";
import { credentialsIn, type Secrets } from "./secrets.ts";
import type { SyncState } from "./state.ts";

/** What reading a sync's source takes. */
export interface SourceParts {
  readonly git: Git;
  readonly renderer: Renderer;
  readonly secrets: Secrets;
  /** Tells people that the former revision is no ancestor of this one. */
  readonly tellRewritten: (sync: GitSync, commit: Commit) => void;
}

/** How soon a Git host that failed is asked again at the earliest, unless the interval is shorter. */
const RETRY_MS = 10_000;

type GitTrouble = Extract<SyncOutcome, { kind: "GitFailed" }>;

/** Milliseconds until the interval asks for the next look at Git; 0: now. */
export function checkIn(sync: GitSync, state: SyncState, now: number): number {
  if (state.notified || asksAnew(sync, state)) return 0;
  const interval = durationMs(sync.spec.interval);
  // Trouble that passes must not be noticed an interval of an hour later.
  const wait = state.trouble === undefined ? interval : Math.min(interval, Math.max(RETRY_MS, interval / 4));
  return Math.max(0, state.checkedAt + wait - now);
}

/** The spec has changed since the last look ended, or a look was asked for: what was read before counts no more. */
export function asksAnew(sync: GitSync, state: SyncState): boolean {
  return state.asked !== askedBy(sync);
}

/** What a person or a commit can ask for a look with: the spec, and the annotation that requests one. */
function askedBy({ object }: GitSync): string {
  return `${object.metadata.generation}/${object.metadata.annotations?.[Mark.requestedAt] ?? ""}`;
}

/**
 * Looks at Git and renders what is new. Unchanged content costs one ls-remote.
 * undefined: the state holds what Git says. Else why Git could not be read; the state keeps the last good content.
 */
export async function readSource(
  sync: GitSync,
  state: SyncState,
  parts: SourceParts,
  now: () => number,
  signal: AbortSignal,
): Promise<GitTrouble | undefined> {
  const asked = askedBy(sync);
  state.notified = false;
  state.lookedAt = now();
  try {
    const source = await sourceOf(sync, parts.secrets, signal);
    if ("kind" in source) return source;
    const commit = await parts.git.resolve(source, signal);
    const tree = treeOf(parts.git, source, commit.sha);
    const before = state.content?.commit.sha ?? state.broken?.commit.sha;
    if (before !== commit.sha || state.startedAt === 0) state.startedAt = now();
    if (commit.forced && before !== commit.sha) parts.tellRewritten(sync, commit);
    if (state.reads !== undefined && state.asked === asked && (await answersAlike(tree, state.reads, signal))) {
      // Another commit with the same content of all that was read: only its name is news.
      if (state.content !== undefined && state.broken === undefined) state.content = { ...state.content, commit };
      if (state.broken !== undefined) state.broken = { ...state.broken, commit };
      acceptEmpty(state);
      return undefined;
    }
    const recorded = recording(tree);
    const path = plainPath(sync.spec.path);
    const kept = await ignoring(recorded.tree, path, sync.spec.ignore ?? [], signal);
    const result = await parts.renderer.render({ tree: kept, path, timeoutMs: source.timeoutMs }, signal);
    // The same files may render the next time: they are read again at the next look.
    state.reads = result.kind === "Broken" && result.problems.some(mayPass) ? undefined : recorded.reads;
    if (result.kind === "Rendered") {
      state.content = { commit, rendered: result.objects };
      state.broken = undefined;
    } else {
      state.broken = { commit, problems: result.problems };
    }
    acceptEmpty(state);
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof GitError) return { kind: "GitFailed", reason: error.reason, message: error.message };
    return { kind: "GitFailed", reason: "ReconcileFailed", message: `${messageOf(error)}; it is tried again` };
  } finally {
    state.asked = asked;
    state.checkedAt = now();
  }
}

function mayPass({ reason }: RenderProblem): boolean {
  return reason === "RenderFailed" || reason === "RenderSuspicious" || reason === "RendererMissing";
}

/** A path without manifests is a mistake, unless the commit confirms in words that all may go. */
function acceptEmpty(state: SyncState): void {
  const { broken } = state;
  if (broken === undefined || !confirmsPrune(broken.commit.trailers)) return;
  if (broken.problems.some(({ reason }) => reason !== "NoManifests")) return;
  state.content = { commit: broken.commit, rendered: [] };
  state.broken = undefined;
}

async function sourceOf(
  { object, spec }: GitSync,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<GitSource | GitTrouble> {
  const namespace = object.metadata.namespace ?? "";
  const found = spec.secretRef === undefined ? undefined : await secrets.read(namespace, spec.secretRef.name, signal);
  if (found?.kind === "Missing") {
    const message = `Secret ${namespace}/${spec.secretRef?.name} of spec.secretRef does not exist; create it, or correct the name`;
    return { kind: "GitFailed", reason: "SecretMissing", message };
  }
  return {
    url: spec.url,
    ref: Object.keys(spec.ref).length === 0 ? { branch: "main" } : spec.ref,
    credentials: found === undefined ? {} : credentialsIn(found.secret),
    timeoutMs: durationMs(spec.timeout),
  };
}
