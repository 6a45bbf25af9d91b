import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One entry of a commit: text of a file, or a link, or a submodule. */
export type TreeEntry = string | { readonly link: string } | { readonly submodule: string };

/** A bare repository that a test writes to without a work tree. */
export interface TestRepository {
  readonly dir: string;
  /** Commits a whole tree to a branch and returns the hash; `onto: "none"` starts a new history. */
  commit(files: Readonly<Record<string, TreeEntry>>, options?: CommitOptions): string;
  /** Runs any git command in the repository. */
  git(args: readonly string[], input?: string): string;
}

/** How to commit. */
export interface CommitOptions {
  readonly branch?: string;
  readonly message?: string;
  readonly onto?: "branch" | "none";
}

/** Creates an empty bare repository. */
export function createRepository(root: string, name: string): TestRepository {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  const person = { NAME: "Ada", EMAIL: "ada@example.com", DATE: "2026-01-02T03:04:05Z" };
  const env = Object.fromEntries(
    Object.entries(person).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  );
  const git = (args: readonly string[], input = ""): string =>
    execFileSync("git", [...args], {
      cwd: dir,
      input,
      encoding: "utf8",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", ...env },
    }).trim();
  for (const name of ["refs/heads", "objects/pack"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
  writeFileSync(join(dir, "HEAD"), "ref: refs/heads/main\n");
  const heads = new Map<string, string>();
  return {
    dir,
    git,
    commit(files, { branch = "main", message = "change", onto = "branch" } = {}) {
      const ref = `refs/heads/${branch}`;
      const parent = onto === "none" ? undefined : heads.get(ref);
      const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
      const entries = Object.entries(files).map(([path, entry]) => {
        const name = JSON.stringify(path);
        if (typeof entry === "string") return `M 100644 inline ${name}\n${data(entry)}`;
        if ("link" in entry) return `M 120000 inline ${name}\n${data(entry.link)}`;
        return `M 160000 ${entry.submodule} ${name}\n`;
      });
      const from = parent === undefined ? "" : `from ${parent}\n`;
      const who = "committer Ada <ada@example.com> 1767323045 +0000\n";
      const stream = `commit ${ref}\nmark :1\n${who}${data(message)}${from}deleteall\n${entries.join("")}get-mark :1\n`;
      const sha = git(["fast-import", "--quiet", "--force"], stream);
      heads.set(ref, sha);
      return sha;
    },
  };
}
