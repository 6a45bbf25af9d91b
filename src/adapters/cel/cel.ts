import type { Environment, EvaluationError } from "@marcbachmann/cel-js";
import type { Answer, Expression } from "../../core/sync/expression.ts";
import type { Compiled, Expressions } from "../../ports/expressions.ts";
import { refusal } from "./allowed.ts";
import { Meter, metered } from "./metered.ts";

/** Of the text; the schema of the API bounds it as well. */
const MAX_LENGTH = 1024;
const LIMITS = { maxAstNodes: 256, maxDepth: 32, maxListElements: 64, maxMapEntries: 16, maxCallArguments: 8 };
/** Members and characters that one evaluation may read. */
const BUDGET = 50_000;

/** CEL, loaded when the first expression is compiled. */
export function createCel(): Expressions {
  return {
    async compile(text, variables): Promise<Compiled> {
      if (text.length > MAX_LENGTH) return invalid(0, `has more than ${MAX_LENGTH} characters`);
      const { Environment } = await import("@marcbachmann/cel-js");
      const env = new Environment({ limits: LIMITS, homogeneousAggregateLiterals: false });
      for (const name of variables) env.registerVariable(name, "dyn");
      return compiled(env, text);
    },
  };
}

type CelError = Pick<EvaluationError, "code" | "summary" | "range">;

function compiled(env: Environment, text: string): Compiled {
  try {
    const parsed = env.parse(text);
    const refused = refusal(parsed.ast);
    if (refused !== undefined) return invalid(refused.start, refused.message);
    const { valid, type, error } = parsed.check();
    if (!valid) return invalid(error?.range?.start ?? 0, error?.summary ?? "is no valid expression");
    if (type !== "bool" && type !== "dyn") return invalid(0, `gives ${type} where true or false belongs`);
    return { kind: "Compiled", expression: expressionOf(parsed) };
  } catch (error) {
    if (!isCelError(error)) throw error;
    return invalid(error.range?.start ?? 0, error.summary);
  }
}

function invalid(start: number, message: string): Compiled {
  return { kind: "Invalid", column: start + 1, message };
}

/** What these errors say names types and fields, never a value: an object may be a Secret. */
const TELLING: readonly string[] = ["no_such_overload", "no_matching_overload", "no_such_key"];

function expressionOf(run: (values: Record<string, unknown>) => unknown): Expression {
  return {
    ask(values): Answer {
      const meter = new Meter(BUDGET);
      let answer: Answer;
      try {
        const views = Object.entries(values).map(([name, value]) => [name, metered(value, meter)] as const);
        const value = run(Object.fromEntries(views));
        answer =
          typeof value === "boolean"
            ? { kind: value ? "Yes" : "No" }
            : { kind: "Broken", column: 1, message: "gives no true or false" };
      } catch (error) {
        answer = failure(error);
      }
      // A loop takes an error of one element for false: what was not read must never be an answer.
      return meter.exhausted
        ? { kind: "Broken", column: 1, message: `reads more than ${BUDGET} members and characters of the object` }
        : answer;
    },
  };
}

function failure(error: unknown): Answer {
  if (!isCelError(error)) return { kind: "Broken", column: 1, message: "cannot be evaluated" };
  const column = (error.range?.start ?? 0) + 1;
  const message = TELLING.includes(error.code) ? error.summary : error.code.replaceAll("_", " ");
  return { kind: error.code === "no_such_key" ? "Absent" : "Broken", column, message };
}

function isCelError(error: unknown): error is CelError {
  return error instanceof Error && "summary" in error && "code" in error;
}
