import type { Json } from "../../api/json.ts";
import type { Position } from "../../api/rendered.ts";
import {
  KUSTOMIZATION_NAMES,
  type Path,
  type Reading,
  type Reference,
  readConfig,
  readKustomization,
} from "../../core/render/kustomization.ts";
import { isBelow, resolveInside } from "../../core/render/paths.ts";
import type { GitEntry, GitFile } from "../../ports/git.ts";
import type { RenderErrorReason, RenderProblem, SourceTree } from "../../ports/render.ts";
import { parseLocated } from "./parse.ts";

/** Everything that a kustomization reaches, or what is wrong with it. */
export interface Graph {
  /** By path. */
  readonly files: ReadonlyMap<string, GitFile>;
  /** What each kustomization of it says, by the path of its file; the first is the one that is rendered. */
  readonly kustomizations: ReadonlyMap<string, Json>;
  readonly problems: readonly RenderProblem[];
}

/** Most bytes, and most kustomizations, of one graph. */
const LIMITS = { bytes: 64 * 1024 * 1024, kustomizations: 500 };

/** Walks from a directory through every kustomization that it reaches, level by level, reading nothing else. */
export async function walkKustomization(tree: SourceTree, directory: string, signal: AbortSignal): Promise<Graph> {
  const walk = new Walk(tree, signal);
  await walk.from(directory);
  return walk;
}

/** A reference with where it stands and where it leads. */
interface Step extends Reference {
  readonly target: string;
  readonly root: string;
  readonly position: Position;
}

class Walk implements Graph {
  readonly files = new Map<string, GitFile>();
  readonly kustomizations = new Map<string, Json>();
  readonly problems: RenderProblem[] = [];
  readonly #tree: SourceTree;
  readonly #signal: AbortSignal;
  readonly #visited = new Set<string>();
  #bytes = 0;

  constructor(tree: SourceTree, signal: AbortSignal) {
    this.#tree = tree;
    this.#signal = signal;
  }

  async from(directory: string): Promise<void> {
    let steps = await this.#enter(new Map([[directory, undefined]]));
    while (steps.length > 0 && this.problems.length === 0) steps = await this.#follow(steps);
  }

  /** Reads the kustomizations of directories, each named at a position, and gives where they lead. */
  async #enter(directories: ReadonlyMap<string, Position | undefined>): Promise<readonly Step[]> {
    const fresh = [...directories].filter(([directory]) => !this.#visited.has(directory));
    for (const [directory] of fresh) this.#visited.add(directory);
    if (this.#visited.size > LIMITS.kustomizations) {
      this.#problem(
        "TooLarge",
        fresh[0]?.[1],
        `it reaches more than ${LIMITS.kustomizations} kustomizations; split it over several paths`,
      );
    }
    if (fresh.length === 0 || this.problems.length > 0) return [];
    const candidates = fresh.flatMap(([directory]) => namesIn(directory));
    const found = await this.#tree.look(candidates, this.#signal);
    const chosen = new Map<string, string>();
    for (const [directory, position] of fresh) {
      const there = namesIn(directory).filter((path) => found.has(path));
      const [path] = there;
      if (path === undefined) {
        this.#problem(
          "RenderFailed",
          position,
          `${shown(directory)} has no kustomization.yaml; add one, or name its files`,
        );
      } else if (there.length > 1) {
        this.#problem(
          "RenderFailed",
          { file: path, line: 1, column: 1 },
          `${shown(directory)} has ${there.length} kustomizations; remove all but one`,
        );
      } else if (this.#isFile(path, found.get(path), position)) chosen.set(path, directory);
    }
    const steps: Step[] = [];
    for (const file of await this.#read([...chosen.keys()])) {
      const directory = chosen.get(file.path) ?? "";
      steps.push(...(await this.#understand(file, directory, "Kustomization")));
    }
    return steps;
  }

  async #follow(steps: readonly Step[]): Promise<readonly Step[]> {
    const found = await this.#tree.look([...new Set(steps.map(({ target }) => target))], this.#signal);
    const directories = new Map<string, Position>();
    const configs = new Map<string, string>();
    const files = new Set<string>();
    for (const step of steps) {
      const entry = found.get(step.target);
      if (entry?.kind === "Directory" && step.wants !== "File") directories.set(step.target, step.position);
      else if (this.#isFile(step.target, entry, step.position)) {
        if (step.wants === "Directory") {
          this.#problem(
            "RenderFailed",
            step.position,
            `${step.target} is a file; name a directory with a kustomization`,
          );
        } else if (!isBelow(step.target, step.root)) {
          const message = `${JSON.stringify(step.path)} is not below ${shown(step.root)}; kustomize reads single files only from there: move it, or name the directory of a kustomization`;
          this.#problem("InvalidPath", step.position, message);
        } else {
          files.add(step.target);
          if (step.wants === "Config") configs.set(step.target, step.root);
        }
      }
    }
    const next: Step[] = [];
    for (const file of await this.#read([...files])) {
      const root = configs.get(file.path);
      if (root !== undefined) next.push(...(await this.#understand(file, root, "Config")));
    }
    return [...next, ...(await this.#enter(directories))];
  }

  /** Reads what a file names, relative to the directory of its kustomization. */
  async #understand(file: GitFile, root: string, as: "Kustomization" | "Config"): Promise<readonly Step[]> {
    const { documents, flaws } = await parseLocated(file.bytes, this.#signal);
    for (const { reason, at, message } of flaws)
      this.problems.push({ reason, message, position: { file: file.path, ...at } });
    if (flaws.length > 0) return [];
    if (as === "Kustomization" && documents.length !== 1) {
      this.#problem(
        "RenderFailed",
        { file: file.path, line: 1, column: 1 },
        `it holds ${documents.length} documents; a kustomization is one`,
      );
      return [];
    }
    return documents.flatMap(({ value, placeOf }) => {
      if (as === "Kustomization") this.kustomizations.set(file.path, value);
      const reading: Reading = as === "Kustomization" ? readKustomization(value) : readConfig(value);
      const position = (at: Path): Position => ({ file: file.path, ...placeOf(at) });
      for (const { at, message } of reading.objections) this.#problem("Unsupported", position(at), message);
      return reading.references.flatMap((reference) => {
        const resolved = resolveInside(root, reference.path);
        if (resolved.kind === "Inside")
          return [{ ...reference, target: resolved.path, root, position: position(reference.at) }];
        this.#problem(resolved.reason, position(reference.at), resolved.message);
        return [];
      });
    });
  }

  async #read(paths: readonly string[]): Promise<readonly GitFile[]> {
    const fresh = paths.filter((path) => !this.files.has(path));
    if (fresh.length === 0 || this.problems.length > 0) return [];
    const files = await this.#tree.read(fresh, () => true, this.#signal);
    for (const file of files) {
      this.files.set(file.path, file);
      this.#bytes += file.bytes.length;
    }
    if (this.#bytes > LIMITS.bytes) {
      this.#problem(
        "TooLarge",
        undefined,
        `its files have together more than ${LIMITS.bytes} bytes; split it over several paths`,
      );
    }
    return files;
  }

  #isFile(path: string, entry: GitEntry | undefined, position: Position | undefined): boolean {
    if (entry?.kind === "File") return true;
    if (entry === undefined)
      this.#problem(
        "PathNotFound",
        position,
        `${shown(path)} does not exist, or leads through a symbolic link; correct the path`,
      );
    else if (entry.kind === "Link")
      this.#problem(
        "SymlinkRefused",
        position,
        `${shown(path)} is a symbolic link, and links are not followed; put the file itself there`,
      );
    else if (entry.kind === "Submodule")
      this.#problem(
        "Unsupported",
        position,
        `${shown(path)} is a submodule, and submodules are not read; copy what is needed`,
      );
    else this.#problem("RenderFailed", position, `${shown(path)} is a directory; name a file`);
    return false;
  }

  #problem(reason: RenderErrorReason, position: Position | undefined, message: string): void {
    this.problems.push({
      reason,
      message,
      position: position ?? { file: [...this.kustomizations.keys()][0] ?? ".", line: 1, column: 1 },
    });
  }
}

/** The paths at which a directory can have its kustomization. */
export function namesIn(directory: string): readonly string[] {
  return KUSTOMIZATION_NAMES.map((name) => (directory === "" ? name : `${directory}/${name}`));
}

function shown(path: string): string {
  return path === "" ? "the repository's root" : path;
}
