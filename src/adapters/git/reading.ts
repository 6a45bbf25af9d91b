import { type GitEntry, GitError, type GitFile, type GitSource } from "../../ports/git.ts";
import type { Local } from "./commit.ts";
import { type LfsParts, withContent } from "./lfs.ts";
import type { Repository } from "./repository.ts";
import {
  refused,
  type Submodule,
  type SubmodulePolicy,
  sourceOfSubmodule,
  submoduleBounds,
  submoduleOn,
} from "./submodules.ts";
import { lookAt, readTree } from "./tree.ts";

/** What reading across repositories takes. */
export interface ReadingParts extends LfsParts, SubmodulePolicy {
  readonly open: (source: GitSource) => Promise<Repository>;
}

/** A commit, and where in the sync's own repository it stands. */
interface Level {
  readonly source: GitSource;
  readonly sha: string;
  /** "" for the sync's own repository, else the submodule's path with a slash. */
  readonly prefix: string;
  readonly depth: number;
}

/** Reads the trees of one commit and, where the source wants that, of the submodules in it. */
export class Reading {
  readonly #parts: ReadingParts;
  readonly #signal: AbortSignal;
  #submodules = 0;
  #files = 0;
  #bytes = 0;

  constructor(parts: ReadingParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** What stands at each path. */
  look(source: GitSource, sha: string, paths: readonly string[]): Promise<ReadonlyMap<string, GitEntry>> {
    return this.#look({ source, sha, prefix: "", depth: 0 }, paths);
  }

  /** The files at and below the paths, sorted by path. */
  async read(
    source: GitSource,
    sha: string,
    paths: readonly string[],
    wants: (path: string) => boolean,
  ): Promise<readonly GitFile[]> {
    const files = await this.#read({ source, sha, prefix: "", depth: 0 }, paths, wants);
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  async #look(level: Level, paths: readonly string[]): Promise<ReadonlyMap<string, GitEntry>> {
    const found = new Map(await this.#at(level, (local) => lookAt(local, level.sha, paths)));
    if (level.source.submodules !== true) return found;
    for (const path of paths) {
      const entry = found.get(path);
      // Like a directory, a submodule is all that is below it.
      if (entry?.kind === "Submodule") found.set(path, { kind: "Directory", hash: entry.hash });
      if (entry !== undefined || path === "") continue;
      const submodule = await this.#at(level, (local) => submoduleOn(local, level.sha, path));
      if (submodule === undefined) continue;
      const rest = path.slice(submodule.path.length + 1);
      const beyond = (await this.#look(await this.#into(level, submodule), [rest])).get(rest);
      if (beyond !== undefined) found.set(path, beyond);
    }
    return found;
  }

  async #read(level: Level, paths: readonly string[], wants: (path: string) => boolean): Promise<readonly GitFile[]> {
    const { source, sha, prefix } = level;
    const here: string[] = [];
    const beyond: (readonly [Submodule, string])[] = [];
    for (const path of paths) {
      const submodule = path === "" ? undefined : await this.#at(level, (local) => submoduleOn(local, sha, path));
      if (submodule === undefined) here.push(path);
      else beyond.push([submodule, path.slice(submodule.path.length + 1)]);
    }
    const { limits } = this.#parts;
    const left = { ...limits, files: limits.files - this.#files, totalBytes: limits.totalBytes - this.#bytes };
    const found =
      here.length === 0
        ? { files: [], submodules: [] }
        : await this.#at(level, (local) =>
            readTree(local, { sha, paths: here, limits: left }, (path) => wants(prefix + path)),
          );
    const named = found.files.map((file) => ({ ...file, path: prefix + file.path }));
    const files = await withContent(named, source, { ...this.#parts, limits: left }, this.#signal);
    this.#files += files.length;
    this.#bytes += files.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const all = [...files];
    for (const [submodule, rest] of [...beyond, ...found.submodules.map((one) => [one, ""] as const)]) {
      if (source.submodules !== true) {
        throw refused(prefix + submodule.path, "is not read; set spec.submodules, or move it out of spec.path");
      }
      all.push(...(await this.#read(await this.#into(level, submodule), [rest], wants)));
    }
    return all;
  }

  async #into({ source, sha, prefix, depth }: Level, submodule: Submodule): Promise<Level> {
    const shown = prefix + submodule.path;
    this.#submodules += 1;
    if (depth >= submoduleBounds.depth) throw refused(shown, `lies deeper than ${submoduleBounds.depth} submodules`);
    if (this.#submodules > submoduleBounds.count) {
      throw new GitError("TooLarge", `there are more than ${submoduleBounds.count} submodules below the path`);
    }
    const next = await this.#at({ source, sha }, (local) =>
      sourceOfSubmodule(local, source, { sha, submodule, shown }, this.#parts),
    );
    return { source: next, sha: submodule.sha, prefix: `${shown}/`, depth: depth + 1 };
  }

  async #at<T>({ source, sha }: Pick<Level, "source" | "sha">, read: (local: Local) => Promise<T>): Promise<T> {
    const repository = await this.#parts.open(source);
    return repository.using(sha, source, this.#signal, read);
  }
}
