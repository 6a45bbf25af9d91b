import { type Json, listAt, stringAt, stringify } from "../../api/json.ts";
import { type Manifest, refOf, title } from "../../api/objects.ts";
import type { Position } from "../../api/rendered.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { judgeHook } from "../../core/render/hooks.ts";
import { resolveInside } from "../../core/render/paths.ts";
import { hide, leaves, secretValues, sensitiveValues } from "../../core/render/redact.ts";
import { some } from "../../core/status/text.ts";
import type { GitFile } from "../../ports/git.ts";
import type { RenderErrorReason, Rendered, RenderProblem, RenderRequest, RenderResult } from "../../ports/render.ts";
import { collect } from "./objects.ts";
import { type Located, parseFile, parseLocated } from "./parse.ts";
import type { Run, Sandbox } from "./sandbox.ts";
import { openWorkspace, type Workspace } from "./workspace.ts";

const KEEP = "helm.sh/resource-policy";
const MESSAGE = 1_000;
const LISTED = 5;
/** A schema that names another one somewhere else. */
const OUTER_SCHEMA = /"\$(?:ref|schema|dynamicRef)"\s*:\s*"((?:https?|file):\/\/[^"]*)"/g;
const STANDARD_SCHEMA = /^https?:\/\/json-schema\.org\//;

interface Chart {
  /** Its directory. */
  readonly path: string;
  readonly name: string;
  readonly definition: Located | undefined;
  readonly files: ReadonlyMap<string, GitFile>;
  readonly values: readonly GitFile[];
}

/** Renders the chart of a directory. The chart and the values files are all that the program gets to see. */
export async function renderChart(
  request: RenderRequest,
  { sandbox, tempRoot }: { readonly sandbox: Sandbox; readonly tempRoot: string },
  signal: AbortSignal,
): Promise<RenderResult> {
  const chart = await readChart(request, signal);
  if (Array.isArray(chart)) return { kind: "Broken", problems: chart };
  const { path, release, timeoutMs } = request;
  const facts = await release.facts(signal);
  await using workspace = await openWorkspace(tempRoot);
  const own = `${path === "" ? "" : `${path}/`}.fairlead-values.json`;
  const files = [...chart.files.values(), ...chart.values].map(({ path: file, bytes }) => [file, bytes] as const);
  await workspace.write(new Map([...files, [own, new TextEncoder().encode(stringify(release.values))]]));
  const flags = [
    "--namespace",
    release.namespace,
    "--include-crds",
    ...(facts.kubeVersion === "" ? [] : ["--kube-version", facts.kubeVersion]),
    ...chunks(facts.apiVersions, 500).flatMap((some) => ["--api-versions", some.join(",")]),
    ...[...chart.values.map((file) => file.path), own].flatMap((file) => ["--values", workspace.at(file)]),
  ];
  const run: Run = {
    program: "helm",
    args: ["template", release.name, workspace.at(path), ...flags],
    dir: workspace.dir,
    timeoutMs,
  };
  const ended = await sandbox.run(run, signal);
  if (ended.kind === "Done") return objectsOf(ended.output, chart, signal);
  return { kind: "Broken", problems: [await complaint(ended, chart, request, workspace, signal)] };
}

/** One argument may have 128 KiB: a cluster with many custom kinds needs several. */
function chunks(items: readonly string[], size: number): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}

async function readChart(
  { tree, path, release }: RenderRequest,
  signal: AbortSignal,
): Promise<Chart | RenderProblem[]> {
  const start = startOf(path);
  const problem = (reason: RenderErrorReason, message: string): RenderProblem[] => [
    { reason, position: start, message },
  ];
  const wanted: string[] = [];
  for (const [index, file] of release.valuesFiles.entries()) {
    const resolved = resolveInside(path, file);
    const field = `spec.helm.valuesFiles[${index}]`;
    if (resolved.kind === "Refused") return problem(resolved.reason, `${field}: ${resolved.message}`);
    const entry = (await tree.look([resolved.path], signal)).get(resolved.path);
    if (entry === undefined)
      return problem("PathNotFound", `${field}: ${resolved.path} does not exist; correct the path`);
    if (entry.kind === "Link")
      return problem("SymlinkRefused", `${field}: ${resolved.path} is a symbolic link; name the file itself`);
    if (entry.kind !== "File") return problem("InvalidPath", `${field}: ${resolved.path} is no file; name one`);
    wanted.push(resolved.path);
  }
  const inChart = await tree.read([path], (file) => !isHidden(file.slice(path.length)), signal);
  const files = new Map(inChart.map((file) => [file.path, file]));
  const outside = await tree.read([...new Set(wanted.filter((file) => !files.has(file)))], () => true, signal);
  const values = new Map([...files, ...outside.map((file) => [file.path, file] as const)]);
  for (const { path: file, bytes } of inChart) {
    const outer = file.endsWith("values.schema.json") ? outerSchema(new TextDecoder().decode(bytes)) : undefined;
    if (outer === undefined) continue;
    const message = `${JSON.stringify(outer.url)} is outside of the chart, and nothing is fetched while rendering; copy the schema into this one`;
    return [{ reason: "RemoteRefused", position: { file, line: outer.line, column: 1 }, message }];
  }
  const { documents, flaws } = await parseLocated(files.get(start.file)?.bytes ?? new Uint8Array(), signal);
  if (flaws.length > 0) {
    return flaws.map(({ reason, at, message }) => ({ reason, message, position: { file: start.file, ...at } }));
  }
  return {
    path,
    name: stringAt(documents[0]?.value, "name") ?? "",
    definition: documents[0],
    files,
    values: wanted.flatMap((file) => values.get(file) ?? []),
  };
}

/** The first schema elsewhere that a schema names. One that hides its address gets an error of the sandbox instead. */
function outerSchema(text: string): { readonly url: string; readonly line: number } | undefined {
  for (const { index, 1: url = "" } of text.matchAll(OUTER_SCHEMA)) {
    if (!STANDARD_SCHEMA.test(url)) return { url: url.slice(0, 200), line: text.slice(0, index).split("\n").length };
  }
  return undefined;
}

/** Files of editors and of CI are no part of a chart; `.helmignore` is. */
function isHidden(below: string): boolean {
  const names = below.split("/");
  return names.some((name) => name.startsWith(".") && name !== ".helmignore");
}

/** Takes the objects out of what Helm rendered. */
async function objectsOf(output: Uint8Array, chart: Chart, signal: AbortSignal): Promise<RenderResult> {
  const start = startOf(chart.path);
  const { documents, flaws } = await parseFile(output, signal);
  const sourceAt = sources(new TextDecoder().decode(output), chart);
  const [flaw] = flaws;
  if (flaw !== undefined) {
    const message = `what Helm renders is not read: ${flaw.message}`;
    return { kind: "Broken", problems: [{ reason: flaw.reason, position: sourceAt(flaw.at.line), message }] };
  }
  const found: Rendered[] = [];
  const problems: RenderProblem[] = [];
  for (const document of documents) collect(document, start.file, found, problems);
  const placed = problems.map((problem) => ({ ...problem, position: sourceAt(problem.position.line) }));
  const objects: Rendered[] = [];
  const left: string[] = [];
  for (const { object, position } of found) {
    const at = sourceAt(position.line);
    const verdict = judgeHook(object);
    if (verdict.kind === "Ordinary") objects.push({ object: kept(object), position: at });
    else if (verdict.kind === "LeftOut") left.push(`${title(refOf(object))} (${verdict.hook})`);
    else placed.push({ reason: "Unsupported", position: at, message: verdict.message });
  }
  if (placed.length > 0) return { kind: "Broken", problems: placed.slice(0, 20) };
  if (objects.length === 0) {
    const message = "Helm ended well and rendered no object; if the path is to be empty, delete the GitSync instead";
    return { kind: "Broken", problems: [{ reason: "RenderSuspicious", position: start, message }] };
  }
  const notes = left.length === 0 ? [] : [`hooks of the chart are left out: ${some(left, LISTED)}`];
  return { kind: "Rendered", objects, notes };
}

/** Helm's word for an object that outlives its release. */
function kept(object: Manifest): Manifest {
  const { annotations } = object.metadata;
  if (annotations?.[KEEP] !== "keep" || annotations[Mark.prune] !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [Mark.prune]: "disabled" } } };
}

/** Tells from which file of the repository a line of the output came, by the comments that Helm leaves. */
function sources(output: string, chart: Chart): (line: number) => Position {
  const comments = [...output.matchAll(/^# Source: (\S.*)$/gm)];
  const places: { readonly line: number; readonly file: string }[] = [];
  let line = 1;
  let from = 0;
  for (const { index, 1: source = "" } of comments) {
    for (let at = output.indexOf("\n", from); at >= 0 && at < index; at = output.indexOf("\n", at + 1)) line += 1;
    from = index;
    places.push({ line, file: source.trim() });
  }
  return (wanted) => {
    const { file } = places.findLast((place) => place.line <= wanted) ?? {};
    return positionIn(chart, file, 1) ?? startOf(chart.path);
  };
}

/** A file as Helm names it (`chart/templates/a.yaml`), if it is one of the chart's. */
function positionIn({ path, name, files }: Chart, named: string | undefined, line: number): Position | undefined {
  if (named === undefined || !named.startsWith(`${name}/`)) return undefined;
  const below = named.slice(name.length + 1);
  const file = path === "" ? below : `${path}/${below}`;
  return files.has(file) ? { file, line, column: 1 } : undefined;
}

/** Turns what Helm said into a problem with its place. */
async function complaint(
  ended: { readonly reason: RenderErrorReason; readonly message: string },
  chart: Chart,
  { release }: RenderRequest,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<RenderProblem> {
  const said = workspace.relative(ended.message).replace(/\s*Use --debug flag to render out invalid YAML/, "");
  const missing = /missing in charts\/ directory: (.+)/.exec(said)?.[1];
  if (missing !== undefined) {
    const names = missing.split(",").map((name) => name.trim());
    const index = listAt(chart.definition?.value, "dependencies").findIndex((one) =>
      names.includes(stringAt(one, "name") ?? ""),
    );
    const place = chart.definition?.placeOf(["dependencies", Math.max(0, index)]) ?? { line: 1, column: 1 };
    const message = `the chart depends on ${missing}, which is not in its charts/ directory, and nothing is fetched while rendering; run "helm dependency build" and commit charts/`;
    return { reason: "PathNotFound", position: { file: startOf(chart.path).file, ...place }, message };
  }
  const secrets = await secretsOf(chart, release.values as Json, signal);
  const message = `helm: ${hide(said, secrets).slice(0, MESSAGE)}`;
  return { reason: ended.reason, position: blamed(said, chart), message };
}

/** The template that a message names; the line counts only where it is the template's own. */
function blamed(said: string, chart: Chart): Position {
  for (const [, file, line] of said.matchAll(/([\w.-]+(?:\/[\w.-]+)+)(?::(\d{1,7}))?/g)) {
    const found = positionIn(chart, file, Number(line ?? 1));
    if (found !== undefined) return found;
  }
  return startOf(chart.path);
}

/** Values that no message may show: those with telling names, and everything that Git has encrypted. */
async function secretsOf(chart: Chart, given: Json, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const secrets = new Set(sensitiveValues(given));
  for (const file of [...chart.files.values(), ...chart.values]) {
    if (!/\.(ya?ml|json)$/.test(file.path) || file.path.includes("/templates/")) continue;
    for (const { value } of (await parseFile(file.bytes, signal)).documents) {
      const texts = file.secret === true ? leaves(value) : [...sensitiveValues(value), ...secretValues(value)];
      for (const text of texts) secrets.add(text);
    }
  }
  return secrets;
}

function startOf(path: string): Position {
  return { file: path === "" ? "Chart.yaml" : `${path}/Chart.yaml`, line: 1, column: 1 };
}
