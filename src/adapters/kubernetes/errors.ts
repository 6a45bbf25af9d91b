import { listAt, numberAt, stringAt } from "../../api/json.ts";
import { ApiError, type ApiErrorKind, type FieldCause } from "../../ports/cluster.ts";

/** What an error message may say of the call that failed. */
export interface CallTitle {
  /** `apply Deployment shop/web`. */
  readonly what: string;
  /** True for a Secret: the server repeats a refused value in its message. */
  readonly secret?: boolean;
}

/** Turns an answer that is no success into an error: the server's `metav1.Status`, or only the code when there is none. */
export function statusError(call: CallTitle, code: number, status: unknown, retryAfterMs?: number): ApiError {
  const clean = call.secret === true ? redact : (text: string) => text;
  const said = stringAt(status, "kind") === "Status" ? stringAt(status, "message") : undefined;
  const causes = listAt(status, "details", "causes").map(
    (cause): FieldCause => ({
      field: stringAt(cause, "field") ?? "",
      reason: stringAt(cause, "reason") ?? "",
      message: clean(stringAt(cause, "message") ?? ""),
    }),
  );
  const seconds = numberAt(status, "details", "retryAfterSeconds");
  const wait = retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  const text = said === undefined || said === "" ? `the API server answered ${code}` : clean(said);
  return new ApiError(kindOf(code, status), `cannot ${call.what}: ${text}`, {
    code,
    causes,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** The error of a call that got no answer. `why` is a code such as ECONNRESET, never text from a body. */
export function unreachable(call: CallTitle, error: unknown): ApiError {
  return new ApiError("Unavailable", `cannot ${call.what}: the API server cannot be reached (${networkCode(error)})`);
}

/** The short code of a network error, looked for in its causes too. */
export function networkCode(error: unknown): string {
  for (let here = error; here instanceof Error; here = here.cause) {
    if ("code" in here && typeof here.code === "string") return here.code;
  }
  return error instanceof Error ? error.name : "unknown error";
}

/** Reads a Retry-After header, seconds or a date, as milliseconds from now. */
export function retryAfter(header: string | readonly string[] | undefined, now: number): number | undefined {
  const text = typeof header === "string" ? header.trim() : header?.[0]?.trim();
  if (text === undefined || text === "") return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Takes refused values out of a message about a Secret.
 * A value that is not quoted has no certain end, so everything after it goes as well.
 */
export function redact(message: string): string {
  return message
    .replace(/(\b(?:Invalid|Unsupported|Duplicate) value: )"(?:[^"\\]|\\.)*"/gs, "$1(redacted)")
    .replace(/(\b(?:Invalid|Unsupported|Duplicate) value: )(?!\(redacted\)).*/gs, "$1(redacted)")
    .replace(/(\bexpected \w+, got ).*/gs, "$1(redacted)")
    .replace(/(\binvalid character )'[^']*'+/g, "$1(redacted)");
}

function kindOf(code: number, status: unknown): ApiErrorKind {
  switch (code) {
    case 400:
    case 413:
    case 422:
      return "Invalid";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      // A missing object is named in the details; a path that is not served has no name or no Status at all.
      return stringAt(status, "details", "name") === undefined ? "UnknownKind" : "NotFound";
    case 409:
      return stringAt(status, "reason") === "AlreadyExists" ? "AlreadyExists" : "Conflict";
    case 429:
      return "Throttled";
    case 500:
      // A field that the schema does not have is answered with a bare 500: no later try will do better.
      return /^failed to (create typed|convert new object)/.test(stringAt(status, "message") ?? "")
        ? "Invalid"
        : "Unavailable";
    default:
      return code > 500 ? "Unavailable" : "Other";
  }
}
