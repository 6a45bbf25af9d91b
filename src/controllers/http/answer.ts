import type { IncomingMessage, ServerResponse } from "node:http";

/** A whole answer. The body is plain text. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long and how much of a refused body is read, so that its sender gets to see the answer instead of a reset. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 8 * 1_024 * 1_024;

/** An answer of one line. */
export function plain(status: number, line: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: `${line}\n`, headers };
}

/**
 * Sends an answer. When the request's body was not read to its end, the connection is closed after it:
 * otherwise Node would go on reading a body of any length only to find the next request.
 */
export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) return;
  const unread = hasBody(request) && !request.readableEnded;
  response.writeHead(answer.status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(answer.body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...answer.headers,
    ...(unread ? { connection: "close" } : {}),
  });
  const body = request.method === "HEAD" ? "" : answer.body;
  if (unread) linger(request, response, body);
  else response.end(body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** The answer is complete by its length; ending the response, which closes the connection, waits a little. */
function linger(request: IncomingMessage, response: ServerResponse, body: string): void {
  let left = LINGER_BYTES;
  const end = (): void => {
    clearTimeout(timer);
    request.removeAllListeners("data");
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  response.write(body);
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.once("end", end);
  request.once("close", end);
  request.resume();
}
