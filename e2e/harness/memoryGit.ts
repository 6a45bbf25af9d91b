import { createHash } from "node:crypto";
import type { Git } from "../../src/ports/git.ts";
import { memoryTree } from "../../src/testing/memoryTree.ts";

/** A repository in memory of one branch, without signatures and history. */
export class MemoryGit implements Git {
  #files: Readonly<Record<string, string>>;
  #commits = 1;

  /** Its first commit, as files by their paths. */
  constructor(files: Readonly<Record<string, string>>) {
    this.#files = files;
  }

  get sha(): string {
    return createHash("sha1").update(`${this.#commits}`).digest("hex");
  }

  push(files: Readonly<Record<string, string>>): void {
    this.#files = files;
    this.#commits += 1;
  }

  resolve: Git["resolve"] = async () => ({
    sha: this.sha,
    subject: `Commit ${this.#commits}`,
    author: "Tests <tests@example.com>",
    trailers: {},
    forced: false,
    askedAt: Date.now(),
  });
  descends: Git["descends"] = async () => true;
  since: Git["since"] = () => Promise.reject(new Error("there is no history"));
  tag: Git["tag"] = () => Promise.reject(new Error("there is no tag"));
  look: Git["look"] = async (_source, _sha, paths, signal) => memoryTree(this.#files).look(paths, signal);
  read: Git["read"] = async (_source, _sha, paths, wants, signal) => memoryTree(this.#files).read(paths, wants, signal);
}
