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
/** Most paths on one command line. */
const pathsAtOnce = 500;
const kinds: ReadonlyMap<string, GitEntry["kind"]> = new Map([
  ["040000", "Directory"],
  ["120000", "Link"],
  ["160000", "Submodule"],
]);
const lfs = "version https://git-lfs.github.com/spec/";

/** What stands at each path; one where there is nothing is left out. */
export async function lookAt(
  local: Local,
  sha: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, GitEntry>> {
  const found = new Map<string, GitEntry>();
  const asked = new Set(paths);
  const names = [...asked].filter((path) => path !== "");
  if (asked.has("")) found.set("", { kind: "Directory", hash: await rootOf(local, sha) });
  for (let from = 0; from < names.length; from += pathsAtOnce) {
    // -t: a directory is listed also when another path leads through it.
    const entries = await lsTree(local, ["-t", sha, "--", ...names.slice(from, from + pathsAtOnce)]);
    for (const { mode, oid, path } of entries) {
      if (asked.has(path)) found.set(path, { kind: kinds.get(mode) ?? "File", hash: oid });
    }
  }
  return found;
}

/** Reads the wanted files at and below paths from the commit itself: nothing is ever checked out, so nothing can be followed. */
export async function readTree(
  local: Local,
  at: { readonly sha: string; readonly paths: readonly string[]; readonly limits: TreeLimits },
  wants: (path: string) => boolean,
): Promise<readonly GitFile[]> {
  const entries = await list(local, at.sha, at.paths);
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
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Lists the files and links at and below paths. */
async function list(local: Local, sha: string, paths: readonly string[]): Promise<readonly Entry[]> {
  const found = await lookAt(local, sha, paths);
  const directories: string[] = [];
  const entries = new Map<string, Entry>();
  for (const path of paths) {
    const entry = found.get(path);
    if (entry === undefined) throw await missing(local, sha, path);
    if (entry.kind === "Link") throw refusedLink(path);
    if (entry.kind === "Submodule") {
      throw new GitError(
        "PathNotFound",
        `${shown(path)} is a submodule; submodules are not read: name its repository in a source`,
      );
    }
    if (entry.kind === "Directory") directories.push(path);
    else entries.set(path, { mode: "100644", oid: entry.hash, path });
  }
  if (directories.length > 0) {
    const args = directories.includes("") ? [] : ["--", ...directories];
    for (const entry of await lsTree(local, ["-r", sha, ...args])) {
      if (kinds.get(entry.mode) !== "Submodule") entries.set(entry.path, entry);
    }
  }
  return [...entries.values()];
}

function isLink({ mode }: Entry): boolean {
  return kinds.get(mode) === "Link";
}

async function rootOf(local: Local, sha: string): Promise<string> {
  const output = collector(1024, "the answer of git");
  await runGit({ ...local, args: ["rev-parse", "--verify", `${sha}^{tree}`], sink: output.sink });
  return output.text().trim();
}

async function lsTree(local: Local, args: readonly string[]): Promise<readonly Entry[]> {
  const output = collector(listing, "the list of files of this commit");
  const { code, stderr } = await runGit({
    ...local,
    args: ["ls-tree", "-z", "--full-tree", ...args],
    sink: output.sink,
  });
  if (code !== 0) throw new GitError("GitFailed", `the tree cannot be read (${plain(stderr, 200)}); it is tried again`);
  return output
    .text()
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", , oid = ""] = line.slice(0, tab).split(" ");
      return { mode, oid, path: line.slice(tab + 1) };
    });
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

/** Reads blobs by one `cat-file --batch`. Sizes are checked before the bytes are kept. */
async function readFiles(local: Local, entries: readonly Entry[], limits: TreeLimits): Promise<GitFile[]> {
  if (entries.length === 0) return [];
  const files: GitFile[] = [];
  let pending: Buffer[] = [];
  let held = 0;
  let need = 0; // bytes of content with its line end; 0 while a header is expected
  let total = 0;
  const header = (line: string): number => {
    const entry = entries[files.length];
    const [oid, type, size = ""] = line.split(" ");
    if (entry === undefined || oid !== entry.oid || type !== "blob" || !/^\d+$/.test(size)) {
      throw new GitError("GitFailed", `git gave no content for ${entry?.path ?? "a file"}; it is tried again`);
    }
    total += Number(size);
    if (Number(size) > limits.fileBytes) throw tooLarge(`${entry.path} has ${size} bytes`, limits.fileBytes);
    if (total > limits.totalBytes) throw tooLarge("the manifest files have together", limits.totalBytes);
    return Number(size) + 1;
  };
  const sink = (chunk: Buffer): void => {
    pending.push(chunk);
    held += chunk.length;
    if (held < need) return;
    let data = Buffer.concat(pending);
    for (;;) {
      if (need === 0) {
        const end = data.indexOf(10);
        if (end < 0) break;
        need = header(data.toString("latin1", 0, end));
        data = data.subarray(end + 1);
      }
      if (data.length < need) break;
      files.push(fileOf(entries[files.length], data.subarray(0, need - 1)));
      data = data.subarray(need);
      need = 0;
    }
    pending = [data];
    held = data.length;
  };
  const input = entries.map(({ oid }) => `${oid}\n`).join("");
  const { code, stderr } = await runGit({ ...local, args: ["cat-file", "--batch", "--buffer"], input, sink });
  if (code !== 0 || files.length !== entries.length) {
    throw new GitError("GitFailed", `the files cannot be read (${plain(stderr, 200)}); it is tried again`);
  }
  return files;
}

function fileOf(entry: Entry | undefined, bytes: Buffer): GitFile {
  const { path = "", oid = "" } = entry ?? {};
  if (bytes.length < 1024 && bytes.toString("latin1", 0, lfs.length) === lfs) {
    throw new GitError(
      "LfsPointerRefused",
      `${shown(path)} is a Git LFS pointer, not a manifest; keep manifests out of LFS (see .gitattributes)`,
    );
  }
  return { path, blob: oid, bytes: new Uint8Array(bytes) };
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
