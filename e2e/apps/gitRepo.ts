import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { type Env, git } from "./git.ts";

const AUTHOR: Env = {
  GIT_AUTHOR_NAME: "Fairlead tests",
  GIT_AUTHOR_EMAIL: "tests@example.com",
  GIT_COMMITTER_NAME: "Fairlead tests",
  GIT_COMMITTER_EMAIL: "tests@example.com",
};

/** How to make or take a working copy. */
export interface WorkingCopyOptions {
  /** An empty or absent directory; its owner removes it. */
  readonly directory: string;
  /** Where to push to, or to clone from. */
  readonly remote?: string;
  /** What git needs to reach the remote: `clientEnv` of the Git server. */
  readonly env?: Env;
}

/** What to push. */
export interface PushOptions {
  /** A branch or tag; the current branch when absent. */
  readonly ref?: string;
  /** Overwrites what the remote has. */
  readonly force?: boolean;
}

/** A developer's working copy: tests and the demo act on Git through it, always as the same author. */
export class WorkingCopy {
  readonly directory: string;
  readonly #env: Env;

  private constructor(directory: string, env: Env) {
    this.directory = directory;
    this.#env = { ...env, ...AUTHOR };
  }

  /** Begins a new repository on the branch `main`. */
  static async init({ directory, remote, env = {} }: WorkingCopyOptions): Promise<WorkingCopy> {
    await mkdir(directory, { recursive: true });
    const copy = new WorkingCopy(directory, env);
    await copy.git("init", "--quiet", "--initial-branch=main");
    if (remote !== undefined) await copy.git("remote", "add", "origin", remote);
    return copy;
  }

  /** Clones a remote. */
  static async clone(options: WorkingCopyOptions & { readonly remote: string }): Promise<WorkingCopy> {
    const { directory, remote, env = {} } = options;
    await git(["clone", "--quiet", "--", remote, directory], { env });
    return new WorkingCopy(directory, env);
  }

  /** Runs any git command here. */
  git(...args: readonly string[]): Promise<string> {
    return git(args, { cwd: this.directory, env: this.#env });
  }

  /** Writes files by their path in the repository; `undefined` removes one. */
  async write(files: Readonly<Record<string, string | undefined>>): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const inside = normalize(path);
      if (isAbsolute(inside) || inside.startsWith("..")) throw new Error(`${path} is not inside the working copy`);
      const file = join(this.directory, inside);
      if (content === undefined) {
        await rm(file, { recursive: true, force: true });
      } else {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
    }
  }

  /** Commits everything that changed, and gives the commit's id; a commit without a change is an error unless asked for. */
  async commit(message: string, options: { readonly allowEmpty?: boolean } = {}): Promise<string> {
    await this.git("add", "--all");
    const empty = options.allowEmpty ? ["--allow-empty"] : [];
    await this.git("commit", "--quiet", ...empty, "--message", message);
    return this.head();
  }

  /** Writes files, commits and pushes: what a developer does to change the cluster. Gives the commit's id. */
  async change(message: string, files: Readonly<Record<string, string | undefined>>): Promise<string> {
    await this.write(files);
    const sha = await this.commit(message);
    await this.push();
    return sha;
  }

  /** Reverts a commit by a new one, and gives the new one's id. */
  async revert(sha: string): Promise<string> {
    await this.git("revert", "--no-edit", sha);
    return this.head();
  }

  /** The id of the current commit. */
  head(): Promise<string> {
    return this.git("rev-parse", "HEAD");
  }

  /** Goes to a branch, which begins at the current commit if there is none of that name. */
  async branch(name: string): Promise<void> {
    const exists = await this.git("branch", "--list", name);
    await this.git("switch", "--quiet", ...(exists === "" ? ["--create"] : []), name);
  }

  /** Names the current commit; `annotated` makes a tag object, whose id is not the commit's. */
  async tag(name: string, options: { readonly annotated?: boolean; readonly force?: boolean } = {}): Promise<void> {
    const flags = [
      ...(options.annotated ? ["--annotate", "--message", name] : []),
      ...(options.force ? ["--force"] : []),
    ];
    await this.git("tag", ...flags, name);
  }

  /** Moves the current branch to a commit and drops what came after: history rewritten, to be pushed by force. */
  async rewind(sha: string): Promise<void> {
    await this.git("reset", "--quiet", "--hard", sha);
  }

  /** Pushes a branch or tag to the remote. */
  async push({ ref = "HEAD", force = false }: PushOptions = {}): Promise<void> {
    await this.git("push", "--quiet", ...(force ? ["--force"] : []), "origin", ref);
  }
}
