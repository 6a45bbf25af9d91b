import { durationMs } from "../../../api/v1alpha1/common.ts";
import type { RolloutSpec } from "../../../api/v1alpha1/progressiverollout.ts";
import { podsOf } from "../quantity.ts";
import { shareOf, sizesForBatch } from "../sizes.ts";
import type { Step } from "./strategy.ts";

/** A batch of pods at a time: each batch is up and serves before as many pods of stable leave, and is judged before the next. */
export function rollingSteps(
  rolling: NonNullable<RolloutSpec["strategy"]["rolling"]>,
  replicas: number,
): readonly Step[] {
  const batch = podsOf(rolling.batch, replicas);
  const holdMs = durationMs(rolling.hold);
  const count = Math.max(1, Math.ceil(replicas / batch));
  return Array.from({ length: count }, (_, index) => {
    const replaced = Math.min(replicas, (index + 1) * batch);
    return {
      weight: index === count - 1 ? 100 : Math.round(shareOf(replaced, replicas - replaced)),
      holdMs,
      sizes: sizesForBatch(replicas, replaced, batch),
      needsApproval: false,
    };
  });
}
