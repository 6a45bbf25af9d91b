import { listAt, stringAt } from "../../../api/json.ts";
import type { Manifest } from "../../../api/objects.ts";
import { conditionIn } from "../../sync/healthOf.ts";

/** What a parent says of a route whose content it does not take. Other reasons, such as a listener that is missing, may pass. */
const REFUSALS: ReadonlySet<string> = new Set([
  "UnsupportedValue",
  "UnsupportedRefValue",
  "IncompatibleFilters",
  "InvalidKind",
]);

/** Why a parent refuses what a route says at this generation, in words; undefined when none does. */
export function refusalOf(route: Manifest): string | undefined {
  const { generation } = route.metadata;
  for (const report of listAt(route, "status", "parents")) {
    const conditions = listAt(report, "conditions");
    const parent = `${stringAt(report, "parentRef", "kind") ?? "Gateway"} ${stringAt(report, "parentRef", "name") ?? ""}`;
    for (const type of ["Accepted", "ResolvedRefs"]) {
      const { kind, reason, message } = conditionIn(conditions, type, generation);
      if (kind === "False" && REFUSALS.has(reason))
        return `is refused by ${parent} (${reason}): ${message || "it says no more"}`;
    }
    const partly = conditionIn(conditions, "PartiallyInvalid", generation);
    if (partly.kind === "True") return `is followed by ${parent} in part only: ${partly.message || partly.reason}`;
  }
  return undefined;
}
