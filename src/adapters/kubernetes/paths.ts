import type { ObjectRef } from "../../api/objects.ts";
import { ApiError, type KindInfo } from "../../ports/cluster.ts";

/** The root of a group and version: `/api/v1`, `/apis/apps/v1`. */
export function groupVersionPath(apiVersion: string): string {
  const parts = apiVersion.split("/");
  if (parts.length > 2) throw new ApiError("Invalid", `"${apiVersion}" is no apiVersion: it has two slashes`);
  return `/${parts.length === 1 ? "api" : "apis"}/${parts.map((part) => segment(part, "apiVersion")).join("/")}`;
}

/** The path of a kind's objects, in one namespace or in all. */
export function collectionPath(apiVersion: string, info: KindInfo, namespace?: string): string {
  const where = info.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace, "namespace")}` : "";
  return `${groupVersionPath(apiVersion)}${where}/${segment(info.resource, "resource")}`;
}

/** The path of one object or of its subresource. A namespace given for a cluster-scoped kind is left out. */
export function objectPath(ref: ObjectRef, info: KindInfo, subresource?: string): string {
  // Without this check a namespaced object with no namespace would address the collection of all namespaces.
  if (info.namespaced && ref.namespace === undefined) {
    throw new ApiError("Invalid", `${ref.kind} ${ref.name} has no namespace, and its kind needs one`);
  }
  const path = `${collectionPath(ref.apiVersion, info, ref.namespace)}/${segment(ref.name, "name")}`;
  return subresource === undefined ? path : `${path}/${segment(subresource, "subresource")}`;
}

/** Adds the parameters that have a value. */
export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, value);
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

/** One part of a path. The API server refuses the same names; sent unchecked, ".." would address another object. */
function segment(text: string, what: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) {
    throw new ApiError("Invalid", `"${text}" is no valid ${what}`);
  }
  return encodeURIComponent(text);
}
