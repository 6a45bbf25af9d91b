import { isObject, type Json, type JsonObject } from "../../api/json.ts";

/** Names under which kustomize looks for a kustomization; a directory has one of them. */
export const KUSTOMIZATION_NAMES: readonly string[] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** Where in a document: keys and indices. */
export type Path = readonly (string | number)[];

/** Something that a kustomization reads. */
export interface Reference {
  /**
   * Either: a file of objects, or the directory of another kustomization. Config: the same, of generators and transformers.
   * File: below the directory of the kustomization.
   */
  readonly wants: "Either" | "Directory" | "File" | "Config";
  /** As it is written. */
  readonly path: string;
  readonly at: Path;
}

/** Something in a kustomization that is not rendered. */
export interface Objection {
  readonly message: string;
  readonly at: Path;
}

/** What a document reads, and what speaks against rendering it. */
export interface Reading {
  readonly references: readonly Reference[];
  readonly objections: readonly Objection[];
}

type Reader = (value: Json | undefined, at: Path, into: Notes) => void;

const REMOTE_CHART = "charts in a kustomization are not rendered; name the chart's directory in a GitSync of its own";

/** Every field of a kustomization. One that is not here is refused: what is not known cannot be vouched for. */
const FIELDS: Readonly<Record<string, Reader | "Plain" | { readonly refused: string }>> = {
  apiVersion: "Plain",
  kind: "Plain",
  metadata: "Plain",
  namePrefix: "Plain",
  nameSuffix: "Plain",
  namespace: "Plain",
  commonLabels: "Plain",
  commonAnnotations: "Plain",
  labels: "Plain",
  images: "Plain",
  imageTags: "Plain",
  replicas: "Plain",
  vars: "Plain",
  sortOptions: "Plain",
  generatorOptions: "Plain",
  buildMetadata: "Plain",
  resources: each("Either"),
  bases: each("Directory"),
  components: each("Directory"),
  crds: each("File"),
  configurations: each("File"),
  openapi: member("path"),
  patches: items(member("path")),
  patchesJson6902: items(member("path")),
  patchesStrategicMerge: each("File", isInline),
  replacements: items(member("path")),
  configMapGenerator: items(generator),
  secretGenerator: items(generator),
  generators: each("Config", isInline),
  transformers: each("Config", isInline),
  validators: each("Config", isInline),
  helmCharts: { refused: REMOTE_CHART },
  helmGlobals: { refused: REMOTE_CHART },
  helmChartInflationGenerator: { refused: REMOTE_CHART },
};

/** Built-in generators and transformers that read files, as the fields of a kustomization do. */
const CONFIGS: Readonly<Record<string, Reader>> = {
  PatchTransformer: member("path"),
  PatchJson6902Transformer: member("path"),
  PatchStrategicMergeTransformer: (value, at, into) =>
    each("File", isInline)(memberOf(value, "paths"), [...at, "paths"], into),
  ReplacementTransformer: (value, at, into) =>
    items(member("path"))(memberOf(value, "replacements"), [...at, "replacements"], into),
  ConfigMapGenerator: generator,
  SecretGenerator: generator,
};

/** Reads what a kustomization names. */
export function readKustomization(document: Json): Reading {
  const notes = new Notes();
  if (!isObject(document)) {
    notes.object([], "a kustomization is a mapping; write it as one");
    return notes;
  }
  for (const [name, value] of Object.entries(document)) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined)
      notes.object([name], `the field ${JSON.stringify(name.slice(0, 64))} is not known; remove it`);
    else if (field === "Plain") continue;
    else if (typeof field === "function") field(value, [name], notes);
    else notes.object([name], field.refused);
  }
  return notes;
}

/** Reads the configuration of a generator, transformer or validator: only what is built into kustomize is run. */
export function readConfig(document: Json): Reading {
  const notes = new Notes();
  const apiVersion = memberOf(document, "apiVersion");
  const kind = memberOf(document, "kind");
  if (apiVersion !== "builtin") {
    notes.object([], "plugins and functions are not run; use what is built into kustomize (apiVersion: builtin)");
  } else if (kind === "HelmChartInflationGenerator") {
    notes.object([], REMOTE_CHART);
  } else if (typeof kind === "string" && Object.hasOwn(CONFIGS, kind)) {
    CONFIGS[kind]?.(document, [], notes);
  }
  return notes;
}

/** Values that a kustomization turns into Secrets, as they are written: no message may show one. */
export function secretLiterals(document: Json): readonly string[] {
  const generators = memberOf(document, "secretGenerator");
  return listOf(generators).flatMap((one) =>
    listOf(memberOf(one, "literals")).flatMap((literal) => {
      const text = String(literal);
      return [text, text.slice(text.indexOf("=") + 1)];
    }),
  );
}

/** Files that a kustomization turns into Secrets, as they are written. */
export function secretFiles(document: Json): readonly string[] {
  const notes = new Notes();
  items(generator)(memberOf(document, "secretGenerator"), [], notes);
  return notes.references.map(({ path }) => path);
}

class Notes implements Reading {
  readonly references: Reference[] = [];
  readonly objections: Objection[] = [];

  refer(wants: Reference["wants"], value: Json | undefined, at: Path): void {
    if (typeof value === "string") this.references.push({ wants, path: value, at });
    else if (value !== undefined && value !== null) this.object(at, "a path is a text; put it into quotes");
  }

  object(at: Path, message: string): void {
    this.objections.push({ message, at });
  }
}

function each(wants: Reference["wants"], isNone: (text: string) => boolean = () => false): Reader {
  return (value, at, into) => {
    for (const [index, path] of listOf(value).entries()) {
      if (typeof path === "string" && isNone(path)) {
        if (wants === "Config") into.object([...at, index], "give generators and transformers a file of their own");
        continue;
      }
      into.refer(wants, path, [...at, index]);
    }
  };
}

function items(reader: Reader): Reader {
  return (value, at, into) => {
    for (const [index, one] of listOf(value).entries()) reader(one, [...at, index], into);
  };
}

function member(name: string): Reader {
  return (value, at, into) => into.refer("File", memberOf(value, name), [...at, name]);
}

/** What ConfigMaps and Secrets are generated from: `files` are paths or `key=path`. */
function generator(value: Json | undefined, at: Path, into: Notes): void {
  for (const [index, source] of listOf(memberOf(value, "files")).entries()) {
    const path = typeof source === "string" ? source.slice(source.indexOf("=") + 1) : source;
    into.refer("File", path, [...at, "files", index]);
  }
  each("File")(memberOf(value, "envs"), [...at, "envs"], into);
  into.refer("File", memberOf(value, "env"), [...at, "env"]);
}

/** kustomize takes a patch that is no path for the patch itself. */
function isInline(text: string): boolean {
  return /[\n{]|: /.test(text);
}

/** A member under its name in any case: that is how kustomize reads nested fields. */
function memberOf(value: Json | undefined, name: string): Json | undefined {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const other = Object.keys(value).find((key) => key.toLowerCase() === name.toLowerCase());
  return other === undefined ? undefined : (value as JsonObject)[other];
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
