import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SimpleGit } from "simple-git";
import { type Commit, GitError, type GitSource, type Resolved } from "../../ports/git.ts";
import { ask, type Local, localCommit, localObject, readCommit } from "./commit.ts";
import { openOnDisk, type Size, sizeOf, sweep, touch } from "./disk.ts";
import { Turnstile } from "./flights.ts";
import { GitObjects } from "./objects.ts";
import { defaultBranch, highestTag, objectOf, question } from "./refs.ts";
import { callRemote, type Surroundings } from "./remote.ts";
import { gitEnvironment } from "./settings.ts";
import { type Named, type Remote, tagNamed, type Wanted } from "./validate.ts";

/** What all repositories of a store share. */
export interface RepositoryOptions extends Surroundings {
  /** A repository may not grow beyond this on disk. */
  readonly repositoryBytes: number;
  /** Nor have more objects than these. */
  readonly repositoryObjects: number;
  /** So many packs are merged. */
  readonly packs: number;
}

/** What a reference stands for. */
export type Pointed = Omit<Resolved, "askedAt">;

const broken =
  /corrupt|bad object|bad tree|bad ref|unable to read|cannot be read|missing (blob|tree|commit)|loose object|not a git repository|inflate|cannot lock ref|gave no content/i;

/** One bare repository on disk. What talks to its remote or writes to it passes one at a time; reading does not wait. */
export class Repository {
  readonly #dir: string;
  readonly #remote: Remote;
  readonly #options: RepositoryOptions;
  readonly #turn = new Turnstile();
  readonly #commits = new Map<string, Commit>();
  /** What the local references stand for, so that at rest the remote is the only one that is asked. */
  readonly #heads = new Map<string, Head>();
  readonly #objects: GitObjects;
  #ready: Promise<void> | undefined;

  constructor(dir: string, remote: Remote, options: RepositoryOptions) {
    this.#dir = dir;
    this.#remote = remote;
    this.#options = options;
    this.#objects = new GitObjects(this.#env(join(dir, "home")));
  }

  /** How local commands reach this repository. */
  async #local(timeoutMs: number, signal: AbortSignal): Promise<Local> {
    this.#ready ??= openOnDisk(this.#dir);
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw new GitError("GitFailed", `the Git store cannot be opened (${String(error)}); check the cache volume`);
    }
    return { env: this.#env(join(this.#dir, "home")), timeoutMs, signal, objects: this.#objects };
  }

  /** Brings a reference up to date and returns its commit. `begin` is called when its turn has come. */
  resolve(wanted: Wanted, source: GitSource, signal: AbortSignal, begin: () => void): Promise<Pointed> {
    return this.#turn.pass(() => {
      begin();
      return this.#mending(() => this.#resolve(wanted, source, signal));
    });
  }

  /** Reads from a commit that is made sure to be present: after a restart with an empty cache it is fetched by its hash. */
  async using<T>(sha: string, source: GitSource, signal: AbortSignal, read: (local: Local) => Promise<T>): Promise<T> {
    return this.#mending(async () => {
      const local = await this.#local(source.timeoutMs, signal);
      const present = await this.#objects.root(sha, local);
      if (present === undefined) await this.#turn.pass(() => this.#have(sha, source, local));
      return read(local);
    });
  }

  async #resolve(wanted: Wanted, source: GitSource, signal: AbortSignal): Promise<Pointed> {
    signal.throwIfAborted();
    const local = await this.#local(source.timeoutMs, signal);
    await touch(this.#dir);
    if (wanted.kind === "Commit") {
      await this.#have(wanted.sha, source, local);
      return this.#read(local, wanted.sha);
    }
    const [named, object] = await this.#listed(wanted, source, signal);
    let head = this.#heads.get(named.local) ?? (await headOf(local, named));
    // By the tag object, not its commit: a tag that was signed anew names the same commit.
    if (head.object !== object) {
      await this.#fetch(`+${named.remote}:${named.local}`, source, local, title(named));
      head = await headOf(local, named);
    }
    if (head.sha === undefined) {
      throw new GitError("RefNotFound", `${title(named)} does not stand for a commit; name one that does`);
    }
    this.#heads.set(named.local, head);
    const tag = head.object === undefined || head.object === head.sha ? {} : { tag: head.object };
    return { ...(await this.#read(local, head.sha)), ref: named.remote, ...tag };
  }

  /** Asks the remote, once, which reference is meant and what object it names. */
  async #listed(
    wanted: Exclude<Wanted, { readonly kind: "Commit" }>,
    source: GitSource,
    signal: AbortSignal,
  ): Promise<readonly [Named, string]> {
    const { url } = this.#remote;
    const list = (args: readonly string[]) =>
      this.#call(source, signal, title(wanted), (git) => git.listRemote([...args]));
    if (wanted.kind === "Semver") {
      const tag = highestTag(await list(["--tags", url]), wanted.range);
      if (tag !== undefined) return [tagNamed(tag.name), tag.object];
      throw new GitError("RefNotFound", `no tag of ${url} is a version in ${title(wanted)}; push one, such as v1.2.3`);
    }
    const object = objectOf(await list(question(wanted, url)), wanted.remote);
    if (object !== undefined) return [wanted, object];
    throw refMissing(wanted, this.#remote, defaultBranch(await list(["--symref", url, "HEAD"])));
  }

  /** A node that dies can leave a store with holes: it is thrown away, and the next try fetches anew. */
  async #mending<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof GitError && error.reason === "GitFailed" && broken.test(error.message))
        await this.#discard();
      throw error;
    }
  }

  async #have(sha: string, source: GitSource, local: Local): Promise<void> {
    if ((await localCommit(local, sha)) !== undefined) return;
    await this.#fetch(`+${sha}:refs/fairlead/commits/${sha}`, source, local, `commit ${sha}`);
    if ((await localCommit(local, sha)) === undefined) {
      throw new GitError("RefNotFound", `${sha} is no commit of ${this.#remote.url}; name a commit, not a tag or tree`);
    }
  }

  async #fetch(spec: string, source: GitSource, local: Local, what: string): Promise<void> {
    const flags = ["--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"];
    const bounded = new AbortController();
    const watch = setInterval(() => {
      void sizeOf(this.#dir).then((size) => {
        const problem = this.#problemOf(size);
        if (problem !== undefined) bounded.abort(problem);
      });
    }, 250);
    try {
      await this.#call(source, AbortSignal.any([local.signal, bounded.signal]), what, (git) =>
        git.raw(["fetch", ...flags, this.#remote.url, spec]),
      );
    } catch (error) {
      // What is too large is thrown away, whoever sees it first.
      if (bounded.signal.aborted) await this.#discard();
      else await sweep(this.#dir);
      throw error;
    } finally {
      clearInterval(watch);
    }
    const size = await sizeOf(this.#dir);
    const problem = this.#problemOf(size);
    if (problem !== undefined) {
      await this.#discard();
      throw problem;
    }
    if (size.packs >= this.#options.packs) {
      const merge = ["repack", "--geometric=2", "-d", "-q", "--no-write-bitmap-index"];
      await ask(local, merge);
    }
  }

  async #read(local: Local, sha: string): Promise<Commit> {
    const known = this.#commits.get(sha);
    if (known !== undefined) return known;
    const commit = await readCommit(local, sha);
    if (this.#commits.size > 100) this.#commits.clear();
    this.#commits.set(sha, commit);
    return commit;
  }

  #call<T>(source: GitSource, signal: AbortSignal, ref: string, use: (git: SimpleGit) => PromiseLike<T>): Promise<T> {
    return callRemote({ dir: this.#dir, remote: this.#remote, source, ref, signal }, this.#options, use);
  }

  #env(home: string): Readonly<Record<string, string>> {
    return gitEnvironment(this.#dir, home, this.#options.protocols, this.#options.environment);
  }

  #problemOf({ bytes, objects }: Size): GitError | undefined {
    const { repositoryBytes, repositoryObjects } = this.#options;
    const over = bytes > repositoryBytes ? `${repositoryBytes} bytes on disk` : `${repositoryObjects} objects`;
    if (bytes <= repositoryBytes && objects <= repositoryObjects) return undefined;
    return new GitError(
      "TooLarge",
      `${this.#remote.url} has more than ${over}; use a smaller repository for manifests`,
    );
  }

  async #discard(): Promise<void> {
    this.#objects.close();
    await rm(this.#dir, { recursive: true, force: true });
    this.#commits.clear();
    this.#heads.clear();
    this.#ready = undefined;
  }
}

interface Head {
  readonly sha: string | undefined;
  readonly object: string | undefined;
}

async function headOf(local: Local, wanted: Named): Promise<Head> {
  return { sha: await localCommit(local, wanted.local), object: await localObject(local, wanted.local) };
}

function title(wanted: Wanted): string {
  return wanted.kind === "Commit" ? `commit ${wanted.sha}` : `${wanted.kind.toLowerCase()} "${wanted.name}"`;
}

function refMissing(wanted: Wanted, { url }: Remote, fallback: string | undefined): GitError {
  const hint = fallback === undefined ? "the repository has no commit yet" : `its default branch is "${fallback}"`;
  return new GitError("RefNotFound", `${title(wanted)} does not exist in ${url}; ${hint}`);
}
