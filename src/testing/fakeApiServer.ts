import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One request as it arrived. */
export interface Received {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as sent, for headers that are repeated. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Counts the requests of this method and path, from 1. */
  readonly nth: number;
}

/** Answers one request, in whatever way the test needs. */
export type Handler = (request: Received, response: ServerResponse) => void | Promise<void>;

/** A server on 127.0.0.1 that does what a test scripts. */
export interface FakeApiServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly Received[];
  /** How many connections were made in all. */
  readonly connections: number;
  /** How many connections are open now. */
  readonly open: number;
}

/** Starts a server; `make` builds it when it is not a plain HTTP one. */
export async function startFakeApiServer(
  handler: Handler,
  make: () => Server = () => createServer(),
): Promise<FakeApiServer> {
  const requests: Received[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = make();
  const secure = "setSecureContext" in server;
  server.on(secure ? "secureConnection" : "connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("request", (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const url = new URL(incoming.url ?? "/", "http://fake");
      const method = incoming.method ?? "GET";
      const same = requests.filter((earlier) => earlier.method === method && earlier.path === url.pathname);
      const received: Received = {
        method,
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers,
        rawHeaders: incoming.rawHeaders,
        body: Buffer.concat(chunks).toString("utf8"),
        nth: same.length + 1,
      };
      requests.push(received);
      Promise.resolve(handler(received, response)).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${secure ? "https" : "http"}://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with JSON. */
export function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A `metav1.Status` as the API server writes one. */
export function status(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, reason, message, details };
}

/** Starts an answer that goes on: a watch. */
export function stream(response: ServerResponse, ...lines: readonly unknown[]): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  for (const line of lines) response.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
}

/** Cuts the connection in the middle, as a dying proxy does. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}
