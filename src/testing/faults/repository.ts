import { createHash } from "node:crypto";
import type { Manifest } from "../../api/objects.ts";
import type { Rendered } from "../../api/rendered.ts";
import { type Git, GitError, type GitSource, type Resolved } from "../../ports/git.ts";
import type { Renderer, RenderResult } from "../../ports/render.ts";

/** What a commit has at one sync's path: objects by their key, or files that nothing can be made of. */
export type Content = Readonly<Record<string, Manifest>> | "Broken" | "Fails";

/** A commit of the story. */
export interface StoryCommit {
  readonly sha: string;
  readonly paths: Readonly<Record<string, Content>>;
  readonly confirmed: boolean;
  /** All commits that it stands on. */
  readonly history: readonly string[];
}

/** A repository in memory with one branch. Its files are objects already: rendering is looking them up. */
export class StoryRepository implements Git, Renderer {
  readonly #commits = new Map<string, StoryCommit>();
  readonly #seen = new Map<string, StoryCommit>();
  readonly #fetched = new Map<string, StoryCommit>();
  readonly #now: () => number;
  readonly #onRender: (path: string, result: RenderResult) => void;
  #history: StoryCommit[] = [];
  #count = 0;
  /** Nobody answers. */
  down = false;

  /** `now` is in epoch milliseconds; `onRender` hears of every rendering. */
  constructor(now: () => number, onRender: (path: string, result: RenderResult) => void) {
    this.#now = now;
    this.#onRender = onRender;
  }

  get head(): StoryCommit | undefined {
    return this.#history.at(-1);
  }

  get history(): readonly StoryCommit[] {
    return this.#history;
  }

  /** The commit that was looked at last for a path. */
  seenBy(path: string): StoryCommit | undefined {
    return this.#seen.get(path);
  }

  /** Pushes a commit; `onto` rewrites history: so many commits of it go first. */
  push(
    paths: StoryCommit["paths"],
    options: { readonly confirmed?: boolean; readonly onto?: number } = {},
  ): StoryCommit {
    const sha = createHash("sha1")
      .update(String(++this.#count))
      .digest("hex");
    const kept = this.#history.slice(0, Math.max(0, this.#history.length - (options.onto ?? 0)));
    const commit = { sha, paths, confirmed: options.confirmed ?? false, history: kept.map((one) => one.sha) };
    this.#commits.set(sha, commit);
    this.#history = [...kept, commit];
    return commit;
  }

  async resolve(source: GitSource): Promise<Resolved> {
    await Promise.resolve();
    // A commit that was fetched once is in the store, whoever is down.
    const named = source.ref.commit;
    const commit = named === undefined ? this.head : this.#fetched.get(named);
    if (commit === undefined || (named === undefined && this.down)) {
      throw new GitError("HostUnreachable", "the Git host does not answer");
    }
    this.#fetched.set(commit.sha, commit);
    const trailers = commit.confirmed ? { "fairlead-prune": ["confirm"] } : {};
    const ref = named === undefined ? { ref: "refs/heads/main" } : {};
    return { sha: commit.sha, subject: "a story", author: "Ann", trailers, ...ref, askedAt: this.#now() };
  }

  async descends(_source: unknown, newer: string, older: string): Promise<boolean> {
    await Promise.resolve();
    return newer === older || this.#commits.get(newer)?.history.includes(older) === true;
  }

  since(): Promise<never> {
    return Promise.reject(new Error("no story has signatures"));
  }

  tag(): Promise<never> {
    return Promise.reject(new Error("no story has tags"));
  }

  async look(_source: unknown, sha: string, paths: readonly string[]) {
    await Promise.resolve();
    const commit = this.#commits.get(sha);
    for (const path of paths) if (commit !== undefined) this.#seen.set(path, commit);
    return new Map(paths.map((path) => [path, { kind: "Directory" as const, hash: this.#hashOf(sha, path) }]));
  }

  async read(_source: unknown, sha: string, paths: readonly string[]) {
    await Promise.resolve();
    const bytes = new TextEncoder().encode(sha);
    return paths.map((path) => ({ path: `${path}/commit`, blob: this.#hashOf(sha, path), bytes }));
  }

  async render({ tree, path }: Parameters<Renderer["render"]>[0], signal: AbortSignal): Promise<RenderResult> {
    const [file] = await tree.read([path], () => true, signal);
    const sha = new TextDecoder().decode(file?.bytes);
    const content = this.#commits.get(sha)?.paths[path] ?? {};
    if (content === "Fails") throw new Error("the renderer was killed");
    const position = { file: `${path}/all.yaml`, line: 1, column: 1 };
    const result: RenderResult =
      content === "Broken"
        ? { kind: "Broken", problems: [{ reason: "InvalidYAML" as const, position, message: "no YAML" }] }
        : { kind: "Rendered", objects: Object.values(content).map((object): Rendered => ({ object, position })) };
    this.#onRender(path, result);
    return result;
  }

  #hashOf(sha: string, path: string): string {
    const content = JSON.stringify(this.#commits.get(sha)?.paths[path] ?? {});
    return createHash("sha1").update(content).digest("hex");
  }
}
