/** What a sync has worked on: the next commit is held against it. */
export interface Followed {
  /** Address of the repository. */
  readonly url: string;
  /** Full name of the ref; absent when the source names the commit itself. */
  readonly ref?: string;
  /** Full hash. */
  readonly sha: string;
}

/** How a ref came from one commit to the next. */
export type Move =
  | { readonly kind: "Ordinary" }
  /** `message` says what happened and is a sentence without its period. */
  | { readonly kind: "Unusual"; readonly reason: "HistoryRewritten" | "TagMoved"; readonly message: string };

/** A branch may be at another commit; whether the former one is in its history has to be asked. A tag never moves. */
export function mayHaveMoved(former: Followed | undefined, now: Followed): former is Followed {
  return (
    former !== undefined &&
    now.ref !== undefined &&
    former.url === now.url &&
    former.ref === now.ref &&
    former.sha !== now.sha
  );
}

/** Judges a ref that is at another commit. `descends`: the former commit is in the history of this one. */
export function moveOf(former: Followed, { ref = "", sha }: Followed, descends: boolean): Move {
  const [, name = ref] = /^refs\/(?:heads|tags)\/(.*)$/.exec(ref) ?? [];
  const from = former.sha.slice(0, 8);
  if (ref.startsWith("refs/tags/")) {
    return { kind: "Unusual", reason: "TagMoved", message: `the tag ${name} was moved from ${from} to ${sha}` };
  }
  if (descends) return { kind: "Ordinary" };
  const message = `the history of ${name} was rewritten: ${from} is no ancestor of ${sha}`;
  return { kind: "Unusual", reason: "HistoryRewritten", message };
}
