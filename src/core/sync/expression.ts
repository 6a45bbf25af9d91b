import type { Json } from "../../api/json.ts";

/**
 * What a CEL expression says of some values. Absent: a field that it reads is not there (yet).
 * Broken: it fits these values' types not at all, or is too costly for them; `message` holds none of the values.
 */
export type Answer =
  | { readonly kind: "Yes" | "No" }
  | { readonly kind: "Absent" | "Broken"; readonly column: number; readonly message: string };

/** A compiled CEL expression. It never throws, and its cost is bounded. */
export interface Expression {
  /** Asks it of values, by the names of its variables. */
  ask(values: Readonly<Record<string, Json>>): Answer;
}
