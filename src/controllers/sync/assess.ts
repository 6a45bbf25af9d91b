import { title } from "../../api/objects.ts";
import { health } from "../../core/sync/health.ts";
import type { Failure, Waiting } from "../../core/sync/outcome.ts";
import type { Applied } from "./apply.ts";

/** What a pass over the set found. */
export interface Assessment {
  /** uid of each object that is in place, by id. */
  readonly uids: ReadonlyMap<string, string>;
  readonly failures: readonly Failure[];
  readonly waiting: readonly Waiting[];
}

/** Holds every applied object against the rules of health. */
export function assess(results: readonly Applied[]): Assessment {
  const uids = new Map<string, string>();
  const failures: Failure[] = [];
  const waiting: Waiting[] = [];
  for (const result of results) {
    if (result.kind === "Failed") {
      failures.push(result.failure);
      continue;
    }
    if (result.kind === "Waiting") {
      waiting.push({ ref: result.member.ref, message: result.message });
      continue;
    }
    const { member, stored } = result;
    if (stored.metadata.uid !== undefined) uids.set(member.id, stored.metadata.uid);
    if (result.kind === "Slowed") {
      const message = `is changed again and again by another writer at ${result.path}; corrections are slowed down`;
      waiting.push({ ref: member.ref, message });
      continue;
    }
    const { kind, message } = health(stored);
    const { ref, position } = member;
    if (kind === "Failed")
      failures.push({ ref, position, reason: "Unhealthy", message: message || `${title(ref)} has failed` });
    else if (kind !== "Current") waiting.push({ ref, message });
  }
  return { uids, failures, waiting };
}
