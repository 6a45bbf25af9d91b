import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Git, GitCredentials, GitEntry, GitFile, GitSource, History, Resolved } from "../../ports/git.ts";
import { InstallationTokens } from "./appTokens.ts";
import { isAncestor } from "./commit.ts";
import { Flights } from "./flights.ts";
import { historySince, rawObject } from "./history.ts";
import { type HostPolicy, Hosts } from "./hosts.ts";
import { Polls } from "./polls.ts";
import { Reading } from "./reading.ts";
import { type Pointed, Repository, type RepositoryOptions } from "./repository.ts";
import type { TreeLimits } from "./tree.ts";
import { parsePath, parseRef, parseRemote, parseSha, type Remote } from "./validate.ts";

/** Where the store lives and what it may cost. */
export interface GitStoreOptions {
  /** Directory of the bare repositories; it belongs to this process alone. */
  readonly cacheRoot: string;
  /** Directory of short-lived credential files; memory-backed if the platform has it. */
  readonly tempRoot?: string;
  /** Protocols of remotes: https and ssh unless a test says otherwise. */
  readonly protocols?: readonly string[];
  /** Which hosts may be asked; any whose address is public or of a private network unless set. */
  readonly hosts?: HostPolicy;
  /** The environment of git processes beside the fixed part: PATH, HTTPS_PROXY, NO_PROXY. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: Partial<TreeLimits>;
  /** Most bytes of one repository on disk; 4 GiB unless set. */
  readonly repositoryBytes?: number;
  /** Most objects of one repository; 5 million unless set. */
  readonly repositoryObjects?: number;
  /** Most bytes of memory that one git process may map; 1 GiB unless set. */
  readonly processBytes?: number;
  /** So many packs are merged into one; 16 unless set. */
  readonly packs?: number;
  /** Least time between two questions of one ref to its remote, in milliseconds; 300 unless set. */
  readonly askDistanceMs?: number;
  /** A repository that nobody asked for this long is removed when the store next opens one; a day unless set. */
  readonly unusedMs?: number;
}

const day = 24 * 60 * 60 * 1000;
/** So many answers about histories are remembered. */
const rememberedDescents = 1_000;
const defaults: TreeLimits = { fileBytes: 4 * 1024 * 1024, totalBytes: 64 * 1024 * 1024, files: 20_000 };

/** Opens the store of repositories that all syncs share. */
export function createGit(options: GitStoreOptions): Git {
  return new GitStore(options);
}

class GitStore implements Git {
  readonly #root: string;
  readonly #unusedMs: number;
  readonly #limits: TreeLimits;
  readonly #options: RepositoryOptions;
  readonly #polls: Polls<Pointed>;
  readonly #flights = new Flights();
  /** Which commits are known to stand on which. */
  readonly #descents = new Set<string>();
  readonly #repositories = new Map<string, { readonly repository: Repository; usedAt: number }>();

  constructor(options: GitStoreOptions) {
    this.#root = resolve(options.cacheRoot);
    this.#unusedMs = options.unusedMs ?? day;
    this.#polls = new Polls(options.askDistanceMs ?? 300);
    this.#limits = { ...defaults, ...options.limits };
    const environment = options.environment ?? {};
    const hosts = new Hosts(options.hosts ?? { addresses: "private" });
    this.#options = {
      tempRoot: resolve(options.tempRoot ?? tmpdir()),
      protocols: options.protocols ?? ["https", "ssh"],
      environment,
      hosts,
      tokens: new InstallationTokens({ hosts, environment }),
      repositoryBytes: options.repositoryBytes ?? 4 * 1024 ** 3,
      repositoryObjects: options.repositoryObjects ?? 5_000_000,
      processBytes: options.processBytes ?? 1024 ** 3,
      packs: options.packs ?? 16,
    };
  }

  async resolve(source: GitSource, signal: AbortSignal, since = Date.now()): Promise<Resolved> {
    const wanted = parseRef(source.ref);
    const [name, repository] = await this.#repository(source);
    const { value, askedAt } = await this.#polls.ask(`${name} ${wanted.local}`, since, signal, (shared, begin) =>
      repository.resolve(wanted, source, shared, begin),
    );
    return { ...value, askedAt };
  }

  async descends(source: GitSource, newer: string, older: string, signal: AbortSignal): Promise<boolean> {
    const [a, b] = [parseSha(older), parseSha(newer)];
    const [name, repository] = await this.#repository(source);
    const question = `${name} ${a} ${b}`;
    // Every sync of a repository asks the same after a push. What is history stays so; what is none may only not be here yet.
    if (this.#descents.has(question)) return true;
    const isBelow = await this.#flights.share(question, signal, (shared) =>
      repository.using(b, source, shared, (local) => isAncestor(local, a, b)),
    );
    if (this.#descents.size >= rememberedDescents) this.#descents.clear();
    if (isBelow) this.#descents.add(question);
    return isBelow;
  }

  async since(source: GitSource, sha: string, trusted: readonly string[], signal: AbortSignal): Promise<History> {
    const [head, known] = [parseSha(sha), trusted.map(parseSha)];
    const [, repository] = await this.#repository(source);
    return repository.using(head, source, signal, (local) => historySince(local, head, known));
  }

  async tag(source: GitSource, sha: string, tag: string, signal: AbortSignal): Promise<Uint8Array> {
    const [commit, oid] = [parseSha(sha), parseSha(tag)];
    const [, repository] = await this.#repository(source);
    return repository.using(commit, source, signal, (local) => rawObject(local, oid));
  }

  async look(
    source: GitSource,
    sha: string,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, GitEntry>> {
    const commit = parseSha(sha);
    const inside = paths.map((path) => [path, parsePath(path)] as const);
    const plain = inside.map(([, path]) => path);
    const found = await this.#reading(signal).look(source, commit, plain);
    return new Map(
      inside.flatMap(([path, at]) => {
        const entry = found.get(at);
        return entry === undefined ? [] : [[path, entry] as const];
      }),
    );
  }

  async read(
    source: GitSource,
    sha: string,
    paths: readonly string[],
    wants: (path: string) => boolean,
    signal: AbortSignal,
  ): Promise<readonly GitFile[]> {
    return this.#reading(signal).read(source, parseSha(sha), paths.map(parsePath), wants);
  }

  #reading(signal: AbortSignal): Reading {
    const open = async (source: GitSource) => (await this.#repository(source))[1];
    return new Reading({ ...this.#options, limits: this.#limits, open }, signal);
  }

  async #repository(source: GitSource): Promise<readonly [string, Repository]> {
    const remote = parseRemote(source.url, this.#options.protocols);
    if (remote.protocol !== "file") this.#options.hosts.check(remote);
    const name = nameOf(remote, source.credentials);
    const held = this.#repositories.get(name);
    if (held !== undefined) {
      held.usedAt = Date.now();
      return [name, held.repository];
    }
    const repository = new Repository(join(this.#root, name), remote, this.#options);
    this.#repositories.set(name, { repository, usedAt: Date.now() });
    await this.#removeUnused();
    return [name, repository];
  }

  /** A changed credential or URL leaves its repository behind: without this the disk would fill over the months. */
  async #removeUnused(): Promise<void> {
    const oldest = Date.now() - this.#unusedMs;
    for (const [name, { usedAt }] of this.#repositories) if (usedAt < oldest) this.#repositories.delete(name);
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#root)) {
      if (!/^[0-9a-f]{64}$/.test(name) || this.#repositories.has(name)) continue;
      const dir = join(this.#root, name);
      const used = await stat(dir).catch(() => undefined);
      if (used !== undefined && used.mtimeMs < oldest) await rm(dir, { recursive: true, force: true });
    }
  }
}

/**
 * The directory of a repository. The credential is part of it, so nobody reads through the cache what a remote would refuse;
 * it never stands there in clear.
 */
function nameOf(remote: Remote, credentials: GitCredentials): string {
  const members = Object.entries(credentials)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([remote.url, members]))
    .digest("hex");
}
