import { isObject, type Json, listAt, stringify } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import type { Position } from "../../api/rendered.ts";
import { secretFiles, secretLiterals } from "../../core/render/kustomization.ts";
import { directoryOf, resolveInside } from "../../core/render/paths.ts";
import { hide, leaves, secretValues } from "../../core/render/redact.ts";
import type { Rendered, RenderProblem, RenderRequest, RenderResult } from "../../ports/render.ts";
import { type Graph, walkKustomization } from "./graph.ts";
import { collect } from "./objects.ts";
import { type ParsedFile, parseFile } from "./parse.ts";
import type { Sandbox } from "./sandbox.ts";
import { openWorkspace } from "./workspace.ts";

const ORIGIN = "config.kubernetes.io/origin";
const ORIGINS = "originAnnotations";
const MESSAGE = 1_000;

/** Renders the kustomization of a directory. Its files are all that the program gets to see. */
export async function renderKustomization(
  { tree, path, timeoutMs }: RenderRequest,
  { sandbox, tempRoot }: { readonly sandbox: Sandbox; readonly tempRoot: string },
  signal: AbortSignal,
): Promise<RenderResult> {
  const graph = await walkKustomization(tree, path, signal);
  if (graph.problems.length > 0) return { kind: "Broken", problems: graph.problems.slice(0, 20) };
  const [[file = "", root] = []] = graph.kustomizations;
  const files = new Map([...graph.files].map(([name, { bytes }]) => [name, bytes]));
  files.set(file, new TextEncoder().encode(stringify(withOrigins(root))));
  await using workspace = await openWorkspace(tempRoot);
  await workspace.write(files);
  const run = { program: "kustomize", args: ["build", workspace.at(path)], dir: workspace.dir, timeoutMs } as const;
  const ended = await sandbox.run(run, signal);
  const start: Position = { file, line: 1, column: 1 };
  if (ended.kind === "Failed") {
    const said = workspace.relative(ended.message);
    const message = hide(said, await secretsOf(graph, signal)).slice(0, MESSAGE);
    return broken({ reason: ended.reason, position: blamed(said, graph, start), message: `kustomize: ${message}` });
  }
  const parsed = await parseFile(ended.output, signal);
  const [flaw] = parsed.flaws;
  if (flaw !== undefined) {
    return broken({
      reason: flaw.reason,
      position: start,
      message: `what kustomize renders is not read: ${flaw.message}`,
    });
  }
  const objects: Rendered[] = [];
  const problems: RenderProblem[] = [];
  for (const document of parsed.documents) collect(document, file, objects, problems);
  const places = new Places(graph, file, signal);
  if (problems.length > 0) return { kind: "Broken", problems: problems.map((one) => ({ ...one, position: start })) };
  if (objects.length === 0) {
    return broken({
      reason: "RenderSuspicious",
      position: start,
      message: "kustomize ended well and rendered no object; if the path is to be empty, delete the GitSync instead",
    });
  }
  const keep = listAt(root, "buildMetadata").includes(ORIGINS);
  const placed: Rendered[] = [];
  for (const { object } of objects) {
    const position = await places.of(object);
    placed.push({ object: keep ? object : withoutOrigin(object), position });
    if (object.kind === "Namespace" && object.apiVersion === "v1" && !(await places.names(position.file, object))) {
      problems.push(renamedNamespace(object, position));
    }
  }
  return problems.length > 0 ? { kind: "Broken", problems } : { kind: "Rendered", objects: placed };
}

/** kustomize gives every Namespace the name that it places objects in: the one in Git would be pruned with all in it. */
function renamedNamespace({ metadata: { name } }: Manifest, position: Position): RenderProblem {
  const message = `kustomize renames this Namespace to ${JSON.stringify(name)}, which is what the kustomization sets as namespace; move the Namespace to a kustomization without one, or make the two alike`;
  return { reason: "Unsupported", position, message };
}

function broken(problem: RenderProblem): RenderResult {
  return { kind: "Broken", problems: [problem] };
}

/** A kustomization that also says where each object came from. */
function withOrigins(root: Json | undefined): Json {
  if (!isObject(root)) return {};
  const before = listAt(root, "buildMetadata");
  return { ...root, buildMetadata: before.includes(ORIGINS) ? before : [...before, ORIGINS] };
}

function withoutOrigin(object: Manifest): Manifest {
  const { [ORIGIN]: _, ...annotations } = object.metadata.annotations ?? {};
  const { annotations: __, ...metadata } = object.metadata;
  const rest = Object.keys(annotations).length === 0 ? {} : { annotations };
  return { ...object, metadata: { ...metadata, ...rest } };
}

/** Finds where objects came from, by the annotation that kustomize leaves. */
class Places {
  readonly #graph: Graph;
  readonly #root: string;
  readonly #signal: AbortSignal;
  readonly #parsed = new Map<string, ParsedFile>();

  constructor(graph: Graph, root: string, signal: AbortSignal) {
    this.#graph = graph;
    this.#root = root;
    this.#signal = signal;
  }

  async of(object: Manifest): Promise<Position> {
    const origin = object.metadata.annotations?.[ORIGIN] ?? "";
    const said = /^(?:path|configuredIn): ["']?([^\n"']+)/m.exec(origin)?.[1];
    const resolved = said === undefined ? undefined : resolveInside(directoryOf(this.#root), said);
    const file = resolved?.kind === "Inside" && this.#graph.files.has(resolved.path) ? resolved.path : this.#root;
    const source = this.#graph.kustomizations.has(file) ? undefined : await this.#sourceIn(file, object);
    return source?.position ?? { file, line: 1, column: 1 };
  }

  /** Tells whether a file has an object of that kind and name, but for a prefix or suffix. */
  async names(file: string, object: Manifest): Promise<boolean> {
    return (await this.#sourceIn(file, object)) !== undefined;
  }

  async #sourceIn(file: string, { kind, metadata }: Manifest): Promise<Rendered | undefined> {
    const bytes = this.#graph.files.get(file)?.bytes;
    if (bytes === undefined) return undefined;
    const parsed = this.#parsed.get(file) ?? (await parseFile(bytes, this.#signal));
    this.#parsed.set(file, parsed);
    const sources: Rendered[] = [];
    for (const document of parsed.documents) collect(document, file, sources, []);
    // Names may have got a prefix on the way: what decides is the kind, then the longest name that is in the new one.
    return sources
      .filter(({ object }) => object.kind === kind && metadata.name.includes(object.metadata.name))
      .sort((a, b) => b.object.metadata.name.length - a.object.metadata.name.length)[0];
  }
}

/** The file of the graph that a message names, with the line if it gives one. */
function blamed(message: string, graph: Graph, start: Position): Position {
  const named = [...graph.files.keys()]
    .filter((path) => message.includes(path) || mentions(message, path))
    .sort((a, b) => b.length - a.length)[0];
  if (named === undefined) return start;
  const line = /\bline (\d{1,7})\b/.exec(message)?.[1];
  return { file: named, line: line === undefined ? 1 : Number(line), column: 1 };
}

/** kustomize names a file as the kustomization does, by its last names. */
function mentions(message: string, path: string): boolean {
  const name = path.split("/").at(-1) ?? path;
  return !/^[Kk]ustomization/.test(name) && message.split(/[\s'"/:]+/).includes(name);
}

/** Everything secret in the files of a graph. */
async function secretsOf(graph: Graph, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const secrets = new Set<string>();
  const add = (texts: readonly string[]): void => {
    for (const text of texts) secrets.add(text);
  };
  const contents = new Set<string>();
  for (const [file, document] of graph.kustomizations) {
    add(secretLiterals(document));
    for (const path of secretFiles(document)) {
      const resolved = resolveInside(directoryOf(file), path);
      if (resolved.kind === "Inside") contents.add(resolved.path);
    }
  }
  for (const { path, bytes, secret } of graph.files.values()) {
    if (contents.has(path) || secret === true) {
      const text = new TextDecoder().decode(bytes);
      add(leaves(text));
      add(text.split("\n").map((line) => line.slice(line.indexOf("=") + 1).trim()));
    } else if (/\.(ya?ml|json)$/.test(path)) {
      const { documents, flaws } = await parseFile(bytes, signal);
      for (const { value } of documents) add(secretValues(value));
      // What cannot be read may be a Secret.
      if (flaws.length > 0)
        add(
          new TextDecoder()
            .decode(bytes)
            .split(/\n|: /)
            .map((part) => part.trim()),
        );
    }
  }
  return secrets;
}
