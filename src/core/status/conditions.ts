import type { Condition } from "../../api/v1alpha1/common.ts";
import type { Reason } from "../../api/v1alpha1/reasons.ts";
import { clip, oneLine } from "./text.ts";

/** What one condition is to say now; the setter adds the times. */
export interface Finding {
  readonly type: string;
  readonly status: Condition["status"];
  readonly reason: Reason;
  readonly message: string;
}

/** The longest message that a condition carries. */
const MESSAGE_MAX = 1024;

/**
 * The conditions that say exactly the findings: Ready first, then by type.
 * A condition without a finding goes: Reconciling and Stalled exist only while they are true.
 * The transition time changes only with the status, so a repeated finding changes nothing. `now` is RFC 3339.
 */
export function setConditions(
  before: readonly Condition[] | undefined,
  findings: readonly Finding[],
  now: string,
  generation: number,
): Condition[] {
  const byType = new Map(findings.map((finding) => [finding.type, finding]));
  return [...byType.values()].sort(readyFirst).map(({ type, status, reason, message }) => {
    const former = before?.find((condition) => condition.type === type);
    return {
      type,
      status,
      observedGeneration: generation,
      lastTransitionTime: former?.status === status ? former.lastTransitionTime : now,
      reason,
      message: clip(oneLine(message), MESSAGE_MAX),
    };
  });
}

function readyFirst(a: Finding, b: Finding): number {
  if ((a.type === "Ready") !== (b.type === "Ready")) return a.type === "Ready" ? -1 : 1;
  return a.type < b.type ? -1 : 1;
}
