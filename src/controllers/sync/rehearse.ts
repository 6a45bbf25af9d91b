import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import { changesRights, needsTrial, triable } from "../../core/sync/rehearsal.ts";
import { isApiError } from "../../ports/cluster.ts";
import type { Applied, Applier, ApplyParts } from "./apply.ts";
import { mapLimited } from "./applyAll.ts";
import { failureOf } from "./failure.ts";
import { intend, type Write } from "./intent.ts";
import { judge } from "./recreate.ts";
import type { Content } from "./state.ts";

/** What a trial of a commit found; remembered, so that nothing is tried at rest. */
export interface Rehearsal {
  readonly of: Content["rendered"];
  /** Empty: it may be applied. */
  readonly failures: readonly Failure[];
  /** Objects of a refused commit: another sync that lets one of them go does not delete it. */
  readonly claims: ReadonlySet<string>;
  readonly tries: number;
  /** When a refused commit is tried again, epoch milliseconds. */
  readonly againAt: number;
}

const RETRY_MS = 10_000;
const RETRY_MAX_MS = 300_000;

/** How a sync wants its commits tried. */
export interface RehearsalOptions {
  readonly mode: GitSyncSpec["dryRun"];
  /** The sync has nothing in the cluster yet. */
  readonly first: boolean;
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Tries what a commit would write, all of it, by dry runs on the API server: so one broken object refuses the commit as a
 * whole before anything is written. What was tried already is not tried again, unless it failed and time has passed.
 */
export async function rehearse(
  content: Content,
  members: readonly Member[],
  applier: Applier,
  parts: ApplyParts,
  { mode, first, now }: RehearsalOptions,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const former = applier.state.rehearsal;
  const known = former?.of === content.rendered ? former : undefined;
  if (known !== undefined && (known.failures.length === 0 || now < known.againAt)) return known;
  const served = members.filter((member) => member.served === "Yes");
  const intents = await mapLimited(served, (member) => intentOf(member, applier, parts, now, signal));
  const news = intents.flatMap((intent) =>
    intent === undefined || intent.drift !== undefined ? [] : [{ ...intent, fresh: intent.live === undefined }],
  );
  const tried = needsTrial(mode, news.length, first) ? triable(news) : [];
  const lenient = changesRights(news);
  const results = await mapLimited(tried, (write) => tryOut(write, applier, parts, lenient, signal));
  const failures = results.flatMap((result) => (result === undefined ? [] : [result]));
  const tries = failures.length === 0 ? 0 : (known?.tries ?? 0) + 1;
  const wait = Math.min(RETRY_MS * 2 ** Math.max(0, tries - 1), RETRY_MAX_MS);
  const claims = new Set(failures.length === 0 ? [] : members.map(({ id }) => id));
  return { of: content.rendered, failures, claims, tries, againAt: now + wait };
}

/** What cannot be decided now fails alone when it is applied. */
async function intentOf(
  member: Member,
  applier: Applier,
  parts: ApplyParts,
  now: number,
  signal: AbortSignal,
): Promise<Write | undefined> {
  try {
    const intent = await intend(member, applier, parts, now, signal);
    return intent.kind === "Write" ? intent : undefined;
  } catch (error) {
    if (signal.aborted || !isApiError(error) || error.kind === "Fenced") throw error;
    return undefined;
  }
}

async function tryOut(
  write: Write,
  applier: Applier,
  { cluster }: ApplyParts,
  lenient: boolean,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { account } = applier;
  const identity = account === undefined ? {} : { account };
  const { object, resourceVersion } = write.over(write.live);
  const precise = resourceVersion === undefined ? {} : { resourceVersion };
  try {
    await cluster.apply(object, { ...identity, ...precise, dryRun: true }, signal);
    return undefined;
  } catch (error) {
    if (signal.aborted || !isApiError(error) || error.kind === "Fenced") throw error;
    // Somebody has written meanwhile: the apply looks again.
    if (error.kind === "Conflict" || (error.kind === "Forbidden" && lenient)) return undefined;
    if (error.kind !== "Invalid") return failureOf(write.member, error);
    return failureIn(await judge(write, error, identity, { cluster }, signal));
  }
}

function failureIn(verdict: Applied | { readonly kind: "Proven" }): Failure | undefined {
  return verdict.kind === "Failed" ? verdict.failure : undefined;
}
