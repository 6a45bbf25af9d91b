import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Key } from "../../api/objects.ts";
import { type Logger, silentLogger } from "../../telemetry/logger.ts";
import { type Answer, plain, send } from "./answer.ts";
import { Connections } from "./connections.ts";
import { hookKey } from "./signature.ts";

/** Answers a request to `/hooks/<namespace>/<name>`, whose names are well-formed. */
export type HookHandler = (key: Key, request: IncomingMessage) => Promise<Answer>;

/** Where the server listens and what it shows. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** False makes the kubelet restart the process: only for what a restart cures, never for an outage elsewhere. */
  readonly alive: () => boolean;
  readonly ready: () => boolean;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly hook: HookHandler;
  readonly log?: Logger;
  /** How many connections may be open. */
  readonly connections?: number;
  /** The bound of receiving one request, in milliseconds. */
  readonly requestTimeoutMs?: number;
}

/** A server that accepts connections. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /** Accepts nothing more and waits for what is being answered; what is left after `limitMs` is cut. */
  close(limitMs: number): Promise<"Finished" | "Forced">;
}

/** Starts the server; rejects when it cannot listen. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const log = options.log ?? silentLogger;
  const requestTimeout = options.requestTimeoutMs ?? 10_000;
  const server = createServer({
    maxHeaderSize: 16_384,
    headersTimeout: Math.min(5_000, requestTimeout),
    requestTimeout,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: Math.min(1_000, requestTimeout),
  });
  server.maxHeadersCount = 100;
  server.maxRequestsPerSocket = 1_000;
  const connections = new Connections(server, options.connections ?? 256);
  let closing = false;
  server.on("request", (request, response) => {
    if (closing) response.shouldKeepAlive = false;
    // A sender that goes away is no error of ours.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    respond(options, request, response).catch((error: unknown) => {
      log.error({ error, path: pathOf(request) }, "a request could not be answered");
      send(request, response, plain(500, "internal error"));
    });
  });
  await listening(server, options);
  // Without a listener a late error, such as one of accept, would end the process.
  server.on("error", (error) => log.error({ error }, "the HTTP server failed"));
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    async close(limitMs) {
      closing = true;
      return close(server, connections, limitMs);
    },
  };
}

async function respond(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  const show = shows(options, path);
  if (show !== undefined) {
    const reads = request.method === "GET" || request.method === "HEAD";
    send(request, response, reads ? await show() : plain(405, "use GET", { allow: "GET, HEAD" }));
    return;
  }
  const key = hookKey(path);
  send(request, response, key === undefined ? plain(404, "not found") : await options.hook(key, request));
}

/** What a fixed path shows; undefined: it is none of them. */
function shows(options: HttpServerOptions, path: string): (() => Answer | Promise<Answer>) | undefined {
  const { alive, ready, metrics } = options;
  const probe = (ask: () => boolean) => () => (ask() ? plain(200, "ok") : plain(503, "not ok"));
  switch (path) {
    case "/healthz":
      return probe(alive);
    case "/readyz":
      return probe(ready);
    case "/metrics":
      return async () => ({
        status: 200,
        body: await metrics.text(),
        headers: { "content-type": metrics.contentType },
      });
    default:
      return undefined;
  }
}

/** The path as it was sent, without the query: never decoded, never resolved. */
function pathOf({ url }: IncomingMessage): string {
  return url?.split("?", 1)[0] ?? "";
}

async function listening(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  const started = Promise.withResolvers<void>();
  server.once("error", started.reject);
  server.listen({ host, port }, started.resolve);
  await started.promise;
  server.off("error", started.reject);
}

async function close(server: Server, connections: Connections, limitMs: number): Promise<"Finished" | "Forced"> {
  const closed = Promise.withResolvers<"Finished" | "Forced">();
  let outcome: "Finished" | "Forced" = "Finished";
  const force = setTimeout(() => {
    outcome = "Forced";
    server.closeAllConnections();
  }, limitMs);
  // A connection whose answer was under way turns idle only later.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  server.close(() => closed.resolve(outcome));
  connections.cutSilent();
  try {
    return await closed.promise;
  } finally {
    clearTimeout(force);
    clearInterval(sweep);
  }
}
