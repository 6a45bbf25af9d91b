import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { Variables } from "../../core/sync/variables.ts";
import { identitiesOf } from "./decrypting.ts";
import type { Secrets } from "./secrets.ts";
import { sameValues, valuesOf } from "./values.ts";

/** What a rendering depends on beside the files: values of variables, and keys that decrypt. */
export interface Inputs {
  readonly kind: "Inputs";
  readonly variables: Variables;
  readonly identities: readonly string[];
}

/** What the spec names and the cluster does not have. `message` says the way out. */
export interface InputMissing {
  readonly kind: "Missing";
  readonly reason: "ValuesMissing" | "SecretMissing";
  readonly message: string;
}

/** Reads what a sync's spec names of its namespace. */
export async function inputsOf(sync: GitSync, secrets: Secrets, signal: AbortSignal): Promise<Inputs | InputMissing> {
  const values = await valuesOf(sync, secrets, signal);
  if (values.kind === "Missing") return { ...values, reason: "ValuesMissing" };
  const keys = await identitiesOf(sync, secrets, signal);
  if (keys.kind === "Missing") return { ...keys, reason: "SecretMissing" };
  return { kind: "Inputs", variables: values.variables, identities: keys.identities };
}

/** Tells whether a rendering with these inputs would be the one of before. */
export function sameInputs(now: Inputs, before: Inputs | undefined): boolean {
  return before?.identities.join() === now.identities.join() && sameValues(now.variables, before.variables);
}
