import type { JsonObject } from "../api/json.ts";
import type { Manifest } from "../api/objects.ts";

/** A live object at generation 2. */
export const object = (
  apiVersion: string,
  kind: string,
  rest: JsonObject = {},
  metadata: JsonObject = {},
): Manifest => ({
  ...rest,
  apiVersion,
  kind,
  metadata: { name: "x", namespace: "n", generation: 2, ...metadata } as Manifest["metadata"],
});
/** A condition as a live object has it. */
export const when = (type: string, status = "True", reason = "R", rest: JsonObject = {}): JsonObject => ({
  type,
  status,
  reason,
  message: `${type} is ${status}`,
  ...rest,
});
