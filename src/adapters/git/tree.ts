import { type GitEntry, GitError, type GitFile } from "../../ports/git.ts";
import type { Local } from "./commit.ts";
import { plain } from "./errors.ts";
import { collector, runGit } from "./process.ts";

/** What reading a tree may cost. */
export interface TreeLimits {
  readonly fileBytes: number;
  readonly totalBytes: number;
  readonly files: number;
}

interface Entry {
  readonly mode: string;
  readonly oid: string;
  readonly path: string;
}

const listing = 64 * 1024 * 1024;
/** What an entry takes in the list beside its path. */
const listedEntry = 54;
/** So many objects are asked for at once. */
const inFlight = 100;
const kinds: ReadonlyMap<string, GitEntry["kind"]> = new Map([
  ["040000", "Directory"],
  ["120000", "Link"],
  ["160000", "Submodule"],
]);

/** What stands at each path; one where there is nothing is left out. */
export async function lookAt(
  local: Local,
  sha: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, GitEntry>> {
  const root = { mode: "040000", oid: await rootOf(local, sha), path: "" };
  const found = new Map<string, GitEntry>();
  for (const path of new Set(paths)) {
    const entry = await walk(local, root, path);
    if (entry !== undefined) found.set(path, { kind: kinds.get(entry.mode) ?? "File", hash: entry.oid });
  }
  return found;
}

/** What was read, and where it ended. */
export interface TreeFiles {
  readonly files: readonly GitFile[];
  /** Commits of other repositories that stand below the paths. */
  readonly submodules: readonly { readonly path: string; readonly sha: string }[];
}

/** Reads the wanted files at and below paths from the commit itself: nothing is ever checked out, so nothing can be followed. */
export async function readTree(
  local: Local,
  at: { readonly sha: string; readonly paths: readonly string[]; readonly limits: TreeLimits },
  wants: (path: string) => boolean,
): Promise<TreeFiles> {
  const all = await list(local, at.sha, at.paths);
  const submodules = all.filter(isSubmodule).map(({ path, oid }) => ({ path, sha: oid }));
  const entries = all.filter((entry) => !isSubmodule(entry));
  const wanted = entries.filter(({ path }) => wants(path));
  const link = wanted.find(isLink);
  if (link !== undefined) throw refusedLink(link.path);
  await refuseDirectoryLinks(local, at.sha, entries.filter(isLink));
  if (wanted.length > at.limits.files) {
    throw new GitError(
      "TooLarge",
      `${shown(at.paths[0] ?? "")} holds ${wanted.length} manifest files, more than ${at.limits.files}; split it over several paths`,
    );
  }
  const files = await readFiles(local, wanted, at.limits);
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), submodules };
}

/** Lists the files, links and submodules at and below paths. */
async function list(local: Local, sha: string, paths: readonly string[]): Promise<readonly Entry[]> {
  const found = await lookAt(local, sha, paths);
  const directories: Entry[] = [];
  const entries = new Map<string, Entry>();
  for (const path of paths) {
    const entry = found.get(path);
    if (entry === undefined) throw await missing(local, sha, path);
    if (entry.kind === "Link") throw refusedLink(path);
    if (entry.kind === "Directory") directories.push({ mode: "040000", oid: entry.hash, path });
    else entries.set(path, { mode: entry.kind === "Submodule" ? "160000" : "100644", oid: entry.hash, path });
  }
  for (const entry of await below(local, directories)) entries.set(entry.path, entry);
  return [...entries.values()];
}

/** Files, links and submodules below directories. */
async function below(local: Local, directories: readonly Entry[]): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  let listed = 0;
  for (let level = directories; level.length > 0; ) {
    const deeper: Entry[] = [];
    for (let from = 0; from < level.length; from += inFlight) {
      const some = level.slice(from, from + inFlight);
      const trees = await Promise.all(some.map(({ oid }) => local.objects.tree(oid, local)));
      for (const [index, items] of trees.entries()) {
        for (const { name, ...item } of items) {
          const entry = { ...item, path: joined(some[index]?.path ?? "", name) };
          // A few small trees that hold each other many times over unfold without end.
          listed += listedEntry + entry.path.length;
          if (listed > listing) {
            throw new GitError("TooLarge", `the list of files of this commit is larger than ${listing} bytes`);
          }
          const kind = kinds.get(entry.mode);
          if (kind === "Directory") deeper.push(entry);
          else found.push(entry);
        }
      }
    }
    level = deeper;
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function isLink({ mode }: Entry): boolean {
  return kinds.get(mode) === "Link";
}

function isSubmodule({ mode }: Entry): boolean {
  return kinds.get(mode) === "Submodule";
}

async function rootOf(local: Local, sha: string): Promise<string> {
  const root = await local.objects.root(sha, local);
  if (root === undefined) throw new GitError("GitFailed", `missing tree of ${sha} in the store; it is tried again`);
  return root;
}

async function walk(local: Local, root: Entry, path: string): Promise<Entry | undefined> {
  let here = root;
  for (const name of path === "" ? [] : path.split("/")) {
    if (kinds.get(here.mode) !== "Directory") return undefined;
    const found = (await local.objects.tree(here.oid, local)).find((item) => item.name === name);
    if (found === undefined) return undefined;
    here = { mode: found.mode, oid: found.oid, path: joined(here.path, name) };
  }
  return here;
}

function joined(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** Says why there is nothing at a path: a link on the way is another matter than a directory that was renamed. */
async function missing(local: Local, sha: string, path: string): Promise<GitError> {
  const names = path.split("/");
  for (let n = 1; n < names.length; n += 1) {
    const prefix = names.slice(0, n).join("/");
    const entry = (await lookAt(local, sha, [prefix])).get(prefix);
    if (entry?.kind === "Link") return refusedLink(prefix);
    if (entry?.kind !== "Directory") break;
  }
  return new GitError("PathNotFound", `${shown(path)} does not exist at commit ${sha.slice(0, 12)}; correct the path`);
}

/** A link to a directory would hide manifests without a word, and one that leaves the repository is an attack. */
async function refuseDirectoryLinks(local: Local, sha: string, links: readonly Entry[]): Promise<void> {
  if (links.length === 0) return;
  const output = collector(listing, "the list of links");
  const asked = links.filter(({ path }) => !path.includes("\n"));
  await runGit({
    ...local,
    args: ["cat-file", "--batch-check=%(objecttype)", "--follow-symlinks"],
    input: asked.map(({ path }) => `${sha}:${path}\n`).join(""),
    sink: output.sink,
  });
  // An answer of two lines (`symlink 12` and the target) stands for a link out of the repository.
  const lines = output.text().split("\n");
  let at = 0;
  for (const { path } of asked) {
    const answer = lines[at] ?? "";
    if (answer === "tree" || answer.startsWith("symlink ")) throw refusedLink(path);
    at += /^(dangling|loop|notdir) \d+$/.test(answer) ? 2 : 1;
  }
}

/** Reads blobs. Sizes are asked for before any content is. */
async function readFiles(local: Local, entries: readonly Entry[], limits: TreeLimits): Promise<GitFile[]> {
  const infos = await Promise.all(entries.map(({ oid }) => local.objects.info(oid, local)));
  let total = 0;
  for (const [index, { path }] of entries.entries()) {
    const info = infos[index];
    if (info?.type !== "blob") throw noContent(path);
    total += info.size;
    if (info.size > limits.fileBytes) throw tooLarge(`${path} has ${info.size} bytes`, limits.fileBytes);
    if (total > limits.totalBytes) throw tooLarge("the manifest files have together", limits.totalBytes);
  }
  return Promise.all(
    entries.map(async (entry) => {
      const bytes = await local.objects.content(entry.oid, limits.fileBytes, local);
      if (bytes === undefined) throw noContent(entry.path);
      return { path: entry.path, blob: entry.oid, bytes: new Uint8Array(bytes) };
    }),
  );
}

function noContent(path: string): GitError {
  return new GitError("GitFailed", `git gave no content for ${path}; it is tried again`);
}

function shown(path: string): string {
  return path === "" ? "the repository" : plain(path, 300);
}

function refusedLink(path: string): GitError {
  return new GitError(
    "SymlinkRefused",
    `${shown(path)} is a symbolic link, and links are not followed; put the file or directory itself there`,
  );
}

function tooLarge(what: string, limit: number): GitError {
  return new GitError(
    "TooLarge",
    `${plain(what, 300)}, more than ${limit}; make it smaller or split it over several paths`,
  );
}
