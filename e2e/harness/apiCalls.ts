import type { IncomingHttpHeaders } from "node:http";
import type { Json } from "../../src/api/json.ts";

/** What a call to the API server does, as audit logs name it; "apply" is a server-side apply. */
export type ApiVerb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "apply"
  | "delete"
  | "deletecollection"
  | "other";

/** One call that went through the proxy. */
export interface ApiCall {
  /** Counts all calls from 1. */
  readonly number: number;
  readonly verb: ApiVerb;
  /** The API group, "" for core. */
  readonly group: string;
  /** The plural, such as `deployments`; "" for paths that name no resource, such as discovery. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Path and query. */
  readonly path: string;
  readonly userAgent: string;
  /** The account that it is made as, by impersonation. */
  readonly impersonates: string;
  /** Whether it changes what is stored. */
  readonly write: boolean;
  /** The body, of writes. */
  readonly body: Json | undefined;
  /** When it came, by this process's monotonic clock, in milliseconds. */
  readonly at: number;
}

const VERBS: Readonly<Record<string, ApiVerb>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };
const WRITES: readonly ApiVerb[] = ["create", "update", "patch", "apply", "delete", "deletecollection"];
/** Reviews are asked by POST, and store nothing. */
const REVIEWS =
  /^(self)?subject(access|rules)?reviews$|^tokenreviews$|^localsubjectaccessreviews$|^selfsubjectreviews$/;

/** What a request is, in Kubernetes' terms. */
export function classify(
  number: number,
  method: string,
  path: string,
  headers: IncomingHttpHeaders,
  body: Json | undefined,
): ApiCall {
  const url = new URL(path, "http://api");
  const place = placeOf(url.pathname);
  const verb = verbOf(method, headers["content-type"] ?? "", url.searchParams, place);
  const write = WRITES.includes(verb) && !url.searchParams.has("dryRun") && !REVIEWS.test(place.resource);
  return {
    number,
    verb,
    ...place,
    path,
    userAgent: headers["user-agent"] ?? "",
    impersonates: headers["impersonate-user"]?.toString() ?? "",
    write,
    body: write ? body : undefined,
    at: performance.now(),
  };
}

/** A call in a few words: `apply deployments.apps shop/web`. */
export function describeCall({ verb, group, resource, subresource, namespace, name, path }: ApiCall): string {
  if (resource === "") return `${verb} ${path}`;
  const kind = `${resource}${group === "" ? "" : `.${group}`}${subresource === "" ? "" : `/${subresource}`}`;
  return `${verb} ${kind} ${[namespace, name].filter((part) => part !== "").join("/")}`.trim();
}

type Place = Pick<ApiCall, "group" | "resource" | "subresource" | "namespace" | "name">;

function placeOf(pathname: string): Place {
  const parts = pathname
    .split("/")
    .filter((part) => part !== "")
    .map(decodeURIComponent);
  const core = parts[0] === "api";
  const group = core ? "" : (parts[1] ?? "");
  const rest = parts[0] === "api" || parts[0] === "apis" ? parts.slice(core ? 2 : 3) : [];
  const inNamespace = rest[0] === "namespaces" && rest.length > 2 && !["status", "finalize"].includes(rest[2] ?? "");
  const [resource = "", name = "", ...sub] = inNamespace ? rest.slice(2) : rest;
  return { group, resource, subresource: sub.join("/"), namespace: inNamespace ? (rest[1] ?? "") : "", name };
}

function verbOf(method: string, contentType: string, query: URLSearchParams, place: Place): ApiVerb {
  if (place.resource === "") return "other";
  if (method === "GET") {
    const watch = query.get("watch");
    if (watch === "true" || watch === "1") return "watch";
    return place.name === "" ? "list" : "get";
  }
  const verb = VERBS[method] ?? "other";
  if (verb === "patch" && contentType.includes("apply-patch")) return "apply";
  return verb === "delete" && place.name === "" ? "deletecollection" : verb;
}
