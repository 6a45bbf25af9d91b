import { Mark } from "../../../api/v1alpha1/names.ts";
import { because } from "../because.ts";
import { advance, enter, hold, withSelection } from "../decision.ts";
import type { StageRule } from "../plan.ts";
import { hasTemplateOf, workloadPods } from "../seen.ts";
import { HANDED_BACK } from "../selection.ts";
import { settleLeft, watched } from "../timing.ts";

/** The Deployment is brought to full size with what ran; its pods are outside the Service. */
export const restoring: StageRule = (seen, cursor, now) => {
  const { workload } = seen;
  const ready = hasTemplateOf(seen, cursor.stable) ? workload.ready : 0;
  if (ready >= cursor.replicas && workload.replicas >= cursor.replicas) {
    return advance(
      enter(cursor, now, { stage: "HandingBack" }),
      because("HandingBack", "the Deployment is at full size"),
    );
  }
  const left = seen.spec.progressDeadlineSeconds * 1_000 - watched(seen, cursor.enteredAt, now);
  const message = `${ready} of ${cursor.replicas} pods of the Deployment are ready; revision ${cursor.stable} serves on`;
  return hold(cursor, because("HandingBack", message, "goes on when they are ready"), Math.max(left, 0));
};

/** The Deployment's pods are marked, then the Service selects the marked ones alone. */
export const handingBack: StageRule = (seen, cursor, now) => {
  const marked = workloadPods(seen).filter((pod) => pod.ready && pod.labels[Mark.serving] === HANDED_BACK);
  if (cursor.selection.kind !== "Workload") {
    if (marked.length < cursor.replicas) {
      return hold(cursor, because("HandingBack", "the Deployment's pods are being marked", "goes on by itself"));
    }
    const next = withSelection(cursor, { selection: { kind: "Workload" } });
    return advance(next, because("HandingBack", "all traffic goes to the Deployment's pods"));
  }
  const settle = settleLeft(seen, cursor, now);
  if (settle.kind !== "Settled") {
    return hold(cursor, because("Settling", "requests move to the Deployment's pods", "goes on by itself"), settle.ms);
  }
  return advance(enter(cursor, now, { stage: "Releasing" }), because("HandingBack", "the revisions are removed"));
};

/** The revisions go, the Service says what Git says, and the finalizer lets the resource go. */
export const releasing: StageRule = (seen, cursor, now) => {
  if (seen.revisions.length > 0 || cursor.selection.kind === "Git") {
    return hold(
      cursor,
      because("HandingBack", "the revisions are removed", "goes on by itself"),
      settleLeft(seen, cursor, now).ms,
    );
  }
  return advance(
    withSelection(cursor, { selection: { kind: "Git" } }),
    because("HandingBack", "the Service is as Git has it"),
  );
};
