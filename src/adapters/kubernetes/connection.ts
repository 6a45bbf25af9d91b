import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import type { Authenticator } from "@kubernetes/client-node/dist/auth.js";
import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import { FileAuth } from "@kubernetes/client-node/dist/file_auth.js";
import { Agent, type Dispatcher } from "undici";
import { type KubeSource, type KubeTarget, readTarget } from "./kubeconfig.ts";

/** What one request needs to reach the API server. */
export interface Opened {
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A few connections, shared by all calls. */
  readonly calls: Dispatcher;
  /** As many connections as there are watches: one watch in the other pool would take a call's place for minutes. */
  readonly watches: Dispatcher;
  /** Names the credentials used, for `refresh`. */
  readonly generation: number;
}

/** How a connection behaves; times are in milliseconds. */
export interface ConnectionSettings {
  /** The most connections for calls. */
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
  /** How long credentials are used before their files are looked at again. */
  readonly maxAgeMs?: number;
}

interface Tls {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

interface Session {
  readonly opened: Opened;
  readonly agents: readonly Agent[];
  /** The hash of the TLS material: only another certificate or authority needs other connections. */
  readonly tls: string;
  readonly at: number;
}

/**
 * The address, credentials and connections of one API server.
 *
 * Only client-node's authenticators and kubeconfig types are loaded: its `KubeConfig` pulls in 900 models
 * (80 MB of memory) and builds a new TLS connection for every request.
 */
export class Connection {
  readonly #source: KubeSource;
  readonly #options: Required<ConnectionSettings>;
  #target: KubeTarget;
  #authenticator: Authenticator | undefined;
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  #generation = 0;

  constructor(source: KubeSource, options: ConnectionSettings = {}) {
    this.#source = source;
    this.#target = readTarget(source);
    this.#options = { connections: 8, connectTimeoutMs: 5_000, maxAgeMs: 10_000, ...options };
  }

  /** The namespace of the context, or of the operator's own pod. */
  get namespace(): string {
    return this.#target.namespace;
  }

  /** The most calls that are in flight at once. */
  get connections(): number {
    return this.#options.connections;
  }

  /** Credentials and connections that are good now; concurrent callers share the work. */
  async open(): Promise<Opened> {
    const session = this.#session;
    if (session !== undefined && performance.now() - session.at < this.#options.maxAgeMs) return session.opened;
    this.#opening ??= this.#authenticate().finally(() => {
      this.#opening = undefined;
    });
    return (await this.#opening).opened;
  }

  /** Forgets credentials that the server refused and reads their source again; does nothing when newer ones are there. */
  refresh(generation: number): void {
    if (this.#session?.opened.generation !== generation) return;
    this.#target = readTarget(this.#source);
    this.#authenticator = undefined;
    this.#session = { ...this.#session, at: Number.NEGATIVE_INFINITY };
  }

  /** Closes the connections when their requests have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#session?.agents.map((agent) => agent.close()) ?? []);
  }

  async #authenticate(): Promise<Session> {
    const { cluster, user } = this.#target;
    if (cluster.proxyUrl) throw new Error(`cluster "${cluster.name}" sets proxy-url, which is not supported`);
    const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
    this.#authenticator ??= await authenticatorOf(user);
    await this.#authenticator?.applyAuthentication(withExecInfo(user, cluster.server), options);
    const ca = material(cluster.caFile, cluster.caData);
    const cert = text(options.cert) ?? material(user.certFile, user.certData);
    const key = text(options.key) ?? material(user.keyFile, user.keyData);
    const tls: Tls = {
      rejectUnauthorized: !cluster.skipTLSVerify,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    };
    const hash = createHash("sha256").update(JSON.stringify(tls)).digest("hex");
    const before = this.#session;
    const agents = before?.tls === hash ? before.agents : this.#agents(tls);
    const [calls, watches] = agents;
    if (calls === undefined || watches === undefined) throw new Error("no connections");
    this.#generation += 1;
    const opened = { origin: cluster.server, headers: headersOf(user, options.headers), calls, watches };
    this.#session = {
      opened: { ...opened, generation: this.#generation },
      agents,
      tls: hash,
      at: performance.now(),
    };
    if (before !== undefined && before.agents !== agents) {
      // Watches on the old agents run on until their own end; nothing new uses them.
      for (const agent of before.agents) agent.close().catch(() => undefined);
    }
    return this.#session;
  }

  #agents(tls: Tls): readonly Agent[] {
    const connect = { ...tls, timeout: this.#options.connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000 };
    const common = { connect, allowH2: false, pipelining: 1 };
    return [
      new Agent({ ...common, connections: this.#options.connections }),
      // A quiet watch sends nothing for minutes; the reflector has its own limit.
      new Agent({ ...common, bodyTimeout: 0 }),
    ];
  }
}

async function authenticatorOf(user: User): Promise<Authenticator | undefined> {
  const known: readonly Authenticator[] = [new ExecAuth(), new FileAuth()];
  const found = known.find((authenticator) => authenticator.isAuthProvider(user));
  if (found !== undefined) return found;
  const provider: unknown = user.authProvider?.name;
  if (provider === undefined) return undefined;
  if (provider === "oidc") {
    // Loaded only for those who use it: it brings all of client-node's models along.
    const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
    return new OpenIDConnectAuth();
  }
  throw new Error(`auth-provider "${String(provider)}" of user "${user.name}" is not supported; use an exec plugin`);
}

/** Plugins that speak of the cluster need this variable, and client-node does not set it. */
function withExecInfo(user: User, server: string): User {
  if (!user.exec) return user;
  const apiVersion: unknown = user.exec.apiVersion ?? "client.authentication.k8s.io/v1";
  const info = { apiVersion, kind: "ExecCredential", spec: { interactive: false, cluster: { server } } };
  const env = [...(user.exec.env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }];
  return { ...user, exec: { ...user.exec, env } };
}

function headersOf(user: User, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const basic = user.username ? Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64") : undefined;
  const authorization = given["Authorization"] ?? (user.token ? `Bearer ${user.token}` : basic && `Basic ${basic}`);
  return {
    // A token file may end in a newline, which no header may hold.
    ...(authorization === undefined ? {} : { authorization: authorization.trim() }),
    ...(user.impersonateUser ? { "impersonate-user": user.impersonateUser } : {}),
  };
}

function material(file: string | undefined, data: string | undefined): string | undefined {
  if (file) return readFileSync(file, "utf8");
  return data ? Buffer.from(data, "base64").toString("utf8") : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
