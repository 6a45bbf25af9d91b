import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { SelfSigned } from "./selfSigned.ts";

/** What a test sees of the server, and how it can bend it. */
export interface GitHttpServer extends AsyncDisposable {
  readonly url: string;
  /** Requests so far: `advertisements` begin each git call, `fetches` ask for objects. */
  readonly seen: { advertisements: number; fetches: number; open: number };
  /** Answers in the place of git until it is set back to undefined; `serve` lets git answer after all. */
  answer: ((request: IncomingMessage, response: ServerResponse, serve: () => void) => void) | undefined;
  /** The Authorization header that is demanded, if any. */
  authorization: string | undefined;
}

/**
 * Serves the bare repositories below a directory by git's smart HTTP protocol, over TLS when a certificate is given; `clients` is
 * the authority of certificates that callers must show.
 */
export async function serveGit(root: string, certificate?: SelfSigned, clients?: string): Promise<GitHttpServer> {
  const seen = { advertisements: 0, fetches: 0, open: 0 };
  const handle: RequestListener = (request, response) => {
    seen.open += 1;
    response.on("close", () => {
      seen.open -= 1;
    });
    if (request.url?.includes("/info/refs")) seen.advertisements += 1;
    if (served.answer !== undefined) served.answer(request, response, () => serve(request, response));
    else serve(request, response);
  };
  const serve: RequestListener = (request, response) => {
    if (served.authorization !== undefined && request.headers.authorization !== served.authorization) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const plain = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
      if (plain.includes("command=fetch")) seen.fetches += 1;
      backend(root, request, plain, response);
    });
  };
  const asking = clients === undefined ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true };
  const server = certificate === undefined ? createHttp(handle) : createHttps({ ...certificate, ...asking }, handle);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const served: GitHttpServer = {
    url: certificate === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    seen,
    answer: undefined,
    authorization: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return served;
}

/** Runs the program that git itself runs behind its CGI program, without the latter's process. */
function backend(root: string, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://server");
  const [, name = "", what] = /^\/([\w.-]+)\/(info\/refs|git-upload-pack)$/.exec(url.pathname) ?? [];
  const dir = join(root, name);
  if (what === undefined || !existsSync(dir)) return void response.writeHead(404).end();
  const flag = what === "info/refs" ? "--http-backend-info-refs" : "--stateless-rpc";
  const kind = what === "info/refs" ? "advertisement" : "result";
  const version = String(request.headers["git-protocol"] ?? "");
  const child = spawn("git", ["upload-pack", flag, dir], {
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1", GIT_PROTOCOL: version },
    stdio: ["pipe", "pipe", "ignore"],
  });
  response.setHeader("content-type", `application/x-git-upload-pack-${kind}`);
  child.stdin.on("error", () => undefined);
  child.stdout.pipe(response);
  child.stdin.end(body);
}
