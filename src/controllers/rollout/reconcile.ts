import { sameJson } from "../../api/json.ts";
import type { Key } from "../../api/objects.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { ProgressiveRollout, RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import type { Judgement } from "../../core/analysis/judge.ts";
import { measureIn, record } from "../../core/analysis/record.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { type Effect, effectsFor } from "../../core/rollout/effects.ts";
import { plan } from "../../core/rollout/plan.ts";
import { project } from "../../core/rollout/project.ts";
import type { Seen } from "../../core/rollout/seen.ts";
import { type Answer, answered, callIn, type DueCall, dueCalls } from "../../core/rollout/webhooks.ts";
import { after, never, type Requeue } from "../requeue.ts";

/** One rollout and all the evidence about it. */
export interface Observed {
  readonly rollout: ProgressiveRollout;
  readonly seen: Seen;
  /** Why a write of the last look failed, as long as it does. */
  readonly trouble?: string;
}

/** What a rollout's reconcile needs of the world. */
export interface RolloutWorld {
  /** Waits until everything can be seen that the rollout names. */
  prepare(key: Key, signal: AbortSignal): Promise<void>;
  /** undefined: the resource is gone. */
  observe(key: Key): Observed | undefined;
  /** Stores the finalizer, so that a deletion waits for the hand-back; undefined: it is there. */
  claim(observed: Observed, signal: AbortSignal): Promise<void> | undefined;
  report(observed: Observed, status: RolloutStatus, decision: Decision | undefined, signal: AbortSignal): Promise<void>;
  execute(observed: Observed, effect: Effect, signal: AbortSignal): Promise<void>;
  /** Remembers why a write failed, or that none does any more. Answers whether that is news. */
  trouble(observed: Observed, message: string | undefined): boolean;
  /** Tells whether an error ends the look at once: what was seen is stale, or this process must stop. */
  isFatal(error: unknown): boolean;
  /** Answers measurements that have arrived for the cursor's step; else starts some. Never waits for Prometheus. */
  measure(observed: Observed, cursor: Cursor): readonly Judgement[] | undefined;
  /** Answers of webhooks that have arrived for these calls; those that are not under way are begun. Never waits for one. */
  deliver(observed: Observed, due: readonly DueCall[]): readonly Answer[];
}

/** After own writes the key comes back soon: their answers are in the caches already, and no watch event follows. */
const SOON_MS = 20;

/**
 * One look at one rollout: observe, decide, store the decision, act on it.
 * The cursor is stored before the first effect that it causes, so a crash between any two calls resumes here
 * and repeats idempotent effects. `now` is epoch milliseconds.
 */
export async function reconcileRollout(
  world: RolloutWorld,
  key: Key,
  now: () => number,
  signal: AbortSignal,
): Promise<Requeue> {
  await world.prepare(key, signal);
  const found = world.observe(key);
  if (found === undefined) return never;
  const claiming = found.seen.deleting ? undefined : world.claim(found, signal);
  if (claiming !== undefined) await claiming;
  const observed = claiming === undefined ? found : world.observe(key);
  if (observed === undefined) return never;
  // From what is observed until the report has begun nothing is awaited: a rollout's turn is decided on what is so now.
  const seen = delivered(world, observed, measured(world, observed, now()), now());
  const decision = plan(seen, now());
  await tell(world, observed, seen, decision, now(), signal);
  if (decision.kind === "Blocked") return never;

  const effects = effectsFor(seen, decision.cursor, now());
  const trouble = await act(world, observed, effects, signal);
  if (trouble !== undefined) {
    // The queue comes back with patience; what is wrong is said on the resource until it is mended.
    const changed = world.trouble(observed, messageOf(trouble));
    // Told before: that it went on, or ended, is not told a second time.
    const told: Decision = { kind: "Hold", cursor: decision.cursor, because: decision.because };
    if (changed) await tell(world, world.observe(key) ?? observed, seen, told, now(), signal);
    throw trouble;
  }
  if (world.trouble(observed, undefined) || effects.length > 0 || decision.kind === "Advance") return after(SOON_MS);
  // 0 means that a measurement or a call is under way: it wakes the key when it lands.
  const waits = [decision.recheckInMs, callIn(decision.cursor, seen.spec.webhooks, now())];
  const ahead = waits.flatMap((ms) => (ms === undefined || ms <= 0 ? [] : [ms]));
  return ahead.length > 0 ? after(Math.min(...ahead)) : never;
}

/** Stores the projected status, if it says anything new. */
async function tell(
  world: RolloutWorld,
  observed: Observed,
  seen: Seen,
  decision: Decision,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const { object, status: before } = observed.rollout;
  const { name, generation = 0 } = object.metadata;
  const { trouble } = observed;
  const report = { name, generation, before, seen, decision, now, ...(trouble === undefined ? {} : { trouble }) };
  const status = project(report);
  if (!sameJson(status, before)) await world.report(observed, status, decision, signal);
}

/**
 * Runs the effects in their order. One that fails does not keep the others from running: each was decided on what is
 * observed, not on the others' success, and a quota that is full must not hold up a way back.
 */
async function act(
  world: RolloutWorld,
  observed: Observed,
  effects: readonly Effect[],
  signal: AbortSignal,
): Promise<unknown> {
  let first: unknown;
  for (const effect of effects) {
    try {
      await world.execute(observed, effect, signal);
    } catch (error) {
      if (signal.aborted || world.isFatal(error)) throw error;
      first ??= error;
    }
  }
  return first;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Folds in the measurements that are due and have arrived. */
function measured(world: RolloutWorld, observed: Observed, now: number): Seen {
  const { seen } = observed;
  const { analysis } = seen.spec;
  if (analysis === undefined || seen.cursor === undefined || measureIn(seen.cursor, analysis, now) !== 0) return seen;
  const judgements = world.measure(observed, seen.cursor);
  return judgements === undefined ? seen : { ...seen, cursor: record(seen.cursor, judgements, analysis, now) };
}

/** Folds in what webhooks have answered. What is called is what is stored, never what is decided in this look. */
function delivered(world: RolloutWorld, observed: Observed, seen: Seen, now: number): Seen {
  // Without Deployment or Service nothing is decided, so no answer would be stored.
  if (seen.cursor === undefined || seen.workload === undefined || seen.service === undefined) return seen;
  const answers = world.deliver(observed, dueCalls(seen.cursor, seen.spec.webhooks, now));
  return { ...seen, cursor: answered(seen.cursor, answers, now) };
}
