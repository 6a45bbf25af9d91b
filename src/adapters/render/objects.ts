import { isObject, type Json, listAt, stringAt } from "../../api/json.ts";
import { isManifest } from "../../api/objects.ts";
import type { Position, Rendered, RenderProblem } from "../../ports/render.ts";
import type { Parsed, Place } from "./parse.ts";

const wayOut = "name it in .fairleadignore, move it out of the path, or make it a Kubernetes object";

/** Adds the objects of a document; a list stands for its items. */
export function collect(
  { value, at, items }: Parsed,
  file: string,
  objects: Rendered[],
  problems: RenderProblem[],
): void {
  if (!isList(value)) {
    add(value, { file, ...at }, objects, problems);
    return;
  }
  for (const [index, item] of listAt(value, "items").entries()) {
    const here: Place = items[index] ?? at;
    if (isList(item)) collect({ value: item, at: here, items: [] }, file, objects, problems);
    else add(item, { file, ...here }, objects, problems);
  }
}

function add(value: Json, position: Position, objects: Rendered[], problems: RenderProblem[]): void {
  if (isManifest(value) && value.metadata.name !== "") objects.push({ object: value, position });
  else problems.push({ reason: "NotAnObject", position, message: whyNot(value) });
}

function isList(value: Json): boolean {
  const kind = stringAt(value, "kind");
  if (kind === undefined || !isObject(value)) return false;
  return kind === "List" || (kind.endsWith("List") && Array.isArray(value["items"]));
}

function whyNot(value: Json): string {
  if (!isObject(value)) return `this is no mapping, so no Kubernetes object; ${wayOut}`;
  for (const member of ["apiVersion", "kind"]) {
    if (value[member] === undefined) return `it has no ${member}, so it is no Kubernetes object; ${wayOut}`;
    if (typeof value[member] !== "string" || value[member] === "") return `its ${member} is no text; write it as text`;
  }
  if (stringAt(value, "metadata", "generateName") !== undefined) {
    return "it has generateName but no name, so each sync would create another one; give it metadata.name";
  }
  const name = isObject(value["metadata"]) ? value["metadata"]["name"] : undefined;
  if (name === undefined || name === null || name === "") return `it has no metadata.name; give it one, or ${wayOut}`;
  return "its metadata.name is no text; put it into quotes";
}
