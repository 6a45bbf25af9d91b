import { sameJson } from "../../api/json.ts";
import type { Selection } from "../../api/v1alpha1/cursor.ts";
import { GROUP, Mark } from "../../api/v1alpha1/names.ts";

/** Label values of `Mark.serving`. */
export const SERVING = "true";
export const LEFT = "false";
export const HANDED_BACK = "handback";

/** The selector entries that a selection adds to what Git says. */
function selectionKeys(selection: Selection): Readonly<Record<string, string>> {
  switch (selection.kind) {
    case "Git":
      return {};
    case "Revision":
      return { [Mark.revision]: selection.revision ?? "" };
    case "Marked":
      return { [Mark.revision]: selection.revision ?? "", [Mark.serving]: SERVING };
    case "Serving":
      return { [Mark.serving]: SERVING };
    case "Workload":
      return { [Mark.serving]: HANDED_BACK };
  }
}

/** What Git says of a selector: the live one less Fairlead's entries. An overlay only ever adds, so this undoes it. */
export function baseSelector(selector: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(selector).filter(([key]) => !key.startsWith(`${GROUP}/`)));
}

/** Fairlead's own entries of a selector. */
export function ownEntries(selector: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(selector).filter(([key]) => key.startsWith(`${GROUP}/`)));
}

/** The selector of the callers' Service: what Git says, narrowed by the rollout. */
export function overlaidSelector(
  git: Readonly<Record<string, string>>,
  selection: Selection,
): Readonly<Record<string, string>> {
  return { ...baseSelector(git), ...selectionKeys(selection) };
}

/** Tells whether a live selector says what the selection wants. */
export function selects(live: Readonly<Record<string, string>>, selection: Selection): boolean {
  return sameJson(live, overlaidSelector(live, selection));
}

/** Tells whether pods with these labels get requests under a selector. */
export function matches(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
