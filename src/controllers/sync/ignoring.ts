import { type IgnoreRule, ignoreRules, isIgnored, unfitLine } from "../../core/sync/ignore.ts";
import { GitError } from "../../ports/git.ts";
import type { SourceTree } from "../../ports/render.ts";

/** The name of files that say, in gitignore syntax, what is left out below their directory. */
const IGNORE_FILE = ".fairleadignore";
/** Patterns of all such files together: each is asked about each file. */
const MAX_RULES = 500;

/**
 * A tree without what the ignore files at and below a path and the given patterns leave out: to a renderer it is as if Git did
 * not have it. The given patterns count from the path, and outrank the files.
 */
export async function ignoring(
  tree: SourceTree,
  path: string,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<SourceTree> {
  const isIgnoreFile = (file: string): boolean => file === IGNORE_FILE || file.endsWith(`/${IGNORE_FILE}`);
  const files = await tree.read([path], isIgnoreFile, signal);
  // A file further down counts more than one above it.
  const byDepth = files.toSorted((a, b) => depth(a.path) - depth(b.path));
  const rules: IgnoreRule[] = byDepth.flatMap(({ path: name, bytes }) =>
    checked(new TextDecoder().decode(bytes), name, name.slice(0, -IGNORE_FILE.length).replace(/\/$/, "")),
  );
  rules.push(...checked(patterns.join("\n"), "spec.ignore", path));
  if (rules.length > MAX_RULES) {
    const names = `${IGNORE_FILE} files and spec.ignore`;
    throw new GitError("TooLarge", `the ${names} hold ${rules.length} patterns, more than ${MAX_RULES}; use fewer`);
  }
  if (rules.length === 0) return tree;
  return {
    look: (paths, stop) =>
      tree.look(
        paths.filter((file) => !isIgnored(rules, file)),
        stop,
      ),
    read: (paths, wants, stop) => tree.read(paths, (file) => wants(file) && !isIgnored(rules, file), stop),
  };
}

function checked(text: string, name: string, base: string): readonly IgnoreRule[] {
  const line = unfitLine(text);
  if (line === undefined) return ignoreRules(text, base);
  throw new GitError(
    "TooLarge",
    `${name}:${line} is too long for a pattern, or names too many directories; shorten it`,
  );
}

function depth(path: string): number {
  return path.split("/").length;
}
