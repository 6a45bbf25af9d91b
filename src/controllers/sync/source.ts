import type { Manifest } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { confirmsPrune } from "../../core/sync/guard.ts";
import { nextTry, type Retry } from "../../core/sync/retry.ts";
import { type Git, GitError, type GitSource } from "../../ports/git.ts";
import type { RenderProblem } from "../../ports/render.ts";
import { type AdmitParts, admit } from "./admit.ts";
import { messageOf } from "./failure.ts";
import { inputsOf, sameInputs } from "./inputs.ts";
import { answersAlike, recording, treeOf } from "./reads.ts";
import { type RenderParts, renderTree } from "./rendering.ts";
import { restore } from "./restore.ts";
import { credentialsIn, proxyIn, type Secrets } from "./secrets.ts";
import type { GitTrouble, SyncState } from "./state.ts";

/** The commit that a ref stands for now, and when the remote was asked, in epoch milliseconds. */
export interface Moved {
  readonly sha: string;
  readonly askedAt: number;
}

/** What reading a sync's source takes. */
export interface SourceParts extends AdmitParts, RenderParts {
  readonly git: Git;
  readonly secrets: Secrets;
  /** When this process began, in epoch milliseconds. */
  readonly bornAt: number;
  /** Lets others that follow the same ref know that it has moved, with when the remote was asked. */
  readonly spread: (sync: GitSync, moved: Moved) => void;
}

const SECRET_FIELDS = ["secretRef", "proxySecretRef"] as const;
type SecretField = (typeof SECRET_FIELDS)[number];

/**
 * A question that began in the very millisecond of a push is about that push: git takes longer to reach the remote.
 * Without this the syncs of one repository would ask twice for each push whenever the first question begins at once.
 */
const SAME_MS = 1;

/** Milliseconds until the interval asks for the next look at Git; 0: now. */
export function checkIn(sync: GitSync, state: SyncState, now: number): number {
  if (asksAnew(sync, state)) return 0;
  // A push is no reason to ask a host that wants to be left alone.
  if (state.retry?.demanded === true) return Math.max(0, state.retry.at - now);
  if (state.notifiedAt > state.checkedAt) return 0;
  const due = state.retry?.at ?? state.checkedAt + durationMs(sync.spec.interval);
  return Math.max(0, due - now);
}

/**
 * How old an answer of the remote may be, as the time when it was asked for. Syncs of one ref come to ask at the same
 * time by this, whatever time they began at, and one question in a period answers all of them.
 */
export function freshSince(sync: GitSync, state: SyncState, bornAt: number, now: number): number {
  if (asksAnew(sync, state)) {
    const isOld = Date.parse(sync.object.metadata.creationTimestamp ?? "") + 1_000 < bornAt;
    // Of many new syncs the last is looked at long after it was made: what was asked for in between serves it.
    const { heard } = state;
    const heardAt = heard?.asked === askedBy(sync.object) ? Math.min(heard.at - SAME_MS, now) : now;
    // All that were there before this process was are served by its first question.
    const isFirst = state.asked === "" && isOld && (heard?.at ?? bornAt) <= bornAt;
    return Math.max(isFirst ? bornAt - SAME_MS : heardAt, state.notifiedAt - SAME_MS);
  }
  // After a failure: another try than the one that failed, whoever makes it.
  const since = state.retry?.failedAt ?? now - durationMs(sync.spec.interval);
  return state.notifiedAt > state.checkedAt ? Math.max(since, state.notifiedAt - SAME_MS) : since;
}

/** The spec has changed since the last look ended, or a look was asked for: what was read before counts no more. */
export function asksAnew(sync: GitSync, state: SyncState): boolean {
  return state.asked !== askedBy(sync.object);
}

/** What a person or a commit can ask for a look with: the spec, and the annotations that request or allow something. */
export function askedBy({ metadata: { generation, annotations } }: Manifest): string {
  return [generation, annotations?.[Mark.requestedAt], annotations?.[Mark.acceptRevision]].join("/");
}

/**
 * Looks at Git and renders what is new. Unchanged content costs one ls-remote.
 * undefined: the state holds what Git says. Else why Git could not be read; the state keeps the last good content, which a
 * new process looks for in its store.
 */
export async function readSource(
  sync: GitSync,
  state: SyncState,
  parts: SourceParts,
  now: () => number,
  signal: AbortSignal,
): Promise<GitTrouble | undefined> {
  const trouble = await readNews(sync, state, parts, now, signal);
  if (state.content !== undefined || sync.status.appliedRevision === undefined) return trouble;
  const source = await sourceOf(sync, parts.secrets, signal);
  const isBack = !("kind" in source) && (await restore(sync, state, source, parts, signal));
  if (isBack || trouble === undefined) return trouble;
  return {
    ...trouble,
    message: `${trouble.message}; until then drift is not corrected, as no good revision is at hand`,
  };
}

async function readNews(
  sync: GitSync,
  state: SyncState,
  parts: SourceParts,
  now: () => number,
  signal: AbortSignal,
): Promise<GitTrouble | undefined> {
  const asked = askedBy(sync.object);
  const began = now();
  let askedAt = began;
  // The clock may have been set back meanwhile.
  state.notifiedAt = Math.min(state.notifiedAt, began);
  const since = freshSince(sync, state, parts.bornAt, began);
  const former = state.retry;
  // What fails after the host has answered, or before it is asked, is asked for again without growing waits.
  const again = (before: Retry | undefined, wanted?: number) =>
    nextTry(before, { intervalMs: durationMs(sync.spec.interval), wanted, now: now() }, Math.random());
  try {
    const source = await sourceOf(sync, parts.secrets, signal);
    if ("kind" in source) {
      state.retry = again(undefined);
      return source;
    }
    state.retry = undefined;
    const commit = await parts.git.resolve(source, signal, since);
    askedAt = commit.askedAt;
    const before = (state.broken ?? state.content)?.commit.sha;
    if (before !== commit.sha) parts.spread(sync, commit);
    const refused = await admit(sync, state, source, commit, parts, signal);
    if (refused !== undefined) return refused;
    if (before !== commit.sha || state.startedAt === 0) state.startedAt = askedAt;
    const inputs = await inputsOf(sync, parts.secrets, signal);
    if (inputs.kind === "Missing") {
      state.retry = again(undefined);
      return { kind: "GitFailed", reason: inputs.reason, message: inputs.message };
    }
    const same = state.asked === asked && sameInputs(inputs, state.inputs);
    // The same commit as before: nothing is read at all.
    if (before === commit.sha && state.reads !== undefined && same) return undefined;
    const verified = sync.spec.verify !== undefined;
    const tree = treeOf(parts.git, source, commit.sha);
    if (state.reads !== undefined && same && (await answersAlike(tree, state.reads, signal))) {
      // Another commit with the same content of all that was read: only its name is news.
      if (state.content !== undefined && state.broken === undefined)
        state.content = { commit, verified, rendered: state.content.rendered };
      if (state.broken !== undefined) state.broken = { ...state.broken, commit };
      acceptEmpty(state, verified);
      return undefined;
    }
    const recorded = recording(tree);
    const result = await renderTree(sync, recorded.tree, source.timeoutMs, parts, inputs, signal);
    // The same files may render the next time: they are read again at the next look.
    state.reads = result.kind === "Broken" && result.problems.some(mayPass) ? undefined : recorded.reads;
    state.inputs = inputs;
    if (result.kind === "Rendered") {
      state.content = { commit, verified, rendered: result.objects, notes: result.notes ?? [] };
      state.broken = undefined;
    } else {
      state.broken = { commit, problems: result.problems };
    }
    acceptEmpty(state, verified);
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    const isGit = error instanceof GitError;
    state.retry = again(
      isGit && isOfContent(error.reason) ? undefined : former,
      isGit ? error.retryAfterMs : undefined,
    );
    if (isGit) return { kind: "GitFailed", reason: error.reason, message: error.message };
    return { kind: "GitFailed", reason: "ReconcileFailed", message: `${messageOf(error)}; it is tried again` };
  } finally {
    state.asked = asked;
    state.lookedAt = askedAt;
    state.checkedAt = askedAt;
  }
}

function mayPass({ reason }: RenderProblem): boolean {
  return reason === "RenderFailed" || reason === "RenderSuspicious" || reason === "RendererMissing";
}

/** A path without manifests is a mistake, unless the commit confirms in words that all may go. */
function acceptEmpty(state: SyncState, verified: boolean): void {
  const { broken } = state;
  if (broken === undefined || !confirmsPrune(broken.commit.trailers)) return;
  if (broken.problems.some(({ reason }) => reason !== "NoManifests")) return;
  state.content = { commit: broken.commit, verified, rendered: [] };
  state.broken = undefined;
}

/** Tells whether a push can mend a failure: the next one must be seen at the interval. */
function isOfContent(reason: GitError["reason"]): boolean {
  return /^(RefNotFound|PathNotFound|SymlinkRefused|LfsPointerRefused|SubmoduleRefused)$/.test(reason);
}

async function sourceOf(
  { object, spec }: GitSync,
  secrets: Secrets,
  signal: AbortSignal,
): Promise<GitSource | GitTrouble> {
  const namespace = object.metadata.namespace ?? "";
  const found = new Map<SecretField, Manifest>();
  for (const field of SECRET_FIELDS) {
    const name = spec[field]?.name;
    if (name === undefined) continue;
    const read = await secrets.read(namespace, name, signal);
    if (read.kind === "Missing") {
      return missing(`Secret ${namespace}/${name} of spec.${field} does not exist; create it, or correct the name`);
    }
    found.set(field, read.secret);
  }
  const [secret, proxySecret] = SECRET_FIELDS.map((field) => found.get(field));
  const proxy = proxySecret === undefined ? undefined : proxyIn(proxySecret);
  if (proxySecret !== undefined && proxy === undefined) {
    return missing(
      `Secret ${namespace}/${proxySecret.metadata.name} of spec.proxySecretRef has no key address; add it`,
    );
  }
  return {
    url: spec.url,
    ref: Object.keys(spec.ref).length === 0 ? { branch: "main" } : spec.ref,
    credentials: {
      ...(secret === undefined ? {} : credentialsIn(secret)),
      ...(proxy === undefined ? {} : { proxy }),
    },
    timeoutMs: durationMs(spec.timeout),
    submodules: spec.submodules,
    lfs: spec.lfs,
  };
}

function missing(message: string): GitTrouble {
  return { kind: "GitFailed", reason: "SecretMissing", message };
}
