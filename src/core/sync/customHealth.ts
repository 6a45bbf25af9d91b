import type { Manifest } from "../../api/objects.ts";
import type { Expression } from "./expression.ts";
import type { Rule } from "./health.ts";
import { current, failed, type Health, inProgress } from "./healthOf.ts";

/** One of spec.healthChecks, compiled. `field` is where it stands, such as `spec.healthChecks[0]`. */
export interface CompiledCheck {
  readonly apiVersion: string;
  readonly kind: string;
  readonly field: string;
  readonly current?: Expression;
  readonly inProgress?: Expression;
  readonly failed?: Expression;
}

/** The rule that a sync brings for an object's kind, if it brings one. */
export function customRule(checks: readonly CompiledCheck[], object: Manifest): Rule | undefined {
  const check = checks.find(({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind);
  return check === undefined ? undefined : (live) => judge(check, live);
}

/** A field that is not there yet makes no expression true; one that does not fit the object is told. */
function judge(check: CompiledCheck, self: Manifest): Health {
  for (const name of ["inProgress", "failed", "current"] as const) {
    const answer = check[name]?.ask({ self });
    if (answer?.kind === "Broken") {
      return failed(`cannot be judged: ${check.field}.${name} ${answer.message} (column ${answer.column})`);
    }
    if (answer?.kind !== "Yes") continue;
    if (name === "current") return current();
    return name === "failed" ? failed(`has failed, says ${check.field}.failed`) : inProgress("is under way");
  }
  return check.current === undefined ? current() : inProgress("is not current yet");
}
