import { type GitCredentials, GitError, type GitFile, type GitSource } from "../../ports/git.ts";
import type { AppTokens } from "./appTokens.ts";
import { headerOf } from "./credentials.ts";
import { plain } from "./errors.ts";
import type { Hosts } from "./hosts.ts";
import { callHttps, type HttpsCall, refusal } from "./https.ts";
import { isProxied } from "./proxy.ts";
import type { TreeLimits } from "./tree.ts";
import { parseRemote, portOf, type Remote } from "./validate.ts";

/** What stands in Git for a file that is kept elsewhere. */
export interface Pointer {
  /** SHA-256 of the content, in hexadecimal. */
  readonly oid: string;
  readonly size: number;
}

/** What fetching takes. */
export interface LfsParts {
  readonly hosts: Hosts;
  readonly tokens: AppTokens;
  readonly environment: Readonly<Record<string, string>>;
  readonly limits: TreeLimits;
}

interface Download {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

const version = "version https://git-lfs.github.com/spec/";
const media = "application/vnd.git-lfs+json";
/** Objects asked for in one question, and downloads at once. */
const atOnce = { asked: 100, loaded: 4 };

/** Reads a pointer; undefined: the bytes are content. One that is broken is refused, not applied. */
export function pointerIn(path: string, bytes: Uint8Array): Pointer | undefined {
  const text = bytes.length < 1024 ? Buffer.from(bytes).toString("latin1") : "";
  if (!text.startsWith(version)) return undefined;
  const [, oid] = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text) ?? [];
  const [, size] = /^size (\d{1,15})\r?$/m.exec(text) ?? [];
  if (oid !== undefined && size !== undefined) return { oid, size: Number(size) };
  throw new GitError("LfsPointerRefused", `${plain(path, 300)} is a broken Git LFS pointer; commit the file anew`);
}

/** Puts content in the place of pointers; without `spec.lfs` a pointer is refused: it is never taken for content. */
export async function withContent(
  files: readonly GitFile[],
  source: GitSource,
  parts: LfsParts,
  signal: AbortSignal,
): Promise<readonly GitFile[]> {
  const found = files.flatMap((file) => {
    const pointer = pointerIn(file.path, file.bytes);
    return pointer === undefined ? [] : [{ path: file.path, pointer }];
  });
  const [first] = found;
  if (first === undefined) return files;
  if (source.lfs !== true) {
    throw new GitError(
      "LfsPointerRefused",
      `${plain(first.path, 300)} is a Git LFS pointer, not a manifest; set spec.lfs, or keep manifests out of LFS (see .gitattributes)`,
    );
  }
  let total = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (const { path, pointer } of found) {
    total += pointer.size;
    if (pointer.size > parts.limits.fileBytes)
      throw tooLarge(`${path} has ${pointer.size} bytes`, parts.limits.fileBytes);
    if (total > parts.limits.totalBytes) throw tooLarge("the manifest files have together", parts.limits.totalBytes);
  }
  const pointers = [...new Map(found.map(({ pointer }) => [pointer.oid, pointer])).values()];
  const content = await fetchAll(pointers, source, parts, signal);
  return files.map((file) => {
    const bytes = content.get(found.find(({ path }) => path === file.path)?.pointer.oid ?? "");
    return bytes === undefined ? file : { ...file, bytes };
  });
}

async function fetchAll(
  pointers: readonly Pointer[],
  source: GitSource,
  parts: LfsParts,
  outer: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const remote = parseRemote(source.url, ["https", "ssh"]);
  if (remote.protocol !== "https") {
    throw new GitError("LfsPointerRefused", "files in Git LFS are fetched over https only; use an https url");
  }
  const signal = AbortSignal.any([outer, AbortSignal.timeout(source.timeoutMs)]);
  const { credentials } = source;
  const password = credentials.app && (await parts.tokens.token(credentials.app, credentials, signal));
  const header = headerOf(password === undefined ? credentials : { username: "x-access-token", password });
  const server: Server = { remote, header, credentials, parts, signal };
  const content = new Map<string, Uint8Array>();
  for (let from = 0; from < pointers.length; from += atOnce.asked) {
    const some = pointers.slice(from, from + atOnce.asked);
    const downloads = await ask(server, some);
    const left = [...some];
    const load = async (): Promise<void> => {
      for (let pointer = left.shift(); pointer !== undefined; pointer = left.shift()) {
        content.set(pointer.oid, await loaded(server, pointer, downloads.get(pointer.oid)));
      }
    };
    await Promise.all(Array.from({ length: atOnce.loaded }, load));
  }
  return content;
}

interface Server {
  readonly remote: Remote;
  readonly header: string | undefined;
  readonly credentials: GitCredentials;
  readonly parts: LfsParts;
  readonly signal: AbortSignal;
}

/** Asks where objects can be loaded. The address is the repository's own: what `.lfsconfig` says is not read. */
async function ask(server: Server, pointers: readonly Pointer[]): Promise<ReadonlyMap<string, Download>> {
  const { url } = server.remote;
  const base = url.replace(/\/+$/, "");
  const answer = await call(server, {
    method: "POST",
    url: new URL(`${base.endsWith(".git") ? base : `${base}.git`}/info/lfs/objects/batch`),
    headers: { accept: media, "content-type": media, ...authorization(server) },
    body: JSON.stringify({ operation: "download", transfers: ["basic"], hash_algo: "sha256", objects: pointers }),
    maxBytes: 4 * 1024 * 1024,
  });
  if (answer.status !== 200) throw refusal(`the LFS server of ${server.remote.host}`, answer);
  return downloadsIn(answer.body);
}

async function loaded(server: Server, { oid, size }: Pointer, download: Download | undefined): Promise<Uint8Array> {
  if (download === undefined) throw failed(`the LFS server of ${server.remote.host} has no object ${oid}; push it`);
  const { url, headers } = download;
  if (url.protocol !== "https:") throw failed(`the LFS server names an address for ${oid} that is not https`);
  const isOwn = url.hostname === server.remote.name && portOf(url) === server.remote.port;
  const sent = { ...(isOwn ? authorization(server) : {}), ...headers };
  const answer = await call(server, { method: "GET", url, headers: sent, maxBytes: size });
  if (answer.status !== 200) throw refusal(`${url.host}, where the LFS server keeps ${oid},`, answer);
  if (answer.body.length !== size || answer.sha256 !== oid) {
    throw failed(`${url.host} gave other content than the LFS pointer ${oid} stands for; push the object again`);
  }
  return new Uint8Array(answer.body);
}

async function call(
  { remote, credentials, parts, signal }: Server,
  request: Pick<HttpsCall, "method" | "url" | "headers" | "body" | "maxBytes">,
): ReturnType<typeof callHttps> {
  const { hosts, environment } = parts;
  const place = { name: request.url.hostname, port: portOf(request.url) };
  hosts.check(place);
  const isOwn = place.name === remote.name;
  const how = { proxied: isProxied(credentials, environment), strict: !isOwn };
  const addresses = await hosts.admit(place, how, signal);
  // A certificate of the client is a credential too: only the Git host is shown it.
  const { clientCert: _, clientKey: __, ...others } = credentials;
  return callHttps({ ...request, credentials: isOwn ? credentials : others, addresses, environment, signal });
}

function authorization({ header }: Server): Readonly<Record<string, string>> {
  return header === undefined ? {} : { authorization: header };
}

function downloadsIn(body: Buffer): ReadonlyMap<string, Download> {
  const found = new Map<string, Download>();
  for (const object of list(parse(body)?.["objects"])) {
    const download = record(record(object["actions"])?.["download"]);
    const url = typeof download?.["href"] === "string" ? URL.parse(download["href"]) : null;
    if (typeof object["oid"] !== "string" || url === null || url.username !== "" || url.password !== "") continue;
    const headers = Object.entries(record(download?.["header"]) ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && !/^(host|cookie)$/i.test(entry[0]),
    );
    found.set(object["oid"], { url, headers: Object.fromEntries(headers.map(([k, v]) => [k.toLowerCase(), v])) });
  }
  return found;
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(record).filter((one) => one !== undefined) : [];
}

function parse(body: Buffer): Fields | undefined {
  try {
    return record(JSON.parse(body.toString("utf8")));
  } catch {
    return undefined;
  }
}

function failed(message: string): GitError {
  return new GitError("LfsFailed", message);
}

function tooLarge(what: string, limit: number): GitError {
  return new GitError("TooLarge", `${plain(what, 300)}, more than ${limit}; keep large files out of the path`);
}
