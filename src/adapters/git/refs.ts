import { compareBuild, parse, type Range, type SemVer } from "semver";
import type { Named } from "./validate.ts";

/** What is asked of a remote about one reference: of its branches or tags alone where that is possible. */
export function question({ kind, remote }: Named, url: string): readonly string[] {
  const filter = { Branch: ["--heads"], Tag: ["--tags"], Ref: [] }[kind];
  return [...filter, url, remote];
}

/**
 * Reads `ls-remote`: the object that a ref names, which is a commit, or the tag object of an annotated tag.
 * Lines that only end like the name do not count.
 */
export function objectOf(output: string, wanted: string): string | undefined {
  return parseRefs(output).get(wanted);
}

/** Reads the default branch from `ls-remote --symref HEAD`. */
export function defaultBranch(output: string): string | undefined {
  return /^ref: refs\/heads\/(.+)\tHEAD$/m.exec(output)?.[1];
}

/**
 * The tag with the highest version in a range, and the object that it names; `v1.2.3` counts as 1.2.3, and tags that are no full version do not count.
 * Of equal versions the later build wins, then the name: which one it is never depends on the order of the list.
 */
export function highestTag(
  output: string,
  range: Range,
): { readonly name: string; readonly object: string } | undefined {
  const refs = parseRefs(output);
  let best: { readonly name: string; readonly object: string; readonly version: SemVer } | undefined;
  for (const [ref, object] of refs) {
    if (!ref.startsWith("refs/tags/") || ref.endsWith("^{}")) continue;
    const name = ref.slice("refs/tags/".length);
    const version = parse(name);
    if (version === null || !range.test(version)) continue;
    const order = best === undefined ? 1 : compareBuild(version, best.version) || (name < best.name ? 1 : -1);
    if (order > 0) best = { name, object, version };
  }
  return best;
}

function parseRefs(output: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const line of output.split("\n")) {
    const [sha = "", name = ""] = line.split("\t");
    if (/^[0-9a-f]{40,64}$/.test(sha)) refs.set(name, sha);
  }
  return refs;
}
