import { title } from "../../api/objects.ts";
import type { Member } from "../../core/sync/desiredSet.ts";
import type { Failure } from "../../core/sync/outcome.ts";
import { type ApiError, type ApiErrorKind, isApiError } from "../../ports/cluster.ts";
import { concealed } from "../confidential.ts";

/**
 * What a person is told of an object that could not be applied. A message never stands for a permission that is not missing:
 * admission, quotas and namespaces under deletion answer "forbidden" as well.
 */
export function failureOf({ ref, position, object, confidential = [] }: Member, error: unknown): Failure {
  const message = isApiError(error)
    ? refusal(error, `cannot apply ${title(ref)}: `, "was refused")
    : `could not be worked on: ${messageOf(error)}`;
  const reason = isApiError(error) ? reasonOf(error) : "ReconcileFailed";
  return { ref, position, reason, message: concealed(message, object, confidential) };
}

/** The sentence's end for a call on an object, without the object's name a second time. */
export function refusal({ message }: ApiError, prefix: string, verb: string): string {
  return message.startsWith(prefix) ? `${verb}: ${message.slice(prefix.length)}` : `${verb}: ${message}`;
}

/** Tells whether an account lacks a right, rather than that something else forbade the call. */
export function lacksPermission(error: ApiError): boolean {
  return (
    error.kind === "Forbidden" && /User "[^"]*" cannot |not currently held|cannot set blockOwner/.test(error.message)
  );
}

/** Troubles of the API server or the network, which no commit can mend. */
const PASSING: readonly ApiErrorKind[] = ["Unavailable", "Throttled", "Unauthorized"];

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function reasonOf(error: ApiError): Failure["reason"] {
  if (PASSING.includes(error.kind)) return "ReconcileFailed";
  if (error.kind === "UnknownKind") return "UnknownKind";
  if (error.kind !== "Forbidden") return "ApplyFailed";
  if (error.message.includes("being terminated")) return "ReconcileFailed";
  return lacksPermission(error) ? "Forbidden" : "ApplyFailed";
}
