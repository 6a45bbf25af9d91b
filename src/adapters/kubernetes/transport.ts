import { type Dispatcher, request } from "undici";
import { isObject, type JsonObject } from "../../api/json.ts";
import { ApiError, isApiError } from "../../ports/cluster.ts";
import type { Leadership } from "../../ports/leadership.ts";
import type { Connection, Opened } from "./connection.ts";
import { type CallTitle, networkCode, retryAfter, statusError, unreachable } from "./errors.ts";
import { Places } from "./places.ts";
import { abortable, Backoff, bounded, type Scope, sleep } from "./signals.ts";

/** What a call does, as metrics name it. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "apply" | "delete";

/** One request to the API server. */
export interface Call extends CallTitle {
  readonly verb: Verb;
  /** The plural, for metrics. */
  readonly resource: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
  readonly contentType?: string;
  /** Asked right before each sending; a write without it is not fenced. */
  readonly fence?: Leadership;
  /** The limit of the whole call with its retries, in milliseconds. */
  readonly timeoutMs?: number;
  /**
   * When a failed call is sent again. "Always": it may be repeated. "Unsent": only when the server surely did nothing.
   * "Never": the caller has its own loop.
   */
  readonly retry: "Always" | "Unsent" | "Never";
  /** Goes ahead of the limit of calls in flight: a lease must not wait behind slow writes. */
  readonly urgent?: boolean;
  /** Lets other calls go ahead for a while: an Event must not keep an object from being applied. */
  readonly patient?: boolean;
}

/** One request that has ended. `code` is 0 when there was no answer. */
export interface RequestRecord {
  readonly verb: Verb;
  readonly resource: string;
  readonly code: number;
  readonly ms: number;
}

/** How calls behave; times are in milliseconds. */
export interface TransportOptions {
  readonly timeoutMs?: number;
  /** How often one call is sent at most. */
  readonly attempts?: number;
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
  readonly onRequest?: (record: RequestRecord) => void;
}

type Answer = Dispatcher.ResponseData;

const METHODS: Readonly<Record<Verb, Dispatcher.HttpMethod>> = {
  get: "GET",
  list: "GET",
  watch: "GET",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  apply: "PATCH",
  delete: "DELETE",
};

/** Sends calls: bounded in number and time, authenticated, retried where that is safe. Fails with `ApiError` or the reason of the caller's abort. */
export class Transport {
  readonly #connection: Connection;
  readonly #options: Required<Omit<TransportOptions, "onRequest">>;
  readonly #onRequest: (record: RequestRecord) => void;
  readonly #places: Places;

  constructor(connection: Connection, options: TransportOptions = {}) {
    const { onRequest, ...rest } = options;
    this.#connection = connection;
    this.#onRequest = onRequest ?? (() => undefined);
    this.#options = { timeoutMs: 30_000, attempts: 4, retryMinMs: 100, retryMaxMs: 2_000, ...rest };
    this.#places = new Places(connection.connections);
  }

  /** Sends a call and reads its answer. */
  async json(call: Call, signal: AbortSignal): Promise<JsonObject> {
    const limit = call.timeoutMs ?? this.#options.timeoutMs;
    const until = performance.now() + limit;
    using scope = bounded(signal, limit);
    const backoff = new Backoff(this.#options.retryMinMs, this.#options.retryMaxMs);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(call, scope.signal);
      } catch (error) {
        const failure = failureOf(call, error, signal, scope);
        if (attempt >= this.#options.attempts || scope.expired || !mayRepeat(call, error)) throw failure;
        const wait = Math.max(backoff.next(), failure.retryAfterMs ?? 0);
        if (performance.now() + wait >= until) throw failure;
        await sleep(wait, signal);
      }
    }
  }

  /** Opens a stream that is cut when its scope ends. Whoever owns the scope sets its limit anew for the body. */
  async stream(call: Call, signal: AbortSignal, scope: Scope): Promise<AsyncIterable<Uint8Array>> {
    try {
      const answer = await this.#send(call, scope.signal, (opened) => opened.watches);
      if (answer.statusCode !== 200) throw await refusal(call, answer);
      return answer.body;
    } catch (error) {
      throw failureOf(call, error, signal, scope);
    }
  }

  async #once(call: Call, signal: AbortSignal): Promise<JsonObject> {
    const urgent = call.urgent === true;
    using _place = urgent ? undefined : await this.#places.take(signal, call.patient);
    const answer = await this.#send(call, signal, (opened) => (urgent ? opened.watches : opened.calls));
    if (answer.statusCode >= 300) throw await refusal(call, answer);
    const body = parse(await answer.body.text());
    if (body !== undefined) return body;
    throw new ApiError("Other", `cannot ${call.what}: the answer is no JSON object`, { code: answer.statusCode });
  }

  /** One sending, and a second one with new credentials when the first were refused. */
  async #send(call: Call, signal: AbortSignal, lane: (opened: Opened) => Dispatcher): Promise<Answer> {
    const opened = await this.#open(call, signal);
    const answer = await this.#exchange(call, signal, opened, lane(opened));
    if (answer.statusCode !== 401) return answer;
    await answer.body.dump();
    const renewed = await this.#open(call, signal, opened.generation);
    return await this.#exchange(call, signal, renewed, lane(renewed));
  }

  async #open(call: Call, signal: AbortSignal, refused?: number): Promise<Opened> {
    try {
      if (refused !== undefined) this.#connection.refresh(refused);
      return await abortable(this.#connection.open(), signal);
    } catch (error) {
      signal.throwIfAborted();
      const why = error instanceof Error ? error.message.trim().slice(0, 300) : "unknown error";
      throw new ApiError("Unauthorized", `cannot ${call.what}: no credentials (${why})`);
    }
  }

  async #exchange(call: Call, signal: AbortSignal, opened: Opened, dispatcher: Dispatcher): Promise<Answer> {
    // Nothing may wait between this question and the sending.
    if (call.fence?.holds() === false) {
      throw new ApiError("Fenced", `cannot ${call.what}: this process does not lead any more`);
    }
    assertImpersonation(call);
    const started = performance.now();
    let code = 0;
    try {
      const answer = await request(`${opened.origin}${call.path}`, {
        method: METHODS[call.verb],
        dispatcher,
        signal,
        body: call.body ?? null,
        headers: {
          accept: "application/json",
          "user-agent": "fairlead",
          ...(call.body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
          ...opened.headers,
          ...call.headers,
        },
      });
      code = answer.statusCode;
      return answer;
    } finally {
      this.#onRequest({ verb: call.verb, resource: call.resource, code, ms: performance.now() - started });
    }
  }
}

const ACCOUNT = /^system:serviceaccount:[a-z0-9][-.a-z0-9]*:[a-z0-9][-.a-z0-9]*$/;

/**
 * The last look before a call leaves: the API server takes an empty name for no impersonation, and the call would be made
 * with the operator's own rights.
 */
function assertImpersonation({ headers = {}, what }: Call): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!name.toLowerCase().startsWith("impersonate-")) continue;
    if (name === "impersonate-user" && typeof value === "string" && ACCOUNT.test(value)) continue;
    throw new ApiError("Invalid", `cannot ${what}: it would be made as nobody`);
  }
}

/** The requests that failed before a byte of them was sent. */
const UNSENT: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

function mayRepeat(call: Call, error: unknown): boolean {
  if (call.retry === "Never") return false;
  if (!isApiError(error)) return call.retry === "Always" || UNSENT.has(networkCode(error));
  if (error.retryAfterMs === undefined) return false;
  // With these two the server did nothing; any other may be the end of a write that was made.
  return error.code === 429 || error.code === 503 || (error.code >= 500 && call.retry === "Always");
}

/** Says what an error means. The caller's own abort is thrown on as it is. */
function failureOf(call: Call, error: unknown, signal: AbortSignal, scope: Scope): ApiError {
  signal.throwIfAborted();
  if (scope.expired) return new ApiError("Unavailable", `cannot ${call.what}: no answer within the time limit`);
  return isApiError(error) ? error : unreachable(call, error);
}

async function refusal(call: Call, answer: Answer): Promise<ApiError> {
  const status = parse(await answer.body.text());
  return statusError(call, answer.statusCode, status, retryAfter(answer.headers["retry-after"], Date.now()));
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
