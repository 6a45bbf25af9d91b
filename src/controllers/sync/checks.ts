import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import type { CompiledCheck } from "../../core/sync/customHealth.ts";
import type { Expression } from "../../core/sync/expression.ts";
import type { Expressions } from "../../ports/expressions.ts";
import type { SyncState } from "./state.ts";

/** The expressions of one generation of a sync, compiled. */
export interface Checks {
  readonly generation: number | undefined;
  readonly health: readonly CompiledCheck[];
  /** Of spec.dependsOn, by index: each version of a sync is parsed into objects of its own. */
  readonly ready: readonly (Expression | undefined)[];
  /** Expressions that are none: field, column and what is wrong. */
  readonly broken: readonly string[];
}

/** Compiles what a sync brings, once for each generation of it. */
export async function checksOf(sync: GitSync, state: SyncState, expressions: Expressions): Promise<Checks> {
  const { generation } = sync.object.metadata;
  if (state.checks?.generation === generation && state.checks !== undefined) return state.checks;
  const broken: string[] = [];
  const compile = async (field: string, text: string | undefined, variables: readonly string[]) => {
    if (text === undefined) return undefined;
    const compiled = await expressions.compile(text, variables);
    if (compiled.kind === "Compiled") return compiled.expression;
    broken.push(`${field}, column ${compiled.column}: ${compiled.message}`);
    return undefined;
  };
  const health: CompiledCheck[] = [];
  for (const [index, check] of (sync.spec.healthChecks ?? []).entries()) {
    const field = `spec.healthChecks[${index}]`;
    const { apiVersion, kind } = check;
    const of = (name: "current" | "inProgress" | "failed") => compile(`${field}.${name}`, check[name], ["self"]);
    const compiled = { current: await of("current"), inProgress: await of("inProgress"), failed: await of("failed") };
    const there = Object.entries(compiled).filter(([, expression]) => expression !== undefined);
    health.push({ apiVersion, kind, field, ...Object.fromEntries(there) });
  }
  const ready: (Expression | undefined)[] = [];
  for (const [index, dependency] of (sync.spec.dependsOn ?? []).entries()) {
    const field = `spec.dependsOn[${index}].readyExpr`;
    ready.push(await compile(field, dependency.readyExpr, ["self", "dep"]));
  }
  state.checks = { generation, health, ready, broken };
  return state.checks;
}
