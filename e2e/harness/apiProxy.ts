import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, request } from "undici";
import { stringify } from "yaml";
import { Connection } from "../../src/adapters/kubernetes/connection.ts";
import type { Json } from "../../src/api/json.ts";
import { Listener } from "../apps/listener.ts";
import { type ApiCall, classify, describeCall } from "./apiCalls.ts";
import {
  type ApiAction,
  actionsFor,
  type CallFilter,
  deny,
  meaningfulWrite,
  type Rule,
  type RuleOptions,
} from "./apiRules.ts";

export type { CallFilter } from "./apiRules.ts";

/**
 * A reverse proxy on this machine's loopback, before an API server: it counts calls, records writes, and does to chosen
 * calls what networks and API servers do. Callers use its kubeconfig; it has the real credentials.
 */
export class ApiProxy implements AsyncDisposable {
  readonly kubeconfig: string;
  readonly #connection: Connection;
  readonly #token: string;
  readonly #listener: Listener;
  readonly #directory: string;
  readonly #ended = new AbortController();
  readonly #calls: ApiCall[] = [];
  #rules: readonly Rule[] = [];
  #number = 0;

  private constructor(kubeconfig: string, directory: string) {
    this.#connection = new Connection({ kind: "File", paths: [kubeconfig] });
    this.#directory = directory;
    this.kubeconfig = join(directory, "kubeconfig");
    this.#token = randomBytes(24).toString("hex");
    this.#listener = new Listener(["127.0.0.1"], () =>
      createServer((incoming, answer) => {
        // Whatever goes wrong here is what a bad network does: the caller's connection is cut.
        this.#serve(incoming, answer).catch(() => answer.destroy());
      }),
    );
  }

  /** Starts a proxy before the API server of a kubeconfig. */
  static async start(kubeconfig: string): Promise<ApiProxy> {
    const directory = await mkdtemp(join(tmpdir(), "fairlead-proxy-"));
    const proxy = new ApiProxy(kubeconfig, directory);
    try {
      await proxy.#listener.up();
      await writeFile(proxy.kubeconfig, proxy.#config(), { mode: 0o600 });
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Every call since the start or the last `forget`, in order. */
  get calls(): readonly ApiCall[] {
    return [...this.#calls];
  }

  /** The writes among them, without renewals of the Lease and Events. */
  get writes(): readonly ApiCall[] {
    return this.#calls.filter(meaningfulWrite);
  }

  /** How many calls there were of each kind: `{ "watch deployments.apps": 2 }`. */
  counts(filter: CallFilter = () => true): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const call of this.#calls.filter(filter)) {
      const key = describeCall({ ...call, namespace: "", name: "" });
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }

  /** Forgets the calls so far. */
  forget(): void {
    this.#calls.length = 0;
  }

  /** Does something to matching calls; rules apply in the order in which they were made. Gives what ends the rule. */
  rule(matches: CallFilter, action: ApiAction, options: RuleOptions = {}): () => void {
    const made: Rule = { matches, action, skip: options.skip ?? 0, times: options.times ?? Number.POSITIVE_INFINITY };
    this.#rules = [...this.#rules, made];
    return () => {
      this.#rules = this.#rules.filter((rule) => rule !== made);
    };
  }

  /** Runs something once the n-th write from now on (counted from 1) is stored, before the writer hears of it. */
  afterWrite(n: number, run: (call: ApiCall) => void | Promise<void>, which: CallFilter = meaningfulWrite): () => void {
    return this.rule(which, { kind: "After", run }, { skip: n - 1, times: 1 });
  }

  /** Runs something when the n-th write from now on (counted from 1) comes, before the API server hears of it. */
  beforeWrite(
    n: number,
    run: (call: ApiCall) => void | Promise<void>,
    which: CallFilter = meaningfulWrite,
  ): () => void {
    return this.rule(which, { kind: "Before", run }, { skip: n - 1, times: 1 });
  }

  /** Ends all rules. */
  behave(): void {
    this.#rules = [];
  }

  /** Cuts all connections and refuses new ones until `up`. */
  down(): Promise<void> {
    return this.#listener.down();
  }

  /** Comes back on the same port. */
  up(): Promise<void> {
    return this.#listener.up();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#listener.down();
    await this.#connection.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { method = "GET", url: path = "/", headers } = incoming;
    this.#number += 1;
    const call = classify(this.#number, method, path, headers, parsed(body));
    this.#calls.push(call);
    const actions = actionsFor(this.#rules, call);
    for (const action of actions) {
      if (action.kind === "Deny") return deny(answer, action);
      if (action.kind === "CutBefore") return void answer.destroy();
      if (action.kind === "Delay") await sleep(action.ms, undefined, { signal: this.#ended.signal });
      if (action.kind === "Before") await action.run(call);
    }
    if (answer.destroyed) return;
    const gone = new AbortController();
    answer.on("close", () => gone.abort());
    const late = actions.filter(({ kind }) => kind === "After" || kind === "CutAfter");
    // A write that was sent is waited for, also when its writer has gone: otherwise nobody knows whether it was stored.
    const signal = late.length > 0 ? this.#ended.signal : AbortSignal.any([gone.signal, this.#ended.signal]);
    const opened = await this.#connection.open();
    const from = await request(new URL(path, opened.origin), {
      method: method as Dispatcher.HttpMethod,
      dispatcher: opened.watches,
      signal,
      headers: forwarded(headers, this.#token, opened.headers),
      ...(body.length === 0 ? {} : { body }),
    });
    if (late.length > 0) {
      const whole = Buffer.from(await from.body.arrayBuffer());
      for (const action of late) {
        if (action.kind === "After") await action.run(call, from.statusCode);
        else return void answer.destroy();
      }
      answer.writeHead(from.statusCode, endToEnd(from.headers));
      answer.end(whole);
      return;
    }
    answer.writeHead(from.statusCode, endToEnd(from.headers));
    // A watch says nothing for a while; its caller waits for the headers.
    answer.flushHeaders();
    await pipeline(from.body, answer);
  }

  #config(): string {
    const name = "proxy";
    return stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": name,
      clusters: [{ name, cluster: { server: `http://127.0.0.1:${this.#listener.port}` } }],
      users: [{ name, user: { token: this.#token } }],
      contexts: [{ name, context: { cluster: name, user: name, namespace: this.#connection.namespace } }],
    });
  }
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parsed(body: Buffer): Json | undefined {
  try {
    return body.length === 0 ? undefined : (JSON.parse(body.toString("utf8")) as Json);
  } catch {
    return body.toString("utf8");
  }
}

const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length", "expect"];

/** The caller's headers, with the real credentials in the place of the proxy's own; other credentials are passed on. */
function forwarded(
  headers: IncomingHttpHeaders,
  token: string,
  real: Readonly<Record<string, string>>,
): Record<string, string | string[]> {
  const kept = endToEnd(headers);
  return headers.authorization === `Bearer ${token}` ? { ...kept, ...real } : kept;
}

function endToEnd(headers: IncomingHttpHeaders | Record<string, string | string[] | undefined>) {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !HOP_BY_HOP.includes(name)) kept[name] = value;
  }
  return kept;
}
