import { at, listAt, numberAt, stringAt } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import type { Dependency } from "../../api/v1alpha1/expressions.ts";
import type { Reason } from "../../api/v1alpha1/reasons.ts";
import type { Expression } from "./expression.ts";
import { readCondition } from "./healthOf.ts";

/** Why nothing new of a sync is applied. `message` is a sentence with the way out. Stalled: a person has to act. */
export interface Hold {
  readonly reason: Extract<
    Reason,
    | "DependencyNotReady"
    | "DependencyMissing"
    | "DependencyCycle"
    | "ForeignReference"
    | "InvalidExpression"
    | "AccountRequired"
  >;
  readonly message: string;
  readonly stalled: boolean;
  /** When to ask again although no watch may tell of anything. */
  readonly recheckInMs?: number;
}

/** How soon another sync may have looked at Git. */
const SOON_MS = 1_000;

/** One of spec.dependsOn with what is known of it. */
export interface SeenDependency {
  readonly spec: Dependency;
  /** The expression in it, compiled. */
  readonly ready?: Expression;
  readonly live: Manifest | undefined;
  /** It follows the same source and has not looked at the commit yet that this sync is about to apply. */
  readonly late: boolean;
}

/** What a sync waits for, if it waits. The first dependency that is not ready is told. */
export function dependencyHold(
  self: Manifest,
  dependencies: readonly SeenDependency[],
  options: { readonly all: (key: Key) => Manifest | undefined; readonly crossNamespace: boolean },
): Hold | undefined {
  const own = self.metadata.namespace ?? "";
  const foreign = dependencies.find(({ spec }) => (spec.namespace ?? own) !== own);
  if (foreign !== undefined && !options.crossNamespace) {
    const message = `spec.dependsOn names a GitSync in the namespace ${foreign.spec.namespace}; name one of ${own}, or ask who runs the operator for --cross-namespace-refs`;
    return { reason: "ForeignReference", stalled: true, message };
  }
  const circle = cycle(keyOf(self), options.all);
  if (circle !== undefined) {
    const message = `${circle.join(" waits for ")}; take one of them out of spec.dependsOn`;
    return { reason: "DependencyCycle", stalled: true, message };
  }
  for (const dependency of dependencies) {
    const hold = holdOf(self, dependency);
    if (hold !== undefined) return hold;
  }
  return undefined;
}

function holdOf(self: Manifest, { spec, ready, live, late }: SeenDependency): Hold | undefined {
  const name = `GitSync ${spec.namespace ?? self.metadata.namespace}/${spec.name}`;
  const waits = (why: string): Hold => ({ reason: "DependencyNotReady", stalled: false, message: `${name} ${why}` });
  if (live === undefined) {
    const message = `${name} of spec.dependsOn does not exist; create it, or take it out`;
    return { reason: "DependencyMissing", stalled: true, message };
  }
  if (late) return { ...waits("has not looked at this commit yet; it goes on when it has"), recheckInMs: SOON_MS };
  if (ready === undefined) {
    return isReady(live) ? undefined : waits("is not ready; it goes on when it is: look at its conditions");
  }
  const answer = ready.ask({ self, dep: live });
  switch (answer.kind) {
    case "Yes":
      return undefined;
    case "No":
    case "Absent":
      return waits("does not fulfil its readyExpr; it goes on when it does");
    case "Broken": {
      const message = `The readyExpr for ${name} ${answer.message} (column ${answer.column}); correct it`;
      return { reason: "InvalidExpression", stalled: true, message };
    }
  }
}

/** Ready for its latest spec, and at the newest revision that it knows. */
function isReady(sync: Manifest): boolean {
  const { generation, deletionTimestamp } = sync.metadata;
  const seen = numberAt(sync, "status", "observedGeneration") === generation;
  const applied = stringAt(sync, "status", "appliedRevision");
  const newest = applied !== undefined && applied === stringAt(sync, "status", "attemptedRevision");
  return deletionTimestamp === undefined && seen && newest && readCondition(sync, "Ready").kind === "True";
}

/** The keys of the syncs that a stored sync depends on; read leniently, since it may be another's. */
export function dependenciesOf(sync: Manifest): readonly Key[] {
  return listAt(sync, "spec", "dependsOn").map((one) => {
    const namespace = stringAt(one, "namespace") ?? sync.metadata.namespace ?? "";
    return `${namespace}/${stringAt(one, "name") ?? ""}` as const;
  });
}

/** The way from a sync back to itself, if there is one: `[a, b, a]`. The shortest is found. */
function cycle(start: Key, all: (key: Key) => Manifest | undefined): readonly Key[] | undefined {
  const from = new Map<Key, Key>();
  const queue: Key[] = [start];
  for (const here of queue) {
    const sync = all(here);
    if (sync === undefined || at(sync, "spec", "dependsOn") === undefined) continue;
    for (const next of dependenciesOf(sync)) {
      if (next === start) return [...way(here, start, from), start];
      if (from.has(next)) continue;
      from.set(next, here);
      queue.push(next);
    }
  }
  return undefined;
}

function way(end: Key, start: Key, from: ReadonlyMap<Key, Key>): readonly Key[] {
  const keys: Key[] = [];
  for (let here: Key | undefined = end; here !== undefined; here = here === start ? undefined : from.get(here)) {
    keys.unshift(here);
  }
  return keys;
}
