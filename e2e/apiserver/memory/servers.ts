import { isObject, type Json, type JsonObject, listAt, sameJson, stringAt } from "../../../src/api/json.ts";
import { type Manifest, type ObjectRef, refOf } from "../../../src/api/objects.ts";
import { isApiError } from "../../../src/ports/cluster.ts";
import { MemoryStore } from "../../../src/testing/memoryApi/store.ts";
import type { Kube } from "../../harness/kube.ts";
import { KubeError } from "../../harness/kubeCalls.ts";
import { KINDS, type MemoryCall } from "./calls.ts";

/** What a call came to: the answer's code when it was refused, and what is stored afterwards, less what only a server can make. */
export interface Outcome {
  readonly code: number;
  readonly stored: Json;
  readonly owners: Json;
  /** Whether the call wrote anything. */
  readonly written: boolean;
}

/** Plays calls and tells what came of each. */
export interface Player {
  play(call: MemoryCall): Promise<Outcome>;
}

/** The server in memory. */
export function memoryPlayer(namespace: string): Player {
  const store = new MemoryStore();
  store.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, { manager: "test" });
  return {
    async play(call) {
      const ref = target(call, namespace);
      const before = store.get(ref);
      const version = call.do === "patch" ? undefined : versionOf(call.version, before);
      let code = 200;
      try {
        if (call.do === "apply") {
          const { manager, force, dryRun } = call;
          store.apply(placed(call.object, namespace), { manager, force, dryRun, ...version });
        } else if (call.do === "patch") {
          store.patch(ref, call.patch, { manager: call.manager, ...(call.status ? { subresource: "status" } : {}) });
        } else {
          store.remove(ref, { ...uidOf(call.uid, before), ...version });
        }
      } catch (error) {
        if (!isApiError(error)) throw error;
        code = error.code;
      }
      const stored = store.get(ref);
      return { code, stored: essence(stored), owners: store.managers(ref), written: moved(before, stored) };
    },
  };
}

/** A real server. */
export function realPlayer(kube: Kube, namespace: string): Player {
  return {
    async play(call) {
      const ref = target(call, namespace);
      const before = await kube.find(ref);
      let code = 200;
      try {
        await send(kube, call, ref, namespace, before);
      } catch (error) {
        if (!(error instanceof KubeError)) throw error;
        code = error.status;
      }
      const stored = await kube.find(ref);
      return { code, stored: essence(stored), owners: ownersOf(stored), written: moved(before, stored) };
    },
  };
}

async function send(
  kube: Kube,
  call: MemoryCall,
  ref: ObjectRef,
  namespace: string,
  before: Manifest | undefined,
): Promise<void> {
  const group = ref.apiVersion === "v1" ? "/api/v1" : `/apis/${ref.apiVersion}`;
  const base = `${group}/namespaces/${namespace}/${ref.kind.toLowerCase()}s/${ref.name}`;
  if (call.do === "apply") {
    const query = `fieldManager=${call.manager}&force=${call.force}${call.dryRun ? "&dryRun=All" : ""}`;
    const object = placed(call.object, namespace);
    const body = { ...object, metadata: { ...object.metadata, ...versionOf(call.version, before) } };
    await kube.raw({ method: "PATCH", path: `${base}?${query}`, body, contentType: "application/apply-patch+yaml" });
  } else if (call.do === "patch") {
    const path = `${base}${call.status ? "/status" : ""}?fieldManager=${call.manager}`;
    await kube.raw({ method: "PATCH", path, body: call.patch, contentType: "application/merge-patch+json" });
  } else {
    const preconditions = { ...uidOf(call.uid, before), ...versionOf(call.version, before) };
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", preconditions };
    await kube.raw({ method: "DELETE", path: base, body });
  }
}

function target(call: MemoryCall, namespace: string): ObjectRef {
  if (call.do === "apply") return refOf(placed(call.object, namespace));
  return { apiVersion: KINDS[call.of.kind], kind: call.of.kind, namespace, name: call.of.name };
}

function placed(object: Manifest, namespace: string): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function versionOf(which: "none" | "current" | "stale", before: Manifest | undefined): { resourceVersion?: string } {
  const current = before?.metadata.resourceVersion;
  if (which === "none" || current === undefined) return {};
  return { resourceVersion: which === "current" ? current : "1" };
}

function uidOf(which: "none" | "current" | "wrong", before: Manifest | undefined): { uid?: string } {
  const current = before?.metadata.uid;
  if (which === "none" || current === undefined) return {};
  return { uid: which === "current" ? current : "00000000-0000-0000-0000-000000000000" };
}

function moved(before: Manifest | undefined, after: Manifest | undefined): boolean {
  const id = (object: Manifest | undefined) => [object?.metadata.uid, object?.metadata.resourceVersion].join();
  return id(before) !== id(after);
}

/** An object without what depends on the server, on time or on the cluster's networks. Items of keyed lists are sorted. */
function essence(object: Manifest | undefined): Json {
  if (object === undefined) return null;
  const { uid: _u, resourceVersion: _r, creationTimestamp: _c, managedFields: _m, ...rest } = object.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds: _g, ...metadata } = rest;
  const ending = deletionTimestamp === undefined ? {} : { deletionTimestamp: "set" };
  const dropped = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
  const clean = (value: Json | undefined, path: string): Json => {
    if (Array.isArray(value)) {
      const items = value.map((item: Json) => clean(item, path));
      return items.every(isObject) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
    }
    if (!isObject(value)) return value ?? null;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key, below]) => below !== undefined && below !== null && !dropped.includes(key))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, below]) => [key, clean(below, `${path}.${key}`)]),
    );
  };
  const { status, ...others } = object;
  const said = isObject(status) && Object.keys(status).length > 0 && !("loadBalancer" in status) ? { status } : {};
  return clean({ ...(others as JsonObject), ...said, metadata: { ...metadata, ...ending } as JsonObject }, "");
}

function ownersOf(object: Manifest | undefined): Json {
  const entries = listAt(object, "metadata", "managedFields").map((entry) => {
    const part = ["manager", "operation", "subresource"].map((field) => stringAt(entry, field) ?? "");
    const fields = isObject(entry) ? entry["fieldsV1"] : undefined;
    return [part.join(" ").trim(), fields ?? null] as const;
  });
  return Object.fromEntries(entries);
}

/** What differs between two outcomes, in words; undefined when nothing does. */
export function difference(memory: Outcome, real: Outcome): string | undefined {
  for (const field of ["code", "written", "stored", "owners"] as const) {
    if (!sameJson(memory[field], real[field])) {
      return `${field}\n  memory ${JSON.stringify(memory[field])}\n  real   ${JSON.stringify(real[field])}`;
    }
  }
  return undefined;
}
