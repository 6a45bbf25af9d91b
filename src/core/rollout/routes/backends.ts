import { at, isObject, type Json, type JsonObject, listAt, numberAt, sameJson, stringAt } from "../../../api/json.ts";
import { revisionName } from "../revision.ts";
import type { Part } from "./split.ts";
import { cookieName } from "./sticky.ts";
import type { RouteShare } from "./word.ts";

/** Where a rollout's requests are named. */
export type Owner = Pick<RouteShare, "namespace" | "service" | "workload">;

/** The share of a rule's own unit that a percentage is counted in: a tenth of a percent can be said. */
export const UNITS = 1_000;

/** A Service of the route's own namespace: another namespace's one of the same name is somebody else's. */
function names(backend: Json | undefined, { namespace }: Owner, service: string): boolean {
  const core = (stringAt(backend, "group") ?? "") === "" && (stringAt(backend, "kind") ?? "Service") === "Service";
  return core && (at(backend, "namespace") ?? namespace) === namespace && stringAt(backend, "name") === service;
}

/** Tells whether a backend is the callers' Service. */
export function isService(backend: Json | undefined, owner: Owner): boolean {
  return names(backend, owner, owner.service);
}

const REVISION = /-([bcdfghjklmnpqrstvwxz2456789]{8,9})$/;

/** The revision whose own Service a backend is. */
export function revisionIn(backend: Json, owner: Owner): string | undefined {
  const name = stringAt(backend, "name") ?? "";
  const revision = REVISION.exec(name)?.[1];
  const ours = revision !== undefined && revisionName(owner.workload, revision) === name && names(backend, owner, name);
  return ours ? revision : undefined;
}

/** A backend's weight as it counts. */
export function ownWeight(backend: Json): number {
  return numberAt(backend, "weight") ?? 1;
}

/** The callers' Service replaced by a revision's own one, with a part of its weight. */
export function atRevision(backend: Json, { revision, weight, ticket }: Part, owner: Owner): JsonObject {
  const base = isObject(backend) ? backend : {};
  return {
    ...base,
    name: revisionName(owner.workload, revision),
    weight: (ownWeight(backend) * weight) / 100,
    ...(ticket === undefined ? {} : { filters: [...listAt(base, "filters"), issue(ticket, owner)] }),
  };
}

/** An answer from this backend hands out the ticket. */
function issue(ticket: string, { service }: Owner): JsonObject {
  const value = `${cookieName(service)}=${ticket}; Path=/; HttpOnly; SameSite=Lax`;
  return { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "Set-Cookie", value }] } };
}

/** The ticket that a filter hands out, if it is one of ours. */
function ticketIn(filter: Json, { service }: Owner): string | undefined {
  const [header, more] = listAt(filter, "responseHeaderModifier", "add");
  const [pair] = (stringAt(header, "value") ?? "").split(";");
  const [name, ticket] = (pair ?? "").split("=");
  const ours = more === undefined && name === cookieName(service) && /-[0-9]{1,4}$/.test(ticket ?? "");
  return ours ? ticket : undefined;
}

/** Neighbours in a list of backends that stand for one backend of Git's, with their weights as written; or one that is none. */
export type Group = { readonly backend: Json } | { readonly rest: JsonObject; readonly parts: readonly Part[] };

/** Groups the backends of a rule. */
export function groups(backends: readonly Json[], owner: Owner): readonly Group[] {
  const found: Group[] = [];
  for (const backend of backends) {
    const revision = revisionIn(backend, owner);
    if (revision === undefined || !isObject(backend)) {
      found.push({ backend });
      continue;
    }
    const { rest, ticket } = stripped(backend, owner);
    const part = { revision, weight: ownWeight(backend), ...(ticket === undefined ? {} : { ticket }) };
    const last = found.at(-1);
    const joins =
      last !== undefined &&
      "parts" in last &&
      sameJson(last.rest, rest) &&
      last.parts.every((one) => one.revision !== revision || one.ticket !== ticket);
    if (joins) found[found.length - 1] = { rest, parts: [...last.parts, part] };
    else found.push({ rest, parts: [part] });
  }
  return found;
}

/** What a revision's backend has of Git's, and its ticket. */
function stripped(backend: JsonObject, owner: Owner) {
  const { name: _name, weight: _weight, filters: _filters, ...bare } = backend;
  const filters = listAt(backend, "filters");
  const ticket = filters.map((filter) => ticketIn(filter, owner)).find((one) => one !== undefined);
  const kept = filters.filter((filter) => ticketIn(filter, owner) === undefined);
  return { rest: kept.length === 0 ? bare : { ...bare, filters: kept }, ticket };
}
