import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Effect, Want } from "./effects.ts";
import { isLeaving, isRouted, isServing, livePods, type Seen, surplusOf } from "./seen.ts";
import { LEFT, SERVING } from "./selection.ts";

/**
 * Tells whether stable has more pods than are wanted: the surplus leaves the Service before it is stopped,
 * and stays out until it is gone.
 */
export function shrinks(seen: Seen, cursor: Cursor): boolean {
  if (seen.revisions.some(({ hash, replicas }) => hash === cursor.stable && replicas > cursor.replicas)) return true;
  return cursor.selection.kind === "Serving" && livePods(seen, cursor.stable).length > cursor.replicas;
}

/** Writes that put the serving marks right; none where the marks decide nothing. */
export function markEffects(seen: Seen, cursor: Cursor, wanted: Want): readonly Effect[] {
  const { stage, stable, candidate, selection } = cursor;
  // The revisions' own Services select by the mark: all pods carry it, but for those that are about to be stopped.
  if (isRouted(seen)) return seen.revisions.flatMap(({ hash }) => servingMarks(seen, hash, wanted.serving.get(hash)));
  const mixes = selection.kind === "Serving" || stage === "Stepping" || (stage === "Resting" && shrinks(seen, cursor));
  if (!mixes) return [];
  return seen.revisions.flatMap(({ hash }) => {
    // Pods of a third revision that are kept warm must not match the mark that both tracks carry.
    if (hash !== stable && hash !== candidate) return servingMarks(seen, hash, 0);
    // While all traffic is about to move, the shares stay as they are.
    return stage === "Switching" ? [] : servingMarks(seen, hash, wanted.serving.get(hash));
  });
}

/** Marks just enough pods: pods that lack readiness leave first, and a pod that has left stays out. */
function servingMarks(seen: Seen, revision: string, count: number | undefined): readonly Effect[] {
  const pods = livePods(seen, revision);
  const byRank = [...pods].sort(
    (a, b) =>
      Number(b.ready) - Number(a.ready) || Number(isServing(b)) - Number(isServing(a)) || (a.name < b.name ? -1 : 1),
  );
  const keep = count ?? pods.length;
  // The pods that are about to be stopped are those that have left: none may join them now, nor come back. Unless no other
  // one serves: then the unready ones are stopped first.
  const serving = pods.filter(isServing);
  const chosen = pods.length - serving.length >= surplusOf(seen, revision) && isLeaving(seen, revision);
  if (keep > 0 && chosen && serving.some(({ ready }) => ready)) return [];
  return byRank.flatMap((pod, index) => {
    if (index < keep) return isServing(pod) ? [] : [mark(pod, SERVING)];
    return isServing(pod) ? [mark(pod, LEFT)] : [];
  });
}

export function mark(pod: { readonly name: string; readonly uid: string }, serving: string): Effect {
  return { do: "MarkPod", pod: pod.name, uid: pod.uid, serving };
}
