import type { ASTNode } from "@marcbachmann/cel-js";

/** Something that an expression may not hold. `start` is an index into its text. */
export interface Refusal {
  readonly start: number;
  readonly message: string;
}

const MACROS: readonly string[] = ["all", "exists", "exists_one", "filter"];
/** None of them makes anything that is longer than what it was given. */
const FUNCTIONS: readonly string[] = [
  ...MACROS,
  ...["has", "size", "int", "double", "string", "timestamp", "duration"],
  ...["startsWith", "endsWith", "contains", "lowerAscii"],
];
const NESTING = 2;

/**
 * The first thing that an expression may not hold. With these limits its cost is bounded by what it reads of the values:
 * no regular expression, no way to bind or build a list that is then walked for each element of another one,
 * and two loops inside each other at most.
 */
export function refusal(node: ASTNode, loops = 0, literal = false): Refusal | undefined {
  const refused = (message: string): Refusal => ({ start: node.start, message });
  const name = node.op === "call" || node.op === "rcall" ? node.args[0] : undefined;
  if (name === "matches") {
    return refused("matches() is not offered, since a pattern can take for ever; use ==, contains() or startsWith()");
  }
  if (name !== undefined && !FUNCTIONS.includes(name)) return refused(`${name}() is not offered here`);
  if (name === "filter" && literal) return refused("filter() cannot stand in a list or a map");
  if (node.op === "+" && !node.args.some(isNumeric)) {
    return refused("+ is for numbers: one side must be a number, size(), int() or double()");
  }
  const isLoop = node.op === "rcall" && MACROS.includes(node.args[0]);
  if (isLoop && loops === NESTING) return refused(`${node.args[0]}() stands in more than ${NESTING - 1} other loop`);
  const isLiteral = node.op === "list" || node.op === "map";
  const [receiver, ...others] = children(node);
  // The list that a loop walks is made before it begins.
  const first = receiver && refusal(receiver, loops, literal || isLiteral);
  if (first !== undefined) return first;
  for (const child of others) {
    const found = refusal(child, isLoop ? loops + 1 : loops, literal || isLiteral);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a node can be nothing but a number, a time or a duration. */
function isNumeric(node: ASTNode): boolean {
  if (node.op === "value") return typeof node.args === "number" || typeof node.args === "bigint";
  if (node.op === "call" || node.op === "rcall") return ["size", "int", "double"].includes(node.args[0]);
  return ["+", "-", "*", "/", "%", "-_"].includes(node.op);
}

/** The nodes below one, a receiver first. */
function children({ op, args }: ASTNode): readonly ASTNode[] {
  if (op === "value" || op === "id") return [];
  if (op === "." || op === ".?") return [args[0]];
  if (op === "!_" || op === "-_") return [args];
  if (op === "call") return args[1];
  if (op === "rcall") return [args[1], ...args[2]];
  return op === "map" ? args.flat() : args;
}
