/** One line of an ignore file, in gitignore syntax. */
export interface IgnoreRule {
  /** The directory that the pattern counts from: "" or `a/b`. */
  readonly base: string;
  /** What the pattern says of each directory below the base and of the file, as tokens; `**` stands for any number of them. */
  readonly segments: readonly Tokens[];
  /** The pattern takes back what a former one ignores. */
  readonly keeps: boolean;
  /** The pattern is about directories only. */
  readonly directory: boolean;
}

type Tokens = readonly string[];

/** With the length of a path these bound the time that matching takes: characters and directories of a pattern, depth of a path. */
const maxPattern = 256;
const maxSegments = 16;
const maxDepth = 32;

const anyNumber: Tokens = ["**"];

/** Reads the patterns of an ignore file that stands in a directory. */
export function ignoreRules(text: string, base: string): readonly IgnoreRule[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const rule = toRule(line, base);
    return rule === undefined ? [] : [rule];
  });
}

/** The line, counted from 1, of a pattern that is too long to be matched. */
export function unfitLine(text: string): number | undefined {
  const unfit = (line: string): boolean => line.length > maxPattern || line.split("/").length > maxSegments;
  const index = text.split(/\r?\n/).findIndex((line) => unfit(line) && !line.startsWith("#"));
  return index < 0 ? undefined : index + 1;
}

/**
 * Tells whether rules leave a file out, by its path from the root. Deep down in a tree only the file and what is near the root
 * are asked about. As in Git, nothing below an ignored directory comes back. */
export function isIgnored(rules: readonly IgnoreRule[], path: string): boolean {
  const names = path.split("/");
  return names.some((_, index) => {
    if (index >= maxDepth && index < names.length - 1) return false;
    const here = names.slice(0, index + 1);
    const directory = index < names.length - 1;
    const last = rules.findLast((rule) => (directory || !rule.directory) && matches(rule, here));
    return last !== undefined && !last.keeps;
  });
}

function toRule(line: string, base: string): IgnoreRule | undefined {
  // Spaces at the end count only behind a backslash.
  let pattern = line.replace(/(?<!\\) +$/, "");
  if (pattern === "" || pattern.startsWith("#")) return undefined;
  const keeps = pattern.startsWith("!");
  if (keeps) pattern = pattern.slice(1);
  const directory = pattern.endsWith("/");
  if (directory) pattern = pattern.slice(0, -1);
  const rooted = pattern.includes("/");
  const names = pattern.replace(/^\//, "").split("/");
  if (names.every((name) => name === "")) return undefined;
  const segments = names.map((name) => (name === "**" ? anyNumber : tokensOf(name)));
  return { base, segments: rooted ? segments : [anyNumber, ...segments], keeps, directory };
}

function matches({ base, segments }: IgnoreRule, names: readonly string[]): boolean {
  const above = base === "" ? [] : base.split("/");
  if (names.length <= above.length || above.some((name, index) => names[index] !== name)) return false;
  const inside = names.slice(above.length);
  // What ends in /** is about everything inside, not about the directory itself.
  const least = segments.at(-1) === anyNumber ? segments.filter((segment) => segment !== anyNumber).length + 1 : 0;
  const isAny = (segment: Tokens): boolean => segment === anyNumber;
  return inside.length >= least && wild(segments, inside, isAny, matchesName);
}

function matchesName(pattern: Tokens, name: string): boolean {
  return wild(pattern, [...name], (token) => token === "*", matchesCharacter);
}

/**
 * Matches with wildcards that stand for any number of items: on a mismatch only the last wildcard takes one more, since the
 * ones before can stay as they are. So the time is bounded by the product of the lengths, whatever the pattern.
 */
function wild<T>(
  pattern: readonly T[],
  items: readonly string[],
  isAny: (pattern: T) => boolean,
  same: (pattern: T, item: string) => boolean,
): boolean {
  let [at, next, star, taken] = [0, 0, -1, 0];
  while (next < items.length) {
    const wanted = pattern[at];
    if (wanted !== undefined && isAny(wanted)) {
      star = at;
      taken = next;
      at += 1;
    } else if (wanted !== undefined && same(wanted, items[next] ?? "")) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      at = star + 1;
      taken += 1;
      next = taken;
    } else return false;
  }
  return pattern.slice(at).every(isAny);
}

/** The tokens of a name's pattern: a character, `?`, `*`, a class `[a-z]`, or `\` with the character that it quotes. */
function tokensOf(pattern: string): Tokens {
  return pattern.match(/\\.|\[[!^]?\]?[^\]]*\]|./gsu) ?? [];
}

function matchesCharacter(token: string, character: string): boolean {
  if (token === "?") return true;
  if (token.length > 1 && token.startsWith("\\")) return token.slice(1) === character;
  if (token.length < 3 || !token.startsWith("[")) return token === character;
  const inner = token.slice(1, -1);
  const negated = /^[!^]/.test(inner);
  const characters = [...(negated ? inner.slice(1) : inner)];
  let found = false;
  for (let index = 0; index < characters.length; index += 1) {
    const [from = "", dash, to] = characters.slice(index, index + 3);
    if (dash === "-" && to !== undefined) {
      found ||= from <= character && character <= to;
      index += 2;
    } else found ||= from === character;
  }
  return found !== negated;
}
