import { createHash } from "node:crypto";
import { isIP, type LookupFunction } from "node:net";
import { Agent, type Dispatcher, EnvHttpProxyAgent, ProxyAgent, request } from "undici";
import { type GitCredentials, GitError, type GitErrorReason } from "../../ports/git.ts";
import { plain } from "./errors.ts";
import { proxyUrl } from "./proxy.ts";
import { retryAfter } from "./retryAfter.ts";

/** A request that goes beside git: to a token service or for LFS objects. Redirects are never followed. */
export interface HttpsCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates and proxy; no credential is taken from here. */
  readonly credentials: GitCredentials;
  /** The only addresses that a connection may go to; empty behind a proxy that resolves the name itself. */
  readonly addresses: readonly string[];
  /** The operator's own HTTPS_PROXY and NO_PROXY. */
  readonly environment: Readonly<Record<string, string>>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** An answer, read as a whole. */
export interface HttpsAnswer {
  readonly status: number;
  readonly body: Buffer;
  /** SHA-256 of the body, in hexadecimal. */
  readonly sha256: string;
  readonly retryAfterMs: number | undefined;
}

/** Makes one call on a connection of its own. Errors are `GitError`s without anything of the credentials. */
export async function callHttps(call: HttpsCall): Promise<HttpsAnswer> {
  const dispatcher = dispatcherOf(call);
  const { url, method, headers, body, maxBytes, signal } = call;
  try {
    const answer = await request(url, {
      method,
      headers: { "user-agent": "fairlead", ...headers },
      ...(body === undefined ? {} : { body }),
      dispatcher,
      signal,
    });
    const chunks: Buffer[] = [];
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new GitError("TooLarge", `the answer of ${url.host} is larger than ${maxBytes} bytes`);
      hash.update(chunk);
      chunks.push(chunk);
    }
    const { "retry-after": after } = answer.headers;
    const retryAfterMs = typeof after === "string" ? retryAfter(after, Date.now()) : undefined;
    return { status: answer.statusCode, body: Buffer.concat(chunks), sha256: hash.digest("hex"), retryAfterMs };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GitError) throw error;
    throw unreachable(url.host, error);
  } finally {
    await dispatcher.destroy();
  }
}

/** The failure that a status stands for, told of whoever answered: `the LFS server h`. */
export function refusal(who: string, { status, retryAfterMs }: Pick<HttpsAnswer, "status" | "retryAfterMs">): GitError {
  const [reason, what] = ((): readonly [GitErrorReason, string] => {
    if (status === 401) return ["AuthFailed", "does not accept the credentials; check the Secret"];
    // Some hosts deny access where they mean that there were too many requests.
    if (status === 429 || (status === 403 && retryAfterMs !== undefined))
      return ["RateLimited", "limits the rate of requests; it is tried again later"];
    if (status === 403) return ["AccessDenied", "denies access to these credentials; grant them the right to read"];
    if (status === 404) return ["RepositoryNotFound", "knows nothing of that name; check the URL and the Secret"];
    if (status >= 500) return ["HostError", `answers with an error of its own (${status}); it is tried again later`];
    if (status >= 300 && status < 400) return ["InvalidURL", "redirects to another address, which is not followed"];
    return ["GitFailed", `answered ${status}, which was not expected`];
  })();
  return new GitError(reason, `${who} ${what}`, retryAfterMs === undefined ? {} : { retryAfterMs });
}

function dispatcherOf({ credentials, addresses, environment }: HttpsCall): Dispatcher {
  const { caCert, clientCert, clientKey, proxy } = credentials;
  const tls = {
    ...(caCert === undefined ? {} : { ca: caCert }),
    ...(clientCert === undefined || clientKey === undefined ? {} : { cert: clientCert, key: clientKey }),
  };
  if (proxy !== undefined) return new ProxyAgent({ uri: proxyUrl(proxy), requestTls: tls });
  const direct = { ...tls, lookup: only(addresses) };
  const { HTTPS_PROXY, NO_PROXY } = environment;
  if (HTTPS_PROXY === undefined) return new Agent({ connect: direct });
  return new EnvHttpProxyAgent({
    httpsProxy: HTTPS_PROXY,
    noProxy: NO_PROXY ?? "",
    connect: direct,
    requestTls: tls,
  });
}

/** Answers with the addresses that were checked, whatever the DNS says by now. */
function only(addresses: readonly string[]): LookupFunction {
  return (_name, options, done) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const [first] = found;
    if (first === undefined) done(new Error("the name cannot be resolved"), "", 4);
    else if (options.all) done(null, found);
    else done(null, first.address, first.family);
  };
}

function unreachable(host: string, error: unknown): GitError {
  const text = error instanceof Error ? error.message : String(error);
  const isTls = /certificate|self.signed|\bssl\b|\btls\b|altnames/i.test(text);
  const said = plain(text, 200);
  return isTls
    ? new GitError(
        "TLSFailed",
        `no trusted TLS connection to ${host} (${said}); add its authority to the Secret as ca.crt`,
      )
    : new GitError("HostUnreachable", `${host} cannot be reached (${said}); it is tried again`);
}
