import { isObject } from "../../api/json.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { namesVariable, type Variable, type Variables } from "../../core/sync/variables.ts";
import { type Secrets, type Source, secretText } from "./secrets.ts";

/** The values of a sync's variables, or a sentence that says what is missing. */
export type Values =
  | { readonly kind: "Values"; readonly variables: Variables }
  | { readonly kind: "Missing"; readonly message: string };

/** Gathers the values of spec.substitute. What is written there outranks what it names, and a later name an earlier one. */
export async function valuesOf({ object, spec }: GitSync, secrets: Secrets, signal: AbortSignal): Promise<Values> {
  const variables = new Map<string, Variable>();
  const namespace = object.metadata.namespace ?? "";
  for (const { kind, name, optional, use } of spec.substitute?.from ?? []) {
    const found = await secrets.read(namespace, name, signal, kind);
    if (found.kind === "Missing" && optional) continue;
    if (found.kind === "Missing") {
      const message = `${kind} ${namespace}/${name} of spec.substitute does not exist; create it, or mark it optional`;
      return { kind: "Missing", message };
    }
    const data = isObject(found.secret["data"]) ? Object.keys(found.secret["data"]) : [];
    for (const key of data.filter(namesVariable)) {
      const value = textOf(found.secret, kind, key);
      if (value !== undefined) variables.set(key, kind === "Secret" ? { value, secret: use } : { value });
    }
  }
  for (const [name, value] of Object.entries(spec.substitute?.values ?? {})) variables.set(name, { value });
  return { kind: "Values", variables };
}

function textOf(source: Parameters<typeof secretText>[0], kind: Source, key: string): string | undefined {
  if (kind === "Secret") return secretText(source, key);
  const data = source["data"];
  const value = isObject(data) ? data[key] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** Tells whether two sets of values are the same. */
export function sameValues(a: Variables, b: Variables | undefined): boolean {
  if (b === undefined || a.size !== b.size) return false;
  return [...a].every(([name, { value, secret }]) => b.get(name)?.value === value && b.get(name)?.secret === secret);
}
