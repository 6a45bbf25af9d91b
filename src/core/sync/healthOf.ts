import { type Json, listAt, numberAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";

/** How a live object is. `message` continues a sentence that begins with the object; it may be empty when Current. */
export interface Health {
  readonly kind: "Current" | "InProgress" | "Failed" | "Terminating";
  readonly message: string;
}

/** A condition as read. Outdated: it speaks of an earlier generation. Absent: there is none of the type. */
export interface ReadCondition {
  readonly kind: "True" | "False" | "Unknown" | "Outdated" | "Absent";
  readonly reason: string;
  readonly message: string;
}

/** In the state that the spec asks for. */
export function current(message = ""): Health {
  return { kind: "Current", message };
}

/** On its way, or waiting for something that may still come. */
export function inProgress(message: string): Health {
  return { kind: "InProgress", message };
}

/** Stuck: only a change helps. */
export function failed(message: string): Health {
  return { kind: "Failed", message };
}

/** The condition of one type at an object's own generation. */
export function readCondition(object: Manifest, type: string): ReadCondition {
  return conditionIn(listAt(object, "status", "conditions"), type, object.metadata.generation);
}

/** The condition of one type in a list, held against a generation. */
export function conditionIn(conditions: readonly Json[], type: string, generation: number | undefined): ReadCondition {
  const found = conditions.find((condition) => stringAt(condition, "type") === type);
  const words = { reason: stringAt(found, "reason") ?? "", message: stringAt(found, "message") ?? "" };
  if (found === undefined) return { kind: "Absent", ...words };
  const observed = numberAt(found, "observedGeneration");
  if (observed !== undefined && generation !== undefined && observed < generation)
    return { kind: "Outdated", ...words };
  const status = stringAt(found, "status");
  return { kind: status === "True" || status === "False" ? status : "Unknown", ...words };
}
