import { Agent, type Dispatcher, request } from "undici";
import { httpUrl } from "../../core/net/httpUrl.ts";
import { type HostGuard, HostRefused } from "../../ports/hosts.ts";
import type { Metrics, NoSample, Question } from "../../ports/metrics.ts";
import { type Answer, providerError, readAnswer, readSeries } from "./answer.ts";

/** How Prometheus is reached. */
export interface PrometheusOptions {
  /** Which hosts may be asked; any unless set. */
  readonly hosts?: HostGuard;
  /** Carries TLS settings or a proxy; an own one with keep-alive unless set. */
  readonly dispatcher?: Dispatcher;
  /** Bytes of an answer that are read at most; 1 MiB unless set. */
  readonly maxBytes?: number;
}

/** Reads metrics by Prometheus' HTTP API. */
export function createPrometheus(options: PrometheusOptions = {}): Metrics & AsyncDisposable {
  const { hosts, maxBytes = 1024 * 1024 } = options;
  const connect = hosts === undefined ? {} : { connect: { lookup: hosts.lookup } };
  const own = options.dispatcher === undefined ? new Agent({ connections: 8, pipelining: 1, ...connect }) : undefined;
  const dispatcher = options.dispatcher ?? own;
  const answered = async (
    address: string,
    { query, lookbackMs, at, timeoutMs }: Question,
    signal: AbortSignal,
  ): Promise<Answer | NoSample> => {
    const url = endpoint(address);
    if (url === undefined) {
      const message = "the address of Prometheus is no http or https URL; write http://host:port or https://host:port";
      return { kind: "Invalid", message };
    }
    const late = AbortSignal.timeout(timeoutMs);
    try {
      hosts?.check(url.hostname);
      const body = new URLSearchParams({
        query,
        timeout: milliseconds(timeoutMs),
        ...(lookbackMs === undefined ? {} : { lookback_delta: milliseconds(lookbackMs) }),
        ...(at === undefined ? {} : { time: String(at / 1_000) }),
      }).toString();
      const answer = await ask(url, body, maxBytes, { dispatcher, signal: AbortSignal.any([signal, late]) });
      const large = `the answer of ${url.host} has more than ${maxBytes} bytes; aggregate in the query, with sum() or max()`;
      return answer ?? providerError(large);
    } catch (error) {
      if (error instanceof HostRefused) return { kind: "Invalid", message: error.message };
      if (signal.aborted) return providerError("the question was given up");
      if (late.aborted) return providerError(`${url.host} did not answer within ${timeoutMs} ms; it is asked again`);
      return providerError(`${url.host} cannot be reached (${reason(error)}); check the address and network policies`);
    }
  };
  return {
    async query(address, question, signal) {
      const answer = await answered(address, question, signal);
      return "kind" in answer ? answer : readAnswer(answer);
    },
    async series(address, question, signal) {
      const answer = await answered(address, question, signal);
      return "kind" in answer ? answer : readSeries(answer);
    },
    async [Symbol.asyncDispose]() {
      await own?.destroy();
    },
  };
}

/** Asks by POST: a long query does not fit into a URL. Undefined stands for an answer beyond the bound. */
async function ask(
  url: URL,
  body: string,
  maxBytes: number,
  { dispatcher, signal }: { readonly dispatcher: Dispatcher | undefined; readonly signal: AbortSignal },
): Promise<Answer | undefined> {
  const response = await request(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body,
    signal,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the stream, and with it the connection.
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return { status: response.statusCode, body: Buffer.concat(chunks).toString("utf8") };
}

/** The address may have a path, as behind a proxy. */
function endpoint(address: string): URL | undefined {
  const url = httpUrl(address);
  if (url === undefined) return undefined;
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/api/v1/query`;
  url.hash = "";
  return url;
}

function milliseconds(span: number): string {
  return `${Math.max(1, Math.floor(span))}ms`;
}

function reason(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return typeof code === "string" ? code : String(message ?? error).slice(0, 200);
}
