import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import type { RolloutHistoryEntry, RolloutStatus } from "../../api/v1alpha1/progressiverollout.ts";
import { type Finding, setConditions } from "../status/conditions.ts";
import { type Because, because, textOf } from "./because.ts";
import type { Decision } from "./decision.ts";
import { iso } from "./decision.ts";
import { isLowered } from "./lowering.ts";
import { type Seen, shareNow } from "./seen.ts";

const HISTORY = 10;

/** What a rollout's status is made from. */
export interface Report {
  readonly name: string;
  readonly generation: number;
  readonly before: RolloutStatus;
  readonly seen: Seen;
  readonly decision: Decision;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Why a write that the decision asks for fails. */
  readonly trouble?: string;
}

/** The whole status, computed from scratch: conditions are output and never read back. */
export function project({ name, generation, before, seen, decision, now, trouble }: Report): RolloutStatus {
  const cursor = decision.kind === "Blocked" ? before.rollout : decision.cursor;
  const finished = decision.kind === "Advance" ? decision.finished : undefined;
  const conditions = setConditions(before.conditions ?? [], findings(decision, trouble), iso(now), generation);
  return {
    ...before,
    observedGeneration: generation,
    conditions,
    selector: measuredPods(name, seen, cursor),
    replicas: seen.pods.filter((pod) => pod.revision !== undefined && !pod.terminating).length,
    ...progress(seen, cursor),
    ...(cursor === undefined ? {} : { rollout: cursor }),
    ...(finished === undefined ? {} : { history: pushed(before.history ?? [], finished) }),
  };
}

/**
 * What an autoscaler measures: all pods, since requests that are shared out add up. But memory does not move with requests:
 * beside a full stable, an autoscaler would take each pod of the candidate for one more that is needed, and go on for ever.
 */
function measuredPods(name: string, seen: Seen, cursor: Cursor | undefined): string {
  const all = `${Mark.rollout}=${name}`;
  if (seen.autoscaled !== "Memory" || cursor?.candidate === undefined || isLowered(seen, cursor)) return all;
  return `${all},${Mark.revision}=${cursor.stable}`;
}

function progress(seen: Seen, cursor: Cursor | undefined): Pick<RolloutStatus, "step" | "weight" | "share"> {
  if (cursor === undefined) return {};
  return {
    step: cursor.step === undefined ? "" : `${cursor.step + 1}/${cursor.steps ?? cursor.step + 1}`,
    weight: cursor.weight,
    share: cursor.candidate === undefined ? 0 : shareNow(seen, cursor.candidate),
  };
}

/** Ready: users get what Git says. Reconciling: on the way. Stalled: only a commit helps. */
function findings(decision: Decision, trouble: string | undefined): readonly Finding[] {
  if (trouble !== undefined) {
    return moving(because("ReconcileFailed", trouble, `it is tried again; meanwhile: ${decision.because.message}`));
  }
  const why = decision.because;
  const message = textOf(why);
  switch (decision.kind) {
    case "Rest":
      return [{ type: "Ready", status: "True", reason: why.reason, message }];
    case "Blocked":
      return stalled(why);
    case "Advance":
      return moving(why);
    case "Hold":
      return NEEDS_A_PERSON.has(why.reason) ? stalled(why) : moving(why);
  }
}

const NEEDS_A_PERSON: ReadonlySet<string> = new Set([
  "Rejected",
  "InvalidQuery",
  "CheckInconclusive",
  "TargetConflict",
  "ServiceSelectsNothing",
  "PreviewConflict",
  "RouteMissing",
  "RouteUnfit",
  "ConfigMissing",
  "SecretsNotCopied",
]);

function moving(why: Because): readonly Finding[] {
  const message = textOf(why);
  return [
    { type: "Ready", status: "False", reason: why.reason, message },
    { type: "Reconciling", status: "True", reason: why.reason, message },
  ];
}

function stalled(why: Because): readonly Finding[] {
  const message = textOf(why);
  return [
    { type: "Ready", status: "False", reason: why.reason, message },
    { type: "Stalled", status: "True", reason: why.reason, message },
  ];
}

function pushed(history: readonly RolloutHistoryEntry[], entry: RolloutHistoryEntry): RolloutHistoryEntry[] {
  return [entry, ...history].slice(0, HISTORY);
}
