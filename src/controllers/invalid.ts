import { isObject, type JsonObject, listAt } from "../api/json.ts";
import { mergePatch } from "../api/mergePatch.ts";
import { type Manifest, refOf } from "../api/objects.ts";
import type { Condition } from "../api/v1alpha1/common.ts";
import { Mark } from "../api/v1alpha1/names.ts";
import { setConditions } from "../core/status/conditions.ts";
import type { Cluster } from "../ports/cluster.ts";
import type { Events } from "../ports/events.ts";

/** The shape of a schema's complaint; zod's own class is not named here. */
interface SchemaError {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/** Tells whether an error says that a stored resource does not fit its schema. */
export function isSchemaError(error: unknown): error is SchemaError {
  return error instanceof Error && "issues" in error && Array.isArray(error.issues);
}

/** What is told of an unreadable resource. */
interface Telling {
  readonly cluster: Cluster;
  readonly events: Events;
  readonly put: (stored: Manifest) => void;
}

/**
 * Lets a deleted resource go that cannot be read: a deletion must not hang for ever. What it had applied or made stays,
 * and serves on.
 */
export async function releaseInvalid(parts: Telling, object: Manifest, signal: AbortSignal): Promise<void> {
  const { finalizers = [], resourceVersion } = object.metadata;
  if (!finalizers.includes(Mark.finalizer)) return;
  const message = "the resource cannot be read, so what it had applied or made is left as it is";
  parts.events.note(object, { type: "Warning", reason: "InvalidSpec", message });
  const metadata = { resourceVersion, finalizers: finalizers.filter((one) => one !== Mark.finalizer) };
  parts.put(await parts.cluster.patch(refOf(object), { metadata }, {}, signal));
}

/** Says on the resource that it cannot be read. Nothing else of its status is touched: a cursor or an inventory is in it. */
export async function reportInvalid(
  parts: Telling,
  object: Manifest,
  error: SchemaError,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const places = error.issues.map(({ path, message }) => `${path.map(String).join(".") || "the resource"}: ${message}`);
  const message = `the resource cannot be read: ${places.join("; ")}; correct it, or install the CRD of this version`;
  const before = listAt(object, "status", "conditions") as unknown as readonly Condition[];
  const reason = "InvalidSpec";
  const findings = [
    { type: "Ready", status: "False", reason, message } as const,
    { type: "Stalled", status: "True", reason, message } as const,
  ];
  const conditions = setConditions(before, findings, new Date(now).toISOString(), object.metadata.generation ?? 0);
  const status = isObject(object["status"]) ? object["status"] : {};
  const patch = mergePatch(status, { ...status, conditions } as unknown as JsonObject);
  if (patch === undefined) return;
  const { resourceVersion } = object.metadata;
  const sent = { metadata: { resourceVersion }, status: patch };
  parts.put(await parts.cluster.patch(refOf(object), sent, { subresource: "status" }, signal));
  parts.events.note(object, { type: "Warning", reason, message });
}
