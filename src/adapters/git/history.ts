import { GitError, type History, type RawObject } from "../../ports/git.ts";
import { ask, type Local } from "./commit.ts";

/** So many commits are verified at once; whoever brings more accepts them by hand. */
const MOST_COMMITS = 1_000;
/** Beyond this a commit or tag was made to cost something. */
const OBJECT_BYTES = 1024 * 1024;

/**
 * The commits of a history that are not in that of any trusted one, as they are stored. The newest is always the first of
 * them; without a trusted one, or when it is in the trusted history itself, it is the only one.
 */
export async function historySince(local: Local, sha: string, trusted: readonly string[]): Promise<History> {
  const present: string[] = [];
  for (const one of trusted) if ((await local.objects.info(`${one}^{commit}`, local)) !== undefined) present.push(one);
  const shas = new Set([sha]);
  let boundary: Set<string> | undefined;
  if (trusted.length > 0) {
    const args = ["rev-list", "--boundary", `--max-count=${MOST_COMMITS + 1}`, sha, ...present.map((one) => `^${one}`)];
    const listed = await ask(local, args);
    if (listed === undefined)
      throw new GitError("GitFailed", `the history of ${sha} cannot be read; it is tried again`);
    const lines = listed.split("\n").filter((line) => line !== "");
    const edge = lines.filter((line) => line.startsWith("-")).map((line) => line.slice(1));
    const found = lines.filter((line) => !line.startsWith("-"));
    for (const one of found) shas.add(one);
    if (found.includes(sha)) boundary = new Set(edge);
  }
  if (shas.size > MOST_COMMITS) {
    const message = `more than ${MOST_COMMITS} commits have come since the last verified one; accept one of them by hand`;
    throw new GitError("TooLarge", message);
  }
  const commits: RawObject[] = [];
  for (const one of shas) commits.push({ sha: one, bytes: await rawObject(local, one) });
  return { commits, boundary };
}

/** An object as it is stored. */
export async function rawObject(local: Local, oid: string): Promise<Uint8Array> {
  const bytes = await local.objects.content(oid, OBJECT_BYTES, local);
  if (bytes !== undefined) return bytes;
  const message = `object ${oid} is missing or has more than ${OBJECT_BYTES} bytes; if it stays so, make the message shorter`;
  throw new GitError("TooLarge", message);
}
