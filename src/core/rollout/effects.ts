import type { Cursor, Selection } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { type CheckEffect, checkEffects } from "./checks.ts";
import { carriedOnReturn, isSharedByRoutes, loweredByRoutes } from "./lowering.ts";
import { mark, markEffects, shrinks } from "./marks.ts";
import { type PreviewEffect, previewEffects } from "./preview.ts";
import { rivalOver } from "./routes/fight.ts";
import { reaches, sameSaid, stableShare, type Word } from "./routes/word.ts";
import {
  hasTemplateOf,
  isOwnEndpoint,
  isRouted,
  isRoutedTo,
  isServing,
  livePods,
  type PodSeen,
  readyOf,
  type Seen,
  wordFor,
  workloadPods,
} from "./seen.ts";
import { HANDED_BACK, matches, selects } from "./selection.ts";
import { stepsOf } from "./strategies/strategy.ts";
import { watched } from "./timing.ts";
import { mostForStable } from "./wayBack.ts";

/** A write to the cluster. Each is idempotent and absolute: repeating it after a crash changes nothing more. */
export type Effect =
  | { readonly do: "CreateRevision"; readonly revision: string; readonly replicas: number }
  | { readonly do: "ScaleRevision"; readonly revision: string; readonly replicas: number }
  | { readonly do: "RemoveRevision"; readonly revision: string }
  /** Lets the copies of its configuration go with it: who made them may have died before. */
  | { readonly do: "OwnCopies"; readonly revision: string }
  | { readonly do: "RestartRevision"; readonly revision: string; readonly at: string }
  | { readonly do: "ScaleWorkload"; readonly replicas: number }
  /** Gives the Deployment the template of a revision: what ran is what is handed back. */
  | { readonly do: "RestoreTemplate"; readonly revision: string }
  | { readonly do: "Select"; readonly selection: Selection }
  | { readonly do: "MarkPod"; readonly pod: string; readonly uid: string; readonly serving: string }
  /** Gives the scale subresource its first number: an autoscaler gives up where it reads 0. */
  | { readonly do: "BeginScale"; readonly replicas: number }
  | { readonly do: "Route"; readonly kind: string; readonly name: string; readonly word: Word | "Git" }
  | PreviewEffect
  | CheckEffect
  | { readonly do: "Release" };

/** What a stage wants of the cluster, absolutely. */
export interface Want {
  /** Pods of each revision; one that is not named here has none. `Keep`: no more and no fewer than now. */
  readonly revisions: ReadonlyMap<string, number | "Keep">;
  /** Replicas of the Deployment; undefined: not ours to say. */
  readonly workload: number | undefined;
  /** How many of a revision's pods carry the serving mark; a revision that is not named: all. */
  readonly serving: ReadonlyMap<string, number>;
}

/** The absolute state that a cursor stands for. `now` decides whether a former revision is still warm. */
export function want(seen: Seen, cursor: Cursor, now: number): Want {
  const { stable, candidate, toward, replicas } = cursor;
  const revisions = new Map<string, number | "Keep">();
  const serving = new Map<string, number>();
  for (const { revision, warmUntil } of cursor.previous) {
    const warm = warmUntil !== undefined && now < Date.parse(warmUntil);
    revisions.set(revision, warm ? "Keep" : 0);
  }
  for (const { revision } of cursor.rejected) revisions.set(revision, 0);
  revisions.set(stable, replicas);
  switch (cursor.stage) {
    case "Adopting":
    case "Narrowing":
      return { revisions, workload: undefined, serving };
    case "Emptying":
      return { revisions, workload: 0, serving };
    case "Resting":
      if (shrinks(seen, cursor)) serving.set(stable, replicas);
      return { revisions, workload: 0, serving };
    case "Stepping": {
      const step = stepsOf(seen.spec, replicas)[cursor.step ?? 0];
      if (step !== undefined && candidate !== undefined) {
        revisions.set(candidate, step.sizes.candidate);
        // Stable shrinks for ready pods of the candidate, never for promised ones.
        revisions.set(stable, Math.max(step.sizes.stable, replicas - readyOf(seen, candidate)));
        if (isSharedByRoutes(seen, step, replicas)) {
          const kept = loweredByRoutes(seen, cursor, step, now);
          revisions.set(stable, kept);
          serving.set(stable, kept);
        }
        if (isRouted(seen)) serving.set(candidate, step.sizes.candidate);
        else if (step.weight > 0 && step.weight < 100) {
          serving.set(candidate, step.sizes.candidate);
          // A pod of stable leaves only for a ready pod of the candidate: at least `replicas` pods serve at any moment.
          serving.set(stable, Math.max(step.sizes.stableServing, replicas - readyOf(seen, candidate)));
        }
      }
      return { revisions, workload: 0, serving };
    }
    case "Switching":
      if (candidate !== undefined) revisions.set(candidate, "Keep");
      if (toward !== stable) revisions.set(stable, "Keep");
      if (toward !== undefined) revisions.set(toward, replicas);
      return { revisions, workload: 0, serving };
    case "Returning":
      if (candidate !== undefined) {
        const carries = carriedOnReturn(seen, cursor, candidate);
        revisions.set(candidate, carries.pods);
        if (carries.serving !== undefined) serving.set(candidate, carries.serving);
      }
      return { revisions, workload: 0, serving };
    case "Restoring":
    case "HandingBack":
      return { revisions, workload: replicas, serving };
    case "Releasing":
      return { revisions: new Map(), workload: undefined, serving };
  }
}

/**
 * The writes that bring the cluster closer to what the cursor wants, in the order capacity, traffic, removal.
 * A removal appears only once the pods in question have been out of the Service for the settle time.
 */
export function effectsFor(seen: Seen, cursor: Cursor, now: number): readonly Effect[] {
  const wanted = want(seen, cursor, now);
  const settled = cursor.steadyAt !== undefined && now - Date.parse(cursor.steadyAt) >= seen.spec.settleSeconds * 1_000;
  return [
    ...capacity(seen, cursor, wanted),
    ...traffic(seen, cursor, wanted, now),
    ...previewEffects(seen, cursor),
    ...checkEffects(seen, cursor),
    ...removal(seen, cursor, wanted, settled),
    ...seen.revisions.flatMap(({ hash, unowned }): Effect[] => (unowned ? [{ do: "OwnCopies", revision: hash }] : [])),
    ...release(seen, cursor, settled, now),
  ];
}

function capacity(seen: Seen, cursor: Cursor, wanted: Want): readonly Effect[] {
  const effects: Effect[] = [];
  for (const [revision, replicas] of wanted.revisions) {
    if (replicas === "Keep") continue;
    // Under Git's own selector every ready pod serves, so only stable may get pods until the Service is narrowed.
    if (revision !== cursor.stable && seen.service !== undefined && selects(seen.service.selector, { kind: "Git" }))
      continue;
    const exists = seen.revisions.find(({ hash }) => hash === revision);
    if (exists === undefined) {
      const ours = seen.workload?.target === revision;
      if (ours && (replicas > 0 || revision === cursor.stable))
        effects.push({ do: "CreateRevision", revision, replicas });
    } else if (exists.replicas < replicas) {
      effects.push({ do: "ScaleRevision", revision, replicas });
    }
  }
  if (cursor.stage === "Restoring" && seen.workload !== undefined && !hasTemplateOf(seen, cursor.stable)) {
    effects.push({ do: "RestoreTemplate", revision: cursor.stable });
  }
  if (seen.workload !== undefined && wanted.workload !== undefined && seen.workload.replicas < wanted.workload) {
    effects.push({ do: "ScaleWorkload", replicas: wanted.workload });
  }
  if (seen.autoscaled !== undefined && seen.spec.replicas === undefined && wanted.workload === 0) {
    effects.push({ do: "BeginScale", replicas: cursor.replicas });
  }
  return effects;
}

function traffic(seen: Seen, cursor: Cursor, wanted: Want, now: number): readonly Effect[] {
  const effects: Effect[] = [];
  const { selection, stable } = cursor;
  const isHome = selection.kind === "Revision" && selection.revision === stable;
  const early = isHome && mostForStable(seen, cursor, now) < 100;
  if (seen.service !== undefined && !selects(seen.service.selector, selection) && !early) {
    effects.push({ do: "Select", selection });
  }
  if (cursor.stage === "HandingBack") {
    for (const pod of workloadPods(seen)) {
      if (pod.ready && pod.labels[Mark.serving] !== HANDED_BACK) effects.push(mark(pod, HANDED_BACK));
    }
  }
  return [...effects, ...routeEffects(seen, cursor, now), ...markEffects(seen, cursor, wanted)];
}

function routeEffects(seen: Seen, cursor: Cursor, now: number): readonly Effect[] {
  return seen.routes.flatMap((route): readonly Effect[] => {
    const word = wordFor(seen, cursor, route);
    if (sameSaid(route.said, word) || rivalOver(route, word, now) !== undefined) return [];
    const [before, after] = [stableShare(route.said, cursor.stable), stableShare(word, cursor.stable)];
    if (after > Math.max(before, mostForStable(seen, cursor, now))) return [];
    return [{ do: "Route", kind: route.kind, name: route.name, word }];
  });
}

function removal(seen: Seen, cursor: Cursor, wanted: Want, settled: boolean): readonly Effect[] {
  const effects: Effect[] = [];
  for (const { hash, replicas } of seen.revisions) {
    const goal = wanted.revisions.get(hash);
    if (goal === "Keep") continue;
    if (goal !== undefined && replicas <= goal) continue;
    if (!mayStop(seen, cursor, livePods(seen, hash), goal ?? 0, settled)) continue;
    if (goal !== undefined || replicas > 0) effects.push({ do: "ScaleRevision", revision: hash, replicas: goal ?? 0 });
    else if (livePods(seen, hash).length === 0 && !isNamed(seen, hash))
      effects.push({ do: "RemoveRevision", revision: hash });
  }
  const { workload } = seen;
  const empties = workload !== undefined && wanted.workload !== undefined && workload.replicas > wanted.workload;
  if (empties && mayStop(seen, cursor, workloadPods(seen), 0, settled)) {
    effects.push({ do: "ScaleWorkload", replicas: wanted.workload });
  }
  if (cursor.stage === "Resting" && workload?.restartedAt !== undefined && workload.target === cursor.stable) {
    const stable = seen.revisions.find(({ hash }) => hash === cursor.stable);
    if (stable !== undefined && stable.restartedAt !== workload.restartedAt) {
      effects.push({ do: "RestartRevision", revision: cursor.stable, at: workload.restartedAt });
    }
  }
  return effects;
}

/** A route that names a Service which is gone is not followed by its gateway any more. */
function isNamed(seen: Seen, revision: string): boolean {
  return seen.routes.some(({ said }) => reaches(said, revision));
}

/**
 * Pods may be stopped once no more of them than the goal can get a request: neither by the endpoints as they are,
 * nor by the selector, should an unready one become ready again; and that has held for the settle time.
 * Where the Deployment is gone, or the Service and with it every request, there is nothing to wait for.
 */
function mayStop(seen: Seen, cursor: Cursor, pods: readonly PodSeen[], goal: number, settled: boolean): boolean {
  if (seen.workload === undefined || seen.service === undefined) return true;
  const { selector } = seen.service;
  // Those that stay may be routed to at any moment, by gateways that still know the others.
  const leaves = (pod: PodSeen) => goal > 0 && isRouted(seen) && (isOwnEndpoint(seen, pod) || isServing(pod));
  const reachable = pods.filter(
    (pod) =>
      seen.endpoints.has(pod.name) || matches(selector, pod.labels) || isRoutedTo(seen, cursor, pod) || leaves(pod),
  );
  return reachable.length <= goal && (settled || pods.every(({ ready }) => !ready));
}

/**
 * The resource may go once nothing of it is left, or, past the deadline, when the Deployment never came up:
 * then the revisions stay and serve on, since a deletion must neither hang nor take the service down.
 */
function release(seen: Seen, cursor: Cursor, settled: boolean, now: number): readonly Effect[] {
  const over =
    cursor.stage === "Releasing" && cursor.selection.kind === "Git" && seen.revisions.length === 0 && settled;
  const late =
    (cursor.stage === "Restoring" || cursor.stage === "HandingBack") &&
    watched(seen, cursor.enteredAt, now) >= seen.spec.progressDeadlineSeconds * 1_000;
  return over || late ? [{ do: "Release" }] : [];
}
