import { type Key, keyOf } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { some } from "../../core/status/text.ts";
import { dependencyHold, type Hold } from "../../core/sync/dependencies.ts";
import { writerOf } from "../../core/sync/tenancy.ts";
import { type Checks, checksOf } from "./checks.ts";
import type { Content, SyncState } from "./state.ts";
import type { SyncWorld } from "./world.ts";

/** So many broken expressions are named. */
const LISTED = 3;

/** Decides whether anything new of a sync may be applied. The answer is remembered in its state. */
export async function holdOn(world: SyncWorld, sync: GitSync, state: SyncState): Promise<Hold | undefined> {
  const checks = await checksOf(sync, state, world.expressions);
  state.hold = wrong(world, sync, checks) ?? waiting(world, sync, state, checks);
  return state.hold;
}

/** What may be applied under a hold: the content that is in force already, so that drift from it is corrected. */
export function inForce(hold: Hold | undefined, state: SyncState): Content | undefined {
  if (hold === undefined) return state.content;
  return hold.reason === "AccountRequired" ? undefined : state.accepted;
}

function wrong(world: SyncWorld, sync: GitSync, { broken }: Checks): Hold | undefined {
  const writer = writerOf(sync, world.tenancy);
  if (writer.kind === "Refused") return { reason: "AccountRequired", stalled: true, message: writer.message };
  if (broken.length === 0) return undefined;
  return { reason: "InvalidExpression", stalled: true, message: `${some(broken, LISTED, "; ")}; correct it` };
}

/** Dependencies are asked about what is new alone: a sync that runs is not held because another one has trouble. */
function waiting(world: SyncWorld, sync: GitSync, state: SyncState, checks: Checks): Hold | undefined {
  const { object, spec } = sync;
  if (spec.dependsOn === undefined || !isNews(sync, state)) return undefined;
  const seen = spec.dependsOn.map((dependency, index) => {
    const key: Key = `${dependency.namespace ?? object.metadata.namespace ?? ""}/${dependency.name}`;
    const live = world.syncOf(key);
    const ready = checks.ready[index];
    const late = live !== undefined && keyOf(live) !== keyOf(object) && world.neighbours.isUnasked(live, sync, state);
    return { spec: dependency, live, late, ...(ready === undefined ? {} : { ready }) };
  });
  const { crossNamespaceRefs: crossNamespace } = world.tenancy;
  return dependencyHold(object, seen, { all: (key) => world.syncOf(key), crossNamespace });
}

/** A new process takes the word of the status for what the one before had applied. */
function isNews({ object, status }: GitSync, { content, accepted }: SyncState): boolean {
  if (content === undefined) return false;
  if (accepted !== undefined) return accepted.rendered !== content.rendered;
  return status.appliedRevision !== content.commit.sha || status.observedGeneration !== object.metadata.generation;
}
