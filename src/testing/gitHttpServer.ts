import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A key and a certificate for localhost that sign themselves. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

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

/** Makes a certificate for localhost with openssl. */
export function selfSigned(): Certificate {
  const dir = mkdtempSync(join(tmpdir(), "certificate-"));
  try {
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
    execFileSync("openssl", ["req", "-x509", ...newKey, "-out", cert, "-days", "2", ...subject], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Serves the bare repositories below a directory by git's smart HTTP protocol, over TLS when a certificate is given; `clients` is the authority of certificates that callers must show. */
export async function serveGit(root: string, certificate?: Certificate, clients?: string): Promise<GitHttpServer> {
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
  const server =
    certificate === undefined
      ? createHttp(handle)
      : createHttps({ ...certificate, ...(clients === undefined ? {} : asking(clients)) }, handle);
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

function asking(ca: string) {
  return { ca, requestCert: true, rejectUnauthorized: true };
}

/** Runs git's own CGI program for one request. */
function backend(root: string, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://server");
  const child = spawn("git", ["http-backend"], {
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      CONTENT_LENGTH: String(body.length),
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const chunks: Buffer[] = [];
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.on("close", () => {
    const output = Buffer.concat(chunks);
    const end = output.indexOf("\r\n\r\n");
    const headers = output.toString("latin1", 0, Math.max(0, end)).split("\r\n");
    let status = 200;
    for (const header of headers) {
      const colon = header.indexOf(":");
      const [name, value] = [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
      if (name === "status") status = Number(value.split(" ")[0]);
      else if (name !== "") response.setHeader(name, value);
    }
    response.writeHead(end < 0 ? 500 : status).end(output.subarray(Math.max(0, end + 4)));
  });
  child.stdin.end(body);
}
