import { listAt, stringAt } from "../../api/json.ts";
import { type Manifest, title } from "../../api/objects.ts";
import { type CompiledCheck, customRule } from "../../core/sync/customHealth.ts";
import { health } from "../../core/sync/health.ts";
import type { Failure, Waiting } from "../../core/sync/outcome.ts";
import type { Applied } from "./apply.ts";

/** What a pass over the set found. */
export interface Assessment {
  /** uid of each object that is in place, by id. */
  readonly uids: ReadonlyMap<string, string>;
  readonly failures: readonly Failure[];
  readonly waiting: readonly Waiting[];
  /**
   * Everything is applied and healthy, but for rollouts and syncs that another one holds back: that one may be just what is
   * to be pruned, so they must not keep it. So a GitSync is renamed in one commit.
   */
  readonly complete: boolean;
}

/** Holds every applied object against the rules of health; a rollout is there only when it rests at what Git says. */
export function assess(
  results: readonly Applied[],
  checks: readonly CompiledCheck[],
  atRest: (namespace: string, name: string) => boolean,
): Assessment {
  const uids = new Map<string, string>();
  const failures: Failure[] = [];
  const waiting: Waiting[] = [];
  let heldBack = 0;
  for (const result of results) {
    if (result.kind === "Failed") {
      failures.push(result.failure);
      continue;
    }
    if (result.kind === "Waiting") {
      waiting.push({ ref: result.member.ref, position: result.member.position, message: result.message });
      continue;
    }
    if (result.kind === "Ignored") continue;
    const { member, stored } = result;
    if (stored.metadata.uid !== undefined) uids.set(member.id, stored.metadata.uid);
    if (result.kind === "Slowed") {
      const { path, rivals = "another writer" } = result;
      const message = `is changed again and again at ${path} by ${rivals}, and corrections are slowed down`;
      failures.push({ ref: member.ref, position: member.position, reason: "Fighting", message });
      continue;
    }
    const { kind, message } = health(stored, customRule(checks, stored));
    const { ref, position } = member;
    if (kind === "Failed" && isHeldBack(stored)) heldBack += 1;
    if (kind === "Failed")
      failures.push({ ref, position, reason: "Unhealthy", message: message || `${title(ref)} has failed` });
    else if (kind !== "Current") waiting.push({ ref, position, message });
    else if (ref.kind === "ProgressiveRollout" && !atRest(ref.namespace ?? "", ref.name)) {
      waiting.push({ ref, position, message: "is under way" });
    }
  }
  return { uids, failures, waiting, complete: failures.length === heldBack && waiting.length === 0 };
}

const HELD_BACK: Readonly<Record<string, string>> = { ProgressiveRollout: "TargetConflict", GitSync: "OwnedByOther" };

function isHeldBack(object: Manifest): boolean {
  const reason = HELD_BACK[object.kind];
  return listAt(object, "status", "conditions").some(
    (one) => reason !== undefined && stringAt(one, "type") === "Ready" && stringAt(one, "reason") === reason,
  );
}
