import { isObject, type Json, type JsonObject } from "../../api/json.ts";
import { groupOf, type Manifest, refOf, title } from "../../api/objects.ts";
import type { Rendered } from "../../api/rendered.ts";
import { Mark } from "../../api/v1alpha1/names.ts";
import { isSecret } from "./confidential.ts";
import type { Problem } from "./desiredSet.ts";
import { expand, type Into, VariableError, type Variables } from "./variables.ts";

/** The objects with their variables replaced, or every reason why that can't be. */
export type Substituted =
  | { readonly kind: "Substituted"; readonly objects: readonly Rendered[] }
  | { readonly kind: "Refused"; readonly problems: readonly VariableProblem[] };

/** A problem that variables make. */
export interface VariableProblem extends Problem {
  readonly reason: "SubstitutionFailed" | "TooLarge";
}

/** Characters that all values together may add to a set. */
const maxAdded = 16 * 1024 * 1024;

/**
 * Puts values into the texts of objects. Keys are never touched, nor what is likely to hold scripts and patterns: the data of
 * ConfigMaps and Secrets, and CRDs, unless the object's annotation fairlead.dev/substitute is "enabled".
 */
export function substitute(rendered: readonly Rendered[], variables: Variables): Substituted {
  const objects: Rendered[] = [];
  const problems: VariableProblem[] = [];
  let added = 0;
  for (const one of rendered) {
    const walk = new Walk(variables, one.object);
    try {
      const object = walk.object();
      const confidential = [...walk.into.confidential];
      objects.push({ ...one, object, ...(confidential.length === 0 ? {} : { confidential }) });
    } catch (error) {
      if (!(error instanceof VariableError)) throw error;
      const message = `${title(refOf(one.object))} at ${walk.path}: ${error.message}`;
      problems.push({ reason: "SubstitutionFailed", position: one.position, message });
    }
    added += walk.added;
    if (added > maxAdded) {
      const message = "the values of spec.substitute make the set larger by more than 16 MiB; use shorter values";
      return { kind: "Refused", problems: [{ reason: "TooLarge", position: one.position, message }] };
    }
  }
  return problems.length > 0 ? { kind: "Refused", problems } : { kind: "Substituted", objects };
}

class Walk {
  added = 0;
  readonly #variables: Variables;
  readonly #object: Manifest;
  readonly into: Into;
  readonly #path: string[] = [];

  constructor(variables: Variables, object: Manifest) {
    this.#variables = variables;
    this.#object = object;
    this.into = { secret: isSecret(object), confidential: new Set() };
  }

  /** Where the walk is, for people. */
  get path(): string {
    return this.#path.join(".");
  }

  object(): Manifest {
    const asked = this.#object.metadata.annotations?.[Mark.substitute];
    if (asked === "disabled") return this.#object;
    const left = asked === "enabled" ? [] : leftAlone(this.#object);
    if (left === "Everything") return this.#object;
    return this.#members(this.#object, left) as Manifest;
  }

  #members(object: JsonObject, left: readonly string[]): JsonObject {
    const entries = Object.entries(object).map(([key, member]): [string, Json | undefined] => {
      if (member === undefined || left.includes(key)) return [key, member];
      this.#path.push(key);
      const value = this.#value(member);
      this.#path.pop();
      return [key, value];
    });
    return Object.fromEntries(entries);
  }

  #value(value: Json): Json {
    if (typeof value === "string") {
      const expanded = expand(value, this.#variables, this.into);
      if (typeof expanded === "string") this.added += Math.max(0, expanded.length - value.length);
      return expanded;
    }
    if (isObject(value)) return this.#members(value, []);
    if (!Array.isArray(value)) return value;
    return value.map((item: Json, index) => {
      this.#path.push(String(index));
      const found = this.#value(item);
      this.#path.pop();
      return found;
    });
  }
}

/** Members in which `${…}` most likely belongs to somebody else. */
function leftAlone({ apiVersion, kind }: Manifest): readonly string[] | "Everything" {
  const group = groupOf(apiVersion);
  if (group === "apiextensions.k8s.io" && kind === "CustomResourceDefinition") return "Everything";
  if (group !== "") return [];
  return kind === "ConfigMap" || kind === "Secret" ? ["data", "binaryData", "stringData"] : [];
}
