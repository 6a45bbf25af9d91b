import { sameJson } from "../../api/json.ts";
import type { Key } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { ProgressiveRollout, RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import type { Judgement } from "../../core/analysis/judge.ts";
import { measureIn, record } from "../../core/analysis/record.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { type Effect, effectsFor } from "../../core/rollout/effects.ts";
import { plan } from "../../core/rollout/plan.ts";
import { project } from "../../core/rollout/project.ts";
import type { Seen } from "../../core/rollout/seen.ts";
import { after, never, type Requeue } from "../requeue.ts";

/** One rollout and all the evidence about it. */
export interface Observed {
  readonly rollout: ProgressiveRollout;
  readonly seen: Seen;
}

/** What a rollout's reconcile needs of the world. */
export interface RolloutWorld {
  /** undefined: the resource is gone. */
  observe(key: Key): Observed | undefined;
  /** Stores the finalizer, so that a deletion waits for the hand-back. */
  claim(observed: Observed, signal: AbortSignal): Promise<void>;
  report(observed: Observed, status: RolloutStatus, decision: Decision | undefined, signal: AbortSignal): Promise<void>;
  execute(observed: Observed, effect: Effect, signal: AbortSignal): Promise<void>;
  /** Answers measurements that have arrived for the cursor's step; else starts some. Never waits for Prometheus. */
  measure(observed: Observed, cursor: Cursor): readonly Judgement[] | undefined;
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
  const observed = world.observe(key);
  if (observed === undefined) return never;
  const { rollout } = observed;
  const generation = rollout.object.metadata.generation ?? 0;
  if (!observed.seen.deleting) await world.claim(observed, signal);

  const seen = measured(world, observed, now());
  const decision = plan(seen, now());
  const name = rollout.object.metadata.name;
  const status = project({ name, generation, before: rollout.status, seen, decision, now: now() });
  const changed = !sameJson(status, rollout.status);
  if (changed) await world.report(observed, status, decision, signal);
  if (decision.kind === "Blocked") return never;

  const effects = effectsFor(seen, decision.cursor, now());
  for (const effect of effects) await world.execute(observed, effect, signal);
  if (effects.length > 0 || decision.kind === "Advance") return after(SOON_MS);
  // 0 means that a measurement is under way: it wakes the key when it lands.
  const { recheckInMs = 0 } = decision;
  return recheckInMs > 0 ? after(recheckInMs) : never;
}

/** Folds in the measurements that are due and have arrived. */
function measured(world: RolloutWorld, observed: Observed, now: number): Seen {
  const { seen } = observed;
  const { analysis } = seen.spec;
  if (analysis === undefined || seen.cursor === undefined) return seen;
  if (measureIn(seen.cursor, durationMs(analysis.interval), now) !== 0) return seen;
  const judgements = world.measure(observed, seen.cursor);
  return judgements === undefined ? seen : { ...seen, cursor: record(seen.cursor, judgements, now) };
}
