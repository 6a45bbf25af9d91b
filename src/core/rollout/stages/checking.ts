import type { Check } from "../../../api/v1alpha1/checks.ts";
import { measureIn } from "../../analysis/record.ts";
import { because } from "../because.ts";
import { checksAt } from "../checks.ts";
import { advance, type Decision, hold, returning } from "../decision.ts";
import type { Guard, Walk } from "./walk.ts";

/** Checks that must pass before the candidate gets its first request. */
export const uncheckedYet: Guard = (walk) => {
  const { cursor, index } = walk;
  return cursor.passed === undefined && index === 0 ? unchecked(walk, "BeforeTraffic") : undefined;
};

/** Checks that must pass in each step; they run while its hold time does. */
export const uncheckedStep: Guard = (walk) => unchecked(walk, "EachStep");

function unchecked({ seen, cursor, index, now }: Walk, when: Check["when"]): Decision | undefined {
  const checks = seen.spec.checks.filter((check) => check.when === when);
  if (checks.length === 0) return undefined;
  const checked = checksAt(seen, cursor, checks, index, now);
  switch (checked.kind) {
    case "Passed":
      return undefined;
    case "News":
      return advance(checked.cursor, because("Checking", checked.message));
    case "Failed":
      return returning(cursor, now, "Rejected", because("CheckFailed", checked.message));
    case "Running": {
      const next = measureIn(cursor, seen.spec.analysis, now);
      const why = because("Checking", checked.message, "goes on when it passes; rejected when it fails");
      return hold(checked.cursor, why, Math.min(checked.leftMs, next ?? checked.leftMs));
    }
    case "Stuck": {
      const next = measureIn(cursor, seen.spec.analysis, now);
      return hold(checked.cursor, because("CheckInconclusive", checked.message, checked.exit), next);
    }
  }
}
