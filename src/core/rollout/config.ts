import { canonical, isObject, type Json, type JsonObject } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { templateIdentity } from "./revision.ts";

/** What is known of the content of a ConfigMap: the digest of its data, or that there is none of that name. */
export type ConfigDigests = Readonly<Record<string, string>>;

/** Stands for a ConfigMap that does not exist. */
export const ABSENT = "absent";

/** A ConfigMap that a pod template names. */
export interface ConfigUse {
  readonly name: string;
  /** Pods start without it. */
  readonly optional: boolean;
}

/**
 * The ConfigMaps that a pod template takes data from: single variables, whole environments, volumes and projected
 * volumes, of containers and init containers. Each name once, sorted; required where any use requires it.
 */
export function configUses(template: Json | undefined): readonly ConfigUse[] {
  const uses = new Map<string, boolean>();
  walk(template, (reference) => {
    const name = reference["name"];
    if (typeof name !== "string") return;
    uses.set(name, (uses.get(name) ?? true) && reference["optional"] === true);
  });
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, optional]) => ({ name, optional }));
}

/** The template with other names for its ConfigMaps; a name that is not renamed stays. */
export function withConfigNames(template: Json | undefined, rename: ReadonlyMap<string, string>): Json | undefined {
  if (template === undefined || rename.size === 0) return template;
  const copy = structuredClone(template) as Json;
  walk(copy, (reference) => {
    const name = reference["name"];
    const other = typeof name === "string" ? rename.get(name) : undefined;
    if (other !== undefined) (reference as Record<string, Json>)["name"] = other;
  });
  return copy;
}

/**
 * What makes a template with its configuration a revision of its own: two are the same when these texts are equal.
 * A template without ConfigMaps has the identity of the template alone.
 */
export function revisionIdentity(template: Json | undefined, digests: ConfigDigests): string {
  const identity = templateIdentity(template);
  return Object.keys(digests).length === 0 ? identity : `${identity}\n${canonical(digests)}`;
}

/** The longest name of a ConfigMap. */
const NAME_LIMIT = 253;

/** The name of a copy. Whole but for the longest names: two ConfigMaps of one template must not get one copy. */
function copyName(name: string, hash: string): string {
  return `${name.slice(0, NAME_LIMIT - hash.length - 1)}-${hash}`;
}

/** The names that a revision's copies have, by the names that Git has. */
export function copyNames(digests: ConfigDigests, hash: string): ReadonlyMap<string, string> {
  const present = Object.keys(digests).filter((name) => digests[name] !== ABSENT);
  return new Map(present.map((name) => [name, copyName(name, hash)]));
}

/** The other way round: from a revision's names back to Git's. */
export function originalNames(digests: ConfigDigests, hash: string): ReadonlyMap<string, string> {
  return new Map([...copyNames(digests, hash)].map(([original, copy]) => [copy, original]));
}

/** The digests that a revision's Deployment remembers. */
export function rememberedDigests(revision: Manifest): ConfigDigests {
  const text = revision.metadata.annotations?.[Mark.config];
  if (text === undefined) return {};
  const parsed = parsedOr({}, text);
  return Object.fromEntries(
    Object.entries(parsed).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

/** An annotation that somebody has broken tells nothing. */
function parsedOr(otherwise: JsonObject, text: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : otherwise;
  } catch {
    return otherwise;
  }
}

/** What a digest is taken over. */
export function configContent(configMap: Manifest): string {
  return canonical({ data: configMap["data"] ?? {}, binaryData: configMap["binaryData"] ?? {} });
}

/** The copy of a ConfigMap that the pods of one revision use: they start with the data that they were judged with. */
export function configCopy(configMap: Manifest, rollout: string, hash: string): Manifest {
  const { namespace, name } = configMap.metadata;
  const { data, binaryData } = configMap;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: copyName(name, hash),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [Mark.rollout]: rollout, [Mark.revision]: hash },
    },
    immutable: true,
    ...(data === undefined ? {} : { data }),
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

type Visit = (reference: JsonObject) => void;

/** Visits every reference to a ConfigMap in a pod template. */
function walk(template: unknown, visit: Visit): void {
  const spec = isObject(template) ? template["spec"] : undefined;
  if (!isObject(spec)) return;
  for (const kind of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const container of objects(spec[kind])) {
      for (const variable of objects(container["env"])) {
        const from = variable["valueFrom"];
        if (isObject(from)) reference(from["configMapKeyRef"], visit);
      }
      for (const source of objects(container["envFrom"])) reference(source["configMapRef"], visit);
    }
  }
  for (const volume of objects(spec["volumes"])) {
    reference(volume["configMap"], visit);
    const projected = volume["projected"];
    if (isObject(projected)) for (const source of objects(projected["sources"])) reference(source["configMap"], visit);
  }
}

function reference(found: unknown, visit: Visit): void {
  if (isObject(found)) visit(found);
}

function objects(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
