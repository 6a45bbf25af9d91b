import type { Expression } from "../core/sync/expression.ts";

/** A compiled expression, or what is wrong with its text. Columns count from 1. */
export type Compiled =
  | { readonly kind: "Compiled"; readonly expression: Expression }
  | { readonly kind: "Invalid"; readonly column: number; readonly message: string };

/** Compiles CEL expressions whose value is true or false. */
export interface Expressions {
  compile(text: string, variables: readonly string[]): Promise<Compiled>;
}
