import { closeSync, type FSWatcher, fstatSync, openSync, readSync, watch } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** A ref that a push moved; an id of only zeros means that there was or is none. */
export interface RefUpdate {
  readonly repo: string;
  readonly before: string;
  readonly after: string;
  readonly ref: string;
}

/** How often clients came, by what they did; a fetch lists the refs first, so it counts as both. */
export interface GitRequests {
  /** Clients that asked for the refs: ls-remote, and the start of every fetch or clone. */
  readonly listed: number;
  /** Packs sent: fetches and clones that had something to get. */
  readonly fetched: number;
  /** Refs moved by pushes. */
  readonly pushed: number;
}

/**
 * What git did, whichever way the client came: git's own hooks write a line before the client gets its answer, so once a
 * client has ended, its line is there to be read.
 */
export class GitEvents {
  readonly file: string;
  readonly #root: string;
  readonly #fd: number;
  readonly #watcher: FSWatcher;
  readonly #onPush: (update: RefUpdate) => void;
  readonly #counts = new Map<string, { listed: number; fetched: number; pushed: number }>();
  #offset = 0;
  #rest = "";

  private constructor(file: string, root: string, onPush: (update: RefUpdate) => void) {
    this.file = file;
    this.#root = root;
    this.#onPush = onPush;
    this.#fd = openSync(file, "r");
    this.#watcher = watch(file, () => this.#drain());
  }

  /** Begins the log of the repositories below `root`. */
  static async open(file: string, root: string, onPush: (update: RefUpdate) => void): Promise<GitEvents> {
    await writeFile(file, "");
    return new GitEvents(file, root, onPush);
  }

  /** How often clients came to a repository. */
  requests(repo: string): GitRequests {
    this.#drain();
    return { ...this.#of(repo) };
  }

  /** Counts a listing that the HTTP server saw; over SSH the command script writes it. */
  listed(repo: string): void {
    this.#of(repo).listed++;
  }

  /** Stops watching. */
  close(): void {
    this.#watcher.close();
    closeSync(this.#fd);
  }

  #of(repo: string): { listed: number; fetched: number; pushed: number } {
    const counts = this.#counts.get(repo) ?? { listed: 0, fetched: 0, pushed: 0 };
    this.#counts.set(repo, counts);
    return counts;
  }

  #drain(): void {
    const size = fstatSync(this.#fd).size - this.#offset;
    if (size <= 0) return;
    const bytes = Buffer.alloc(size);
    this.#offset += readSync(this.#fd, bytes, 0, size, this.#offset);
    const lines = (this.#rest + bytes.toString("utf8")).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#read(line);
  }

  #read(line: string): void {
    const [what, path = "", before = "", after = "", ref = ""] = line.split(" ");
    const repo = relative(this.#root, path).replace(/\.git$/, "");
    if (what === "list") this.#of(repo).listed++;
    if (what === "fetch") this.#of(repo).fetched++;
    if (what === "push") {
      this.#of(repo).pushed++;
      this.#onPush({ repo, before, after, ref });
    }
  }
}

/** Writes the git configuration of the server with the hooks that feed the log, and gives its path. */
export async function writeServerConfig(directory: string, eventsFile: string): Promise<string> {
  const hooks = join(directory, "hooks");
  await mkdir(hooks);
  const events = shellQuote(eventsFile);
  const packHook = join(hooks, "pack-objects");
  await writeScript(packHook, [`echo "fetch $(pwd -P)" >> ${events}`, 'exec "$@"']);
  await writeScript(join(hooks, "post-receive"), [
    "while read -r before after ref; do",
    `  echo "push $(pwd -P) $before $after $ref" >> ${events}`,
    "done",
  ]);
  const config = join(directory, "gitconfig");
  await writeFile(
    config,
    [
      "[safe]\n\tdirectory = *",
      `[core]\n\thooksPath = ${hooks}`,
      `[uploadpack]\n\tpackObjectsHook = ${packHook}\n\tallowFilter = true\n\tallowAnySHA1InWant = true`,
      "[receive]\n\tautogc = false\n\tdenyDeleteCurrent = ignore",
      "[gc]\n\tauto = 0",
      "",
    ].join("\n"),
  );
  return config;
}

/** Writes a shell script that only its owner can run. */
export async function writeScript(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, ["#!/bin/sh", "set -eu", ...lines, ""].join("\n"));
  await chmod(path, 0o700);
}

/** Quotes a word for the shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
