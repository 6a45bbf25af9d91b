import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { weightIn } from "./routes/split.ts";
import { type Said, stableShare, wordOf } from "./routes/word.ts";
import { isRouted, isServing, livePods, readyOf, type Seen } from "./seen.ts";
import { isOverQuota } from "./shortage.ts";
import { type Step, stepsOf } from "./strategies/strategy.ts";
import { since } from "./timing.ts";

/** Tells whether the step at which a candidate is, or was, has stable lowered: then a way back needs pods to start. */
export function isLowered({ spec }: Seen, { step = 0, replicas }: Cursor): boolean {
  const sizes = stepsOf(spec, replicas)[step]?.sizes;
  return sizes !== undefined && sizes.stable < replicas;
}

/**
 * Pods of stable while routes share the requests and stable is lowered. It grows at once with what any route may give it, and
 * shrinks once the step's weight has been in place for the settle time. Those that leave are marked then, and stopped when
 * that has lasted for the settle time too; until the weight is in place, as many stay as are not marked as leaving.
 */
export function loweredByRoutes(seen: Seen, cursor: Cursor, step: Step, now: number): number {
  const { stable, replicas } = cursor;
  const says: readonly Said[] = [wordOf(cursor, seen.spec), ...seen.routes.map(({ said }) => said)];
  const needed = Math.max(
    step.sizes.stable,
    ...says.map((said) => Math.ceil((replicas * stableShare(said, stable)) / 100)),
  );
  if (placedLeft(seen, cursor, now) === 0) return needed;
  const exists = seen.revisions.find(({ hash }) => hash === stable)?.replicas ?? replicas;
  const leaving = livePods(seen, stable).filter((pod) => !isServing(pod)).length;
  return Math.max(needed, exists - leaving);
}

/** Milliseconds until what the step wants has been in place for the settle time; 0 from then on. */
export function placedLeft({ spec }: Seen, { inPlaceAt }: Cursor, now: number): number {
  const settleMs = spec.settleSeconds * 1_000;
  return inPlaceAt === undefined ? settleMs : Math.max(0, settleMs - since(inPlaceAt, now));
}

/** The part of the requests that a candidate's ready pods can carry beside stable's, in percent. */
export function carriedBy(candidate: number, stable: number, replicas: number): number {
  // Where both together are too few, each gets as much as the other for each pod.
  const enough = Math.max(1, Math.min(replicas, candidate + stable));
  return Math.floor((100 * candidate) / enough);
}

/** Tells whether routes share the requests with a lowered stable. */
export function isSharedByRoutes(seen: Seen, step: Step, replicas: number): boolean {
  return isRouted(seen) && step.sizes.stable < replicas;
}

/**
 * Pods of the candidate while stable grows back. By pod share each ready pod of stable takes one of them out of the Service; by
 * routes it is the weight that moves. Where a quota has no room for stable's pods, those that are not needed make room, and
 * one more: a way back may lack a pod for a while, and waits for no one's quota.
 */
export function carriedOnReturn(
  seen: Seen,
  { stable, replicas, split }: Cursor,
  candidate: string,
): { readonly pods: number | "Keep"; readonly serving?: number } {
  const missing = Math.max(0, replicas - readyOf(seen, stable));
  if (missing > 0 && isOverQuota(seen, stable)) {
    const exists = seen.revisions.find(({ hash }) => hash === candidate)?.replicas ?? 0;
    const serves = seen.pods.filter((pod) => pod.revision === stable && pod.ready && isServing(pod)).length;
    const needed = isRouted(seen) ? Math.ceil((replicas * weightIn(split, candidate)) / 100) : replicas - serves;
    const pods = Math.min(exists, Math.max(0, needed - 1));
    return { pods, serving: pods };
  }
  return missing > 0 && !isRouted(seen) ? { pods: "Keep", serving: missing } : { pods: "Keep" };
}
