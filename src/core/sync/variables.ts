import type { Json } from "../../api/json.ts";

/** A value for a variable. */
export interface Variable {
  readonly value: string;
  /** It comes from a Secret: whether it may stand in objects that are none. */
  readonly secret?: "Anywhere" | "SecretsOnly";
}

/** The values of variables, by name. */
export type Variables = ReadonlyMap<string, Variable>;

/** The object that a text belongs to. */
export interface Into {
  readonly secret: boolean;
  /** Gathers the values of Secrets that went into it. */
  readonly confidential: Set<string>;
}

/** What is wrong with a text's variables. The message holds no value. */
export class VariableError extends Error {}

/** `${NAME}`, `${NAME:int}`, `${NAME:=default}`, `${NAME:int:=1}`, each behind another `$` to stand for itself. */
const pattern = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(?::(int|number|bool))?(?::=([^{}]*))?\}/g;

/** Tells whether a key of a ConfigMap or Secret can name a variable. */
export function namesVariable(key: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
}

/**
 * Puts the values into a text. What comes out is text, whatever it looks like; only a variable with a type that is the whole
 * text becomes a number or a boolean.
 */
export function expand(text: string, variables: Variables, into: Into): Json {
  if (!text.includes("${")) return text;
  let typed: Json | undefined;
  const expanded = text.replaceAll(pattern, (all: string, name: string, type?: string, fallback?: string) => {
    if (all.startsWith("$$")) return all.slice(1);
    const variable = variables.get(name);
    if (variable === undefined && fallback === undefined) throw undeclared(name);
    if (variable?.secret === "SecretsOnly" && !into.secret) throw exposed(name);
    if (variable?.secret !== undefined) into.confidential.add(variable.value);
    const value = variable?.value ?? fallback ?? "";
    if (type === undefined) return value;
    if (all !== text) {
      throw new VariableError(`\${${name}:${type}} is a part of a text; remove :${type}, or let it stand alone`);
    }
    typed = convert(name, type, value);
    return "";
  });
  return typed ?? expanded;
}

function convert(name: string, type: string, value: string): Json {
  if (type === "bool" && (value === "true" || value === "false")) return value === "true";
  if (type === "int" && /^-?(?:0|[1-9][0-9]{0,18})$/.test(value)) {
    const exact = BigInt(value);
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    if (exact >= -(2n ** 63n) && exact < 2n ** 63n) return exact;
  }
  if (type === "number" && /^-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?$/.test(value)) return Number(value);
  const wanted = { int: "an integer", number: "a number", bool: "true or false" }[type] ?? type;
  throw new VariableError(`the value of \${${name}:${type}} is not ${wanted}; correct the value, or remove :${type}`);
}

function undeclared(name: string): VariableError {
  return new VariableError(
    `\${${name}} has no value; declare it in spec.substitute, write \${${name}:=default}, or $\${${name}} for the text itself`,
  );
}

function exposed(name: string): VariableError {
  return new VariableError(
    `\${${name}} comes from a Secret and would stand in an object that is none; set use: Anywhere in spec.substitute.from, or use a Secret`,
  );
}
