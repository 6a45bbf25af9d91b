import { timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Children, endGroup } from "./children.ts";

/** How the HTTP side misbehaves, until it is told otherwise. */
export type GitFault =
  | { readonly kind: "Status"; readonly status: number }
  | { readonly kind: "Delay"; readonly ms: number }
  /** The connection is cut after so many bytes of the answer's body. */
  | { readonly kind: "Cut"; readonly afterBytes: number };

/** What the HTTP side needs to know of its server. */
export interface GitHttpContext {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly children: Children;
  readonly ended: AbortSignal;
  readonly authorised: (header: string | undefined) => boolean;
  readonly fault: () => GitFault | undefined;
  readonly log: (line: string) => void;
  readonly listed: (repo: string) => void;
  readonly refused: () => void;
}

const ROUTE = /^\/([A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*)\.git\/(?:info\/refs|git-upload-pack|git-receive-pack)$/;

/** Answers one request of the smart HTTP protocol with `git http-backend`, the program that git itself brings. */
export async function serveGit(
  context: GitHttpContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://git");
  response.on("finish", () => context.log(`${request.method} ${request.url} ${response.statusCode}`));
  if (!context.authorised(request.headers.authorization)) {
    context.refused();
    response.setHeader("WWW-Authenticate", 'Basic realm="git"');
    return plain(response, 401);
  }
  const fault = context.fault();
  if (fault?.kind === "Status") return plain(response, fault.status);
  if (fault?.kind === "Delay") await sleep(fault.ms, undefined, { signal: context.ended });
  if (response.destroyed) return;
  const repo = ROUTE.exec(url.pathname)?.[1];
  if (repo === undefined || !existsSync(join(context.root, `${repo}.git`))) return plain(response, 404);
  if (url.searchParams.get("service") === "git-upload-pack") context.listed(repo);

  const child = context.children.spawn("git", ["http-backend"], {
    env: { ...context.env, ...cgiEnv(context.root, url, request) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error("git http-backend has no pipes");
  child.on("error", (error) => response.destroy(error));
  response.on("close", () => endGroup(child));
  stderr.setEncoding("utf8").on("data", (text: string) => context.log(text.trim()));
  // git may answer before it has read everything; the rest of the body is then of no use.
  const sent = pipeline(request, stdin).catch(() => undefined);
  await answer(stdout, response, fault?.kind === "Cut" ? fault.afterBytes : Number.POSITIVE_INFINITY);
  // What a client that left did not take would keep the child's end from being seen.
  stdout.destroy();
  await sent;
}

/** The variables of the Common Gateway Interface that git http-backend reads. */
function cgiEnv(root: string, url: URL, request: IncomingMessage): Record<string, string> {
  const header = (name: string) => request.headers[name]?.toString() ?? "";
  return {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: "1",
    // A named user may push.
    REMOTE_USER: "tests",
    REMOTE_ADDR: request.socket.remoteAddress ?? "",
    REQUEST_METHOD: request.method ?? "GET",
    PATH_INFO: url.pathname,
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: header("content-type"),
    HTTP_CONTENT_ENCODING: header("content-encoding"),
    GIT_PROTOCOL: header("git-protocol"),
    // An empty length would be read as 0; without one git reads to the end, which chunked bodies need.
    ...(header("content-length") && { CONTENT_LENGTH: header("content-length") }),
  };
}

/** Passes on what the CGI program says: header lines, an empty line, the body. */
async function answer(from: Readable, response: ServerResponse, cutAfter: number): Promise<void> {
  const chunks: AsyncIterator<Buffer> = from[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  let end = -1;
  while (end < 0) {
    const next = await chunks.next();
    if (next.done) return plain(response, 500);
    head = Buffer.concat([head, next.value]);
    end = head.indexOf("\r\n\r\n");
  }
  writeHead(head.subarray(0, end).toString("latin1"), response);
  response.write(head.subarray(end + 4, end + 4 + cutAfter));
  const left = cutAfter - (head.length - end - 4);
  await pipeline(rest(chunks, left), response).catch(() => undefined);
}

/** The chunks that are still to come; when there are more bytes than are left to pass on, it breaks off with an error. */
async function* rest(chunks: AsyncIterator<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  if (left < 0) throw new Error("cut");
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    yield next.value.subarray(0, left);
    left -= next.value.length;
    if (left < 0) throw new Error("cut");
  }
}

function writeHead(head: string, response: ServerResponse): void {
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
}

function plain(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "text/plain");
  response.end(`${status}\n`);
}

/** Tells whether an Authorization header has the user and password, or the password as a bearer token. */
export function authorises(header: string | undefined, username: string, password: string): boolean {
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return [basic, `Bearer ${password}`].some((wanted) => same(header ?? "", wanted));
}

function same(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
