import type { Git, GitEntry, GitSource } from "../../ports/git.ts";
import type { SourceTree } from "../../ports/render.ts";

/** What a rendering depended on: its paths, each with what stood there. Equal answers give an equal rendering. */
export type Reads = ReadonlyMap<string, string>;

const ABSENT = "Absent";

/** The tree of a commit. */
export function treeOf(git: Git, source: GitSource, sha: string): SourceTree {
  return {
    look: (paths, signal) => git.look(source, sha, paths, signal),
    read: (paths, wants, signal) => git.read(source, sha, paths, wants, signal),
  };
}

/** A tree that remembers what was asked of it. */
export function recording(tree: SourceTree): { readonly tree: SourceTree; readonly reads: Reads } {
  const reads = new Map<string, string>();
  return {
    reads,
    tree: {
      async look(paths, signal) {
        const found = await tree.look(paths, signal);
        // Of a directory only that it is one: what it holds counts when it is read.
        for (const path of paths) if (!reads.has(path)) reads.set(path, shallow(found.get(path)));
        return found;
      },
      async read(paths, wants, signal) {
        const found = await tree.look(paths, signal);
        for (const path of paths) reads.set(path, found.get(path)?.hash ?? ABSENT);
        return tree.read(paths, wants, signal);
      },
    },
  };
}

/** Tells whether a tree would answer all that was read as it was answered then. */
export async function answersAlike(tree: SourceTree, reads: Reads, signal: AbortSignal): Promise<boolean> {
  const found = await tree.look([...reads.keys()], signal);
  return [...reads].every(([path, before]) => {
    const entry = found.get(path);
    return before === shallow(entry) || (entry !== undefined && before === entry.hash);
  });
}

function shallow(entry: GitEntry | undefined): string {
  return entry === undefined ? ABSENT : entry.kind === "File" ? entry.hash : entry.kind;
}
