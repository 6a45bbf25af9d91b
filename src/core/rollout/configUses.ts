import { isObject, type Json, type JsonObject } from "../../api/json.ts";

/** Kinds of objects that hold configuration. */
export type ConfigKind = "ConfigMap" | "Secret";

/** A ConfigMap or Secret that a pod template takes data from. */
export interface ConfigUse {
  readonly kind: ConfigKind;
  readonly name: string;
  /** Pods start without it. */
  readonly optional: boolean;
}

const SECRET = "Secret/";

/** One text for an object of either kind. That of a ConfigMap is its name; no name has a slash in it. */
export function configKey(kind: ConfigKind, name: string): string {
  return kind === "Secret" ? `${SECRET}${name}` : name;
}

/** The other way round. */
export function fromConfigKey(key: string): { readonly kind: ConfigKind; readonly name: string } {
  return key.startsWith(SECRET) ? { kind: "Secret", name: key.slice(SECRET.length) } : { kind: "ConfigMap", name: key };
}

/**
 * The ConfigMaps and Secrets that a pod template takes data from: single variables, whole environments, volumes and projected
 * volumes, of containers and init containers. Each once, sorted; required where any use requires it.
 */
export function configUses(template: Json | undefined): readonly ConfigUse[] {
  const uses = new Map<string, boolean>();
  walk(template, (kind, reference, field) => {
    const name = reference[field];
    if (typeof name !== "string") return;
    const key = configKey(kind, name);
    uses.set(key, (uses.get(key) ?? true) && reference["optional"] === true);
  });
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, optional]) => ({ ...fromConfigKey(key), optional }));
}

/** The template with other names for what it takes data from, by their keys; what is not renamed stays. */
export function withConfigNames(template: Json | undefined, rename: ReadonlyMap<string, string>): Json | undefined {
  if (template === undefined || rename.size === 0) return template;
  const copy = structuredClone(template) as Json;
  walk(copy, (kind, reference, field) => {
    const name = reference[field];
    const other = typeof name === "string" ? rename.get(configKey(kind, name)) : undefined;
    if (other !== undefined) (reference as Record<string, Json>)[field] = other;
  });
  return copy;
}

/** Is told the kind, the reference, and the field of it that has the name. */
type Visit = (kind: ConfigKind, reference: JsonObject, field: "name" | "secretName") => void;

function walk(template: unknown, visit: Visit): void {
  const spec = isObject(template) ? template["spec"] : undefined;
  if (!isObject(spec)) return;
  const both = (holder: JsonObject, configMap: string, secret: string, field: "name" | "secretName" = "name") => {
    if (isObject(holder[configMap])) visit("ConfigMap", holder[configMap], "name");
    if (isObject(holder[secret])) visit("Secret", holder[secret], field);
  };
  for (const kind of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const container of objects(spec[kind])) {
      for (const variable of objects(container["env"])) {
        if (isObject(variable["valueFrom"])) both(variable["valueFrom"], "configMapKeyRef", "secretKeyRef");
      }
      for (const source of objects(container["envFrom"])) both(source, "configMapRef", "secretRef");
    }
  }
  for (const volume of objects(spec["volumes"])) {
    both(volume, "configMap", "secret", "secretName");
    const projected = volume["projected"];
    if (isObject(projected)) for (const source of objects(projected["sources"])) both(source, "configMap", "secret");
  }
}

function objects(list: unknown): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isObject) : [];
}
