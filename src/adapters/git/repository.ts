import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";
import { type Commit, GitError, type GitSource } from "../../ports/git.ts";
import { openAccess, secretsOf } from "./access.ts";
import { ask, isAncestor, type Local, localCommit, readCommit } from "./commit.ts";
import { type About, classify } from "./errors.ts";
import { Turnstile } from "./flights.ts";
import { endProcesses } from "./orphans.ts";
import { parseRefs } from "./refs.ts";
import { gitEnvironment } from "./settings.ts";
import type { Remote, Wanted } from "./validate.ts";

/** What all repositories of a store share. */
export interface RepositoryOptions {
  readonly tempRoot: string;
  readonly protocols: readonly string[];
  /** Handed to every git process, such as PATH and HTTPS_PROXY. */
  readonly environment: Readonly<Record<string, string>>;
  /** A repository may not grow beyond this on disk. */
  readonly repositoryBytes: number;
  /** So many packs are merged. */
  readonly packs: number;
}

const broken =
  /corrupt|bad object|bad tree|bad ref|unable to read|cannot be read|missing (blob|tree|commit)|loose object|not a git repository|inflate|cannot lock ref|gave no content/i;
const config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

/** One bare repository on disk. What talks to its remote or writes to it passes one at a time; reading does not wait. */
export class Repository {
  readonly #dir: string;
  readonly #remote: Remote;
  readonly #options: RepositoryOptions;
  readonly #turn = new Turnstile();
  readonly #known = new Map<string, Commit>();
  #ready: Promise<void> | undefined;

  constructor(dir: string, remote: Remote, options: RepositoryOptions) {
    this.#dir = dir;
    this.#remote = remote;
    this.#options = options;
  }

  /** How local commands reach this repository. */
  async #local(timeoutMs: number, signal: AbortSignal): Promise<Local> {
    this.#ready ??= this.#open();
    try {
      await this.#ready;
    } catch (error) {
      this.#ready = undefined;
      throw new GitError("GitFailed", `the Git store cannot be opened (${String(error)}); check the cache volume`);
    }
    return { env: this.#env(join(this.#dir, "home")), timeoutMs, signal };
  }

  /** Brings a reference up to date and returns its commit. */
  resolve(wanted: Wanted, source: GitSource, signal: AbortSignal): Promise<Commit> {
    return this.#turn.pass(() => this.#mending(() => this.#resolve(wanted, source, signal)));
  }

  /** Reads from a commit that is made sure to be present: after a restart with an empty cache it is fetched by its hash. */
  async using<T>(sha: string, source: GitSource, signal: AbortSignal, read: (local: Local) => Promise<T>): Promise<T> {
    return this.#mending(async () => {
      const local = await this.#local(source.timeoutMs, signal);
      if ((await localCommit(local, sha)) === undefined) await this.#turn.pass(() => this.#have(sha, source, local));
      return read(local);
    });
  }

  async #resolve(wanted: Wanted, source: GitSource, signal: AbortSignal): Promise<Commit> {
    signal.throwIfAborted();
    const local = await this.#local(source.timeoutMs, signal);
    if (wanted.kind === "Commit") {
      await this.#have(wanted.sha, source, local);
      return this.#read(local, wanted.sha, undefined);
    }
    const listed = await this.#call(source, signal, title(wanted), (git) =>
      git.listRemote(["--symref", this.#remote.url, "HEAD", wanted.remote, `${wanted.remote}^{}`]),
    );
    const { sha, fallback } = parseRefs(listed, wanted.remote);
    if (sha === undefined) throw refMissing(wanted, this.#remote, fallback);
    const before = await localCommit(local, wanted.local);
    if (before !== sha) await this.#move(wanted, before, source, local);
    const now = before === sha ? sha : await localCommit(local, wanted.local);
    if (now === undefined) {
      throw new GitError("RefNotFound", `${title(wanted)} does not stand for a commit; name one that does`);
    }
    return this.#read(local, now, await localCommit(local, wanted.previous));
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

  async #move(
    wanted: Exclude<Wanted, { kind: "Commit" }>,
    before: string | undefined,
    source: GitSource,
    local: Local,
  ): Promise<void> {
    // Remembered on disk, so that every sync that looks later is told of the rewritten branch as well.
    if (before !== undefined) await ask(local, ["update-ref", wanted.previous, before]);
    await this.#fetch(`+${wanted.remote}:${wanted.local}`, source, local, title(wanted));
  }

  async #fetch(spec: string, source: GitSource, local: Local, what: string): Promise<void> {
    const flags = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"];
    const bounded = new AbortController();
    const watch = setInterval(() => {
      void this.#size().then(({ bytes }) => {
        if (bytes > this.#options.repositoryBytes) bounded.abort(tooLarge(this.#remote, this.#options.repositoryBytes));
      });
    }, 250);
    try {
      await this.#call(source, AbortSignal.any([local.signal, bounded.signal]), what, (git) =>
        git.raw(["fetch", ...flags, this.#remote.url, spec]),
      );
    } catch (error) {
      await this.#sweep();
      throw error;
    } finally {
      clearInterval(watch);
    }
    const { bytes, packs } = await this.#size();
    if (bytes > this.#options.repositoryBytes) {
      await this.#discard();
      throw tooLarge(this.#remote, this.#options.repositoryBytes);
    }
    if (packs >= this.#options.packs) {
      const merge = ["repack", "--geometric=2", "-d", "-q", "--no-write-bitmap-index"];
      await ask(local, merge);
    }
  }

  /** One call to the remote through simple-git, with the credentials in place for just as long. */
  async #call<T>(
    source: GitSource,
    outer: AbortSignal,
    ref: string,
    use: (git: SimpleGit) => PromiseLike<T>,
  ): Promise<T> {
    const { protocols, tempRoot } = this.#options;
    const { credentials, timeoutMs } = source;
    const about: About = { host: this.#remote.host, url: this.#remote.url, ref, secrets: secretsOf(credentials) };
    await using access = await openAccess(tempRoot, this.#remote, credentials, { protocols, timeoutMs });
    const late = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([outer, late]);
    signal.throwIfAborted();
    const env = this.#env(access.home);
    const git = simpleGit({
      baseDir: this.#dir,
      abort: signal,
      config: [`include.path=${access.config}`],
      unsafe: { allowUnsafeInclude: true },
      allowEnvironment: Object.keys(env).filter((name) => name.startsWith("GIT_")),
      // Exit and close both: a short grace after the exit would cut the output of a busy machine.
      completion: { onClose: true, onExit: 5_000 },
      // Without this a git that is killed and says nothing would count as an empty answer.
      errors: (error, { exitCode, stdErr }) =>
        error ??
        (exitCode === 0 ? undefined : Buffer.from(stdErr.length > 0 ? Buffer.concat(stdErr) : "git was ended")),
    }).env(env);
    // git leaves its helpers behind when it is ended, and they hold its pipes: end them too, and wait for none.
    const ended = Promise.withResolvers<never>();
    const end = (): void => {
      endProcesses(access.home);
      ended.reject(signal.reason);
    };
    signal.addEventListener("abort", end, { once: true });
    try {
      return await Promise.race([use(git), ended.promise]);
    } catch (error) {
      if (late.aborted && !outer.aborted) {
        throw new GitError(
          "Timeout",
          `${about.host} did not answer within ${timeoutMs} ms; try again, or set a larger timeout`,
        );
      }
      outer.throwIfAborted();
      throw error instanceof GitError ? error : classify(error instanceof Error ? error.message : String(error), about);
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  async #read(local: Local, sha: string, previous: string | undefined): Promise<Commit> {
    const key = `${sha} ${previous ?? ""}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const forced = previous !== undefined && !(await isAncestor(local, previous, sha));
    const commit: Commit = { ...(await readCommit(local, sha)), forced };
    if (this.#known.size > 100) this.#known.clear();
    this.#known.set(key, commit);
    return commit;
  }

  #env(home: string): Readonly<Record<string, string>> {
    return gitEnvironment(this.#dir, home, this.#options.protocols, this.#options.environment);
  }

  /** Creates the repository, or takes over one that an earlier process left, with our config in place of any other. */
  async #open(): Promise<void> {
    for (const dir of ["home", "refs", "objects/pack", "objects/info"]) {
      await mkdir(join(this.#dir, dir), { recursive: true, mode: 0o700 });
    }
    await rm(join(this.#dir, "hooks"), { recursive: true, force: true });
    await rm(join(this.#dir, "objects/info/alternates"), { force: true });
    await replaceFile(join(this.#dir, "config"), config);
    await replaceFile(join(this.#dir, "HEAD"), "ref: refs/heads/none\n");
    await this.#sweep();
  }

  /** Removes what a killed git leaves behind: locks that would block the next call, and parts of packs. */
  async #sweep(): Promise<void> {
    const left = (await readdir(this.#dir, { recursive: true })).filter((name) => /(\.lock|\/tmp_[^/]*)$/.test(name));
    for (const name of left) await rm(join(this.#dir, name), { force: true, recursive: true });
    await utimes(this.#dir, new Date(), new Date());
  }

  async #discard(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
    this.#known.clear();
    this.#ready = undefined;
  }

  async #size(): Promise<{ readonly bytes: number; readonly packs: number }> {
    const pack = join(this.#dir, "objects/pack");
    const names = await readdir(pack).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(pack, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return {
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      packs: names.filter((n) => n.endsWith(".pack")).length,
    };
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const part = `${path}.${randomUUID()}`;
  await writeFile(part, text, { mode: 0o600 });
  await rename(part, path);
}

function title(wanted: Wanted): string {
  return wanted.kind === "Commit" ? `commit ${wanted.sha}` : `${wanted.kind.toLowerCase()} "${wanted.name}"`;
}

function refMissing(wanted: Wanted, { url }: Remote, fallback: string | undefined): GitError {
  const hint = fallback === undefined ? "the repository has no commit yet" : `its default branch is "${fallback}"`;
  return new GitError("RefNotFound", `${title(wanted)} does not exist in ${url}; ${hint}`);
}

function tooLarge({ url }: Remote, bytes: number): GitError {
  return new GitError(
    "TooLarge",
    `${url} needs more than ${bytes} bytes on disk; use a smaller repository for manifests`,
  );
}
