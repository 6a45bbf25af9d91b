import type { GitSyncSpec } from "../../api/v1alpha1/gitsync.ts";
import { count, some } from "../status/text.ts";
import type { SignedCommit, SignedTag } from "./signed.ts";

/** What has to be signed. */
export type VerifyMode = NonNullable<GitSyncSpec["verify"]>["mode"];

/** What became of one signature. `why` continues a sentence that begins with the commit or tag. */
export type SignatureVerdict =
  | { readonly kind: "Good"; readonly signer: string }
  | { readonly kind: "Bad"; readonly why: string };

/** Whether a revision may be read. `message` is a sentence without its period. */
export type Trust =
  | { readonly kind: "Trusted"; readonly signer: string | undefined }
  | { readonly kind: "Distrusted"; readonly message: string };

/** A commit whose signature has been judged. */
export interface JudgedCommit {
  readonly sha: string;
  readonly verdict: SignatureVerdict;
}

const LISTED = 3;

/** Tells whether a mode wants the tag, the commits, or both to be signed. */
export function wants(mode: VerifyMode): { readonly tag: boolean; readonly commits: boolean } {
  return { tag: mode !== "Commits", commits: mode !== "Tag" };
}

/**
 * A parent that is neither among the commits to judge nor in the history that is trusted already: somebody has hidden a
 * part of the history, as by a shallow clone. undefined: there is none. Without `trusted` the history does not count.
 */
export function missingParent(
  commits: ReadonlyMap<string, SignedCommit>,
  trusted: ReadonlySet<string> | undefined,
): string | undefined {
  const parents = [...commits.values()].flatMap((commit) => commit.parents);
  return trusted && parents.find((parent) => !commits.has(parent) && !trusted.has(parent));
}

/**
 * What speaks against a tag before its signature is looked at: one that was signed under another name, or for something
 * else, must not pass for this one. undefined: nothing does.
 */
export function tagProblem(tag: SignedTag, ref: string, sha: string): string | undefined {
  const name = ref.replace(/^refs\/tags\//, "");
  if (tag.tag !== name) return "was made under another name";
  if (tag.type !== "commit" || tag.object !== sha) return "names something other than the commit";
  return undefined;
}

/** The sum over all that was judged: one bad signature is enough. */
export function trustOf(tag: SignatureVerdict | undefined, commits: readonly JudgedCommit[], name: string): Trust {
  if (tag?.kind === "Bad") return { kind: "Distrusted", message: `the tag ${name} ${tag.why}` };
  const bad = commits.flatMap(({ sha, verdict }) =>
    verdict.kind === "Bad" ? [`${sha.slice(0, 12)} ${verdict.why}`] : [],
  );
  if (bad.length > 0) {
    const of = commits.length === 1 ? "the commit" : `${bad.length} of ${count(commits.length, "commit")}`;
    return { kind: "Distrusted", message: `${of} cannot be trusted: ${some(bad, LISTED, "; ")}` };
  }
  const head = commits[0]?.verdict;
  const signer = head?.kind === "Good" ? head.signer : tag?.signer;
  return { kind: "Trusted", signer };
}
