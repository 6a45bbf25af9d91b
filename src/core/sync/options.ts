import { stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";

/** What an object's own annotations ask for. */
export interface ObjectOptions {
  /**
   * Always: as Git says, at any time. Merge: so, but what older appliers own beside it stays.
   * IfNotPresent: made where it is missing, and never changed. Ignore: neither made nor changed.
   */
  readonly apply: "Always" | "Merge" | "IfNotPresent" | "Ignore";
  /** It may be deleted and made anew where the API server does not let a field change. */
  readonly recreate: boolean;
}

const APPLY: ReadonlyMap<string, ObjectOptions["apply"]> = new Map([
  ["merge", "Merge"],
  ["if-not-present", "IfNotPresent"],
  ["ignore", "Ignore"],
]);

/** The annotations that people set on objects in Git, with their values. */
const VALUES: readonly (readonly [string, readonly string[]])[] = [
  [Mark.apply, [...APPLY.keys()]],
  [Mark.prune, ["disabled"]],
  [Mark.recreate, ["allowed"]],
];

/** Reads the annotations of an object whose annotations are valid. */
export function optionsOf(object: Manifest): ObjectOptions {
  const annotation = (name: string) => stringAt(object, "metadata", "annotations", name) ?? "";
  return { apply: APPLY.get(annotation(Mark.apply)) ?? "Always", recreate: annotation(Mark.recreate) === "allowed" };
}

/** What is wrong with the annotations of an object. A value that nobody reads would be a wish that nobody hears. */
export function invalidOption(object: Manifest): string | undefined {
  for (const [name, values] of VALUES) {
    const value = stringAt(object, "metadata", "annotations", name);
    if (value === undefined || values.includes(value)) continue;
    const known = values.map((one) => `"${one}"`).join(" or ");
    return `the annotation ${name} is "${value}"; set it to ${known}, or remove it`;
  }
  return undefined;
}
