import { type Commit, GitError } from "../../ports/git.ts";
import { plain } from "./errors.ts";
import type { GitObjects } from "./objects.ts";
import { collector, runGit } from "./process.ts";

/** What a local git process needs to know. */
export interface Local {
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Reads objects without a process for each call. */
  readonly objects: GitObjects;
}

/** Runs a local command for its text; undefined when git says that there is no such thing. */
export async function ask(local: Local, args: readonly string[]): Promise<string | undefined> {
  const output = collector(4 * 1024 * 1024, "the answer of git");
  const { code } = await runGit({ ...local, args, sink: output.sink });
  return code === 0 ? output.text() : undefined;
}

/** The commit that a name stands for in the local store. */
export function localCommit(local: Local, name: string): Promise<string | undefined> {
  return localObject(local, `${name}^{commit}`);
}

/** The object that a name stands for in the local store. */
export async function localObject(local: Local, name: string): Promise<string | undefined> {
  return (await ask(local, ["rev-parse", "--verify", "--quiet", "--end-of-options", name]))?.trim();
}

/** Tells whether one commit is in the history of another. */
export async function isAncestor(local: Local, older: string, newer: string): Promise<boolean> {
  return (await ask(local, ["merge-base", "--is-ancestor", older, newer])) !== undefined;
}

/** Reads the words of a commit; they come from whoever may push, so nothing in them can move a terminal or a log. */
export async function readCommit(local: Local, sha: string): Promise<Commit> {
  const format = "%s%x00%an <%ae>%x00%(trailers:only,unfold)";
  const text = await ask(local, ["show", "-s", "--no-notes", `--format=${format}`, sha]);
  if (text === undefined) throw new GitError("GitFailed", `commit ${sha} cannot be read; it is fetched anew next time`);
  const [subject = "", author = "", trailers = ""] = text.split("\0");
  return { sha, subject: plain(subject, 200), author: plain(author, 200), trailers: parseTrailers(trailers) };
}

/** Reads `Key: value` lines. At most 100 values are kept: trailers are instructions, not a place to store data. */
export function parseTrailers(text: string): Readonly<Record<string, readonly string[]>> {
  const found = new Map<string, string[]>();
  for (const line of text.split("\n").slice(0, 100)) {
    const colon = line.indexOf(":");
    const key = plain(line.slice(0, Math.max(0, colon)), 100).toLowerCase();
    if (key === "") continue;
    found.set(key, [...(found.get(key) ?? []), plain(line.slice(colon + 1), 1000)]);
  }
  // fromEntries defines members, so even the key "__proto__" is plain data here.
  return Object.fromEntries(found);
}
