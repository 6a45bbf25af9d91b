import { at, isObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { GitSync } from "../../api/v1alpha1/gitsync.ts";
import { readCommit, readTag, type Signed } from "../../core/sync/signed.ts";
import {
  type JudgedCommit,
  missingParent,
  type SignatureVerdict,
  tagProblem,
  trustOf,
  wants,
} from "../../core/sync/trust.ts";
import type { Commit, GitHistory, GitSource } from "../../ports/git.ts";
import { KeysError, type Signatures, type TrustedKeys } from "../../ports/signatures.ts";
import { acceptCommand, acceptedBy } from "./accept.ts";
import { type Secrets, secretText } from "./secrets.ts";
import type { GitTrouble } from "./state.ts";

/** What verifying a revision takes. */
export interface VerifyParts {
  readonly git: GitHistory;
  readonly secrets: Secrets;
  readonly signatures: Signatures;
}

type Judge = (signed: Signed) => Promise<SignatureVerdict>;

/**
 * Verifies a commit, and with it all that came since the last verified one. A commit that a person accepts by hand is as
 * good as a verified one. undefined: it can be trusted.
 */
export async function verifyRevision(
  sync: GitSync,
  source: GitSource,
  commit: Commit,
  last: string | undefined,
  parts: VerifyParts,
  signal: AbortSignal,
): Promise<GitTrouble | undefined> {
  const { object, spec } = sync;
  if (spec.verify === undefined) return undefined;
  const accepted = acceptedBy(sync);
  if (accepted === commit.sha) return undefined;
  const keys = await keysOf(sync, parts.secrets, signal);
  if ("kind" in keys) return keys;
  const judge: Judge = async (signed) => {
    if (signed.kind === "Unsigned") return { kind: "Bad", why: "is not signed" };
    if (signed.kind === "Malformed") return { kind: "Bad", why: signed.why };
    return parts.signatures.verify(signed.signature, keys, source.timeoutMs, signal);
  };
  try {
    const wanted = wants(spec.verify.mode);
    const tag = wanted.tag ? await judgeTag(source, commit, parts.git, judge, signal) : undefined;
    const known = [last, accepted].filter(
      (sha) => sha !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(sha),
    ) as string[];
    // The same commit once more, since keys may have changed: there is no history to ask for.
    const trusted = known.includes(commit.sha) ? [] : known;
    const commits = wanted.commits ? await judgeCommits(source, commit.sha, trusted, parts.git, judge, signal) : [];
    const name = commit.ref?.replace(/^refs\/tags\//, "") ?? commit.sha;
    const trust = trustOf(tag, commits, name);
    if (trust.kind === "Trusted") return undefined;
    const secret = `${object.metadata.namespace}/${spec.verify.secretRef.name}`;
    const wayOut = `sign it with a key of Secret ${secret}, add the key there, or accept exactly this commit: ${acceptCommand(sync, commit.sha)}`;
    return { kind: "GitFailed", reason: "NotVerified", message: `${trust.message}; ${wayOut}` };
  } catch (error) {
    if (error instanceof KeysError) return keysTrouble(sync, error.message);
    throw error;
  }
}

async function judgeTag(
  source: GitSource,
  { sha, ref = "", tag }: Commit,
  git: GitHistory,
  judge: Judge,
  signal: AbortSignal,
): Promise<SignatureVerdict> {
  if (tag === undefined) return { kind: "Bad", why: "is no annotated tag, so it cannot be signed" };
  const found = readTag(await git.tag(source, sha, tag, signal));
  const why = tagProblem(found, ref, sha);
  return why === undefined ? judge(found.signed) : { kind: "Bad", why };
}

async function judgeCommits(
  source: GitSource,
  sha: string,
  trusted: readonly string[],
  git: GitHistory,
  judge: Judge,
  signal: AbortSignal,
): Promise<readonly JudgedCommit[]> {
  const { commits, boundary } = await git.since(source, sha, trusted, signal);
  const read = new Map(commits.map((raw) => [raw.sha, readCommit(raw.bytes)]));
  const judged: JudgedCommit[] = [];
  for (const [one, { signed }] of read) judged.push({ sha: one, verdict: await judge(signed) });
  const missing = missingParent(read, boundary);
  if (missing === undefined) return judged;
  return [...judged, { sha: missing, verdict: { kind: "Bad", why: "is missing: the history is cut off" } }];
}

async function keysOf(sync: GitSync, secrets: Secrets, signal: AbortSignal): Promise<TrustedKeys | GitTrouble> {
  const name = sync.spec.verify?.secretRef.name ?? "";
  const read = await secrets.read(sync.object.metadata.namespace ?? "", name, signal);
  if (read.kind === "Missing") return keysTrouble(sync, "it does not exist", "SecretMissing");
  const keys = keysIn(read.secret);
  if (keys.size > 0) return keys;
  return keysTrouble(sync, "it has no key that ends in .asc or .pub, and no allowed_signers", "SecretMissing");
}

/** The public keys in a Secret, under the names that say what they are. */
function keysIn(secret: Manifest): TrustedKeys {
  const data = at(secret, "data");
  const names = isObject(data) ? Object.keys(data).sort() : [];
  const found = names
    .filter((name) => /\.(asc|pub)$/.test(name) || name === "allowed_signers" || name === "revoked_keys")
    .map((name) => [name, secretText(secret, name) ?? ""] as const);
  return new Map(found);
}

function keysTrouble(
  { object, spec }: GitSync,
  why: string,
  reason: "SecretMissing" | "InvalidKeys" = "InvalidKeys",
): GitTrouble {
  const name = `Secret ${object.metadata.namespace}/${spec.verify?.secretRef.name} of spec.verify cannot be used`;
  return { kind: "GitFailed", reason, message: `${name}: ${why}; put the public keys there` };
}
