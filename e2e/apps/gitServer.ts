import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { isIPv6 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Children } from "./children.ts";
import { type Env, git, isolatedGitEnv, run } from "./git.ts";
import { GitEvents, type GitRequests, type RefUpdate, writeServerConfig } from "./gitEvents.ts";
import { authorises, type GitFault, type GitHttpContext, serveGit } from "./gitHttp.ts";
import { clientCommand, type GitSsh, prepareSsh } from "./gitSsh.ts";
import { assertPrivate, Listener } from "./listener.ts";
import { type Certificates, makeCertificates } from "./tls.ts";
import { type Delivery, type Webhook, Webhooks } from "./webhooks.ts";

/** Where the server listens and what it speaks besides HTTPS. */
export interface GitServerOptions {
  /** Loopback or private addresses; URLs name the first. Pods reach the bridge's address. */
  readonly host: string | readonly string[];
  /** Plain HTTP too. */
  readonly http?: boolean;
  /** SSH too, by the machine's sshd; true when absent. */
  readonly ssh?: boolean;
  readonly log?: (line: string) => void;
}

/** A real Git server in this process, for as long as it is not disposed of. */
export interface GitServer extends AsyncDisposable {
  /** The authority that signed the HTTPS certificate, PEM. */
  readonly ca: string;
  readonly username: string;
  /** The current password; it is taken as a bearer token too. */
  readonly password: string;
  readonly sshPrivateKey: string;
  /** The same key, locked with a passphrase. */
  lockedSshPrivateKey(passphrase: string): Promise<string>;
  readonly knownHosts: string;
  /** What a git client needs to get in, over HTTPS and SSH; valid until the password is changed. */
  readonly clientEnv: Env;
  readonly deliveries: readonly Delivery[];
  /** Requests that were answered with 401; git's own first try, without a password, is one. */
  readonly unauthorised: number;
  httpsUrl(repo: string): string;
  httpUrl(repo: string): string;
  sshUrl(repo: string): string;
  /** Makes an empty repository, `shop` or `acme/shop`, and gives its directory. */
  createRepo(name: string): Promise<string>;
  requests(repo: string): GitRequests;
  addWebhook(repo: string, hook: Webhook): void;
  /** Makes the HTTP side misbehave; without an argument it behaves again. */
  setFault(fault?: GitFault): void;
  /** Changes the password, as someone who rotates a credential does. */
  setPassword(password: string): void;
  /** Cuts all connections and refuses new ones until `up`, which comes back on the same ports. */
  down(): Promise<void>;
  up(): Promise<void>;
}

const REPO_NAME = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*$/;

/** Starts a Git server: smart HTTP by `git http-backend`, SSH by `sshd`, everything else in a directory that goes with it. */
export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  const server = new RunningGitServer(options);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class RunningGitServer implements GitServer {
  readonly username = "tests";
  password = randomBytes(12).toString("hex");
  unauthorised = 0;
  readonly #options: GitServerOptions;
  readonly #hosts: readonly string[];
  readonly #undo = new AsyncDisposableStack();
  readonly #ended = new AbortController();
  readonly #children = new Children();
  readonly #webhooks = new Webhooks();
  #directory = "";
  #certificates: Certificates | undefined;
  #events: GitEvents | undefined;
  #ssh: GitSsh | undefined;
  #listeners: Partial<Record<"https" | "http" | "ssh", Listener>> = {};
  #fault: GitFault | undefined;

  constructor(options: GitServerOptions) {
    this.#options = options;
    this.#hosts = typeof options.host === "string" ? [options.host] : options.host;
    for (const host of this.#hosts) assertPrivate(host);
  }

  async start(): Promise<void> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), "fairlead-git-")));
    this.#undo.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    this.#directory = directory;
    const root = join(directory, "repos");
    await mkdir(root);
    const events = await GitEvents.open(join(directory, "events"), root, (update) => this.#pushed(update));
    this.#events = events;
    this.#undo.defer(() => events.close());
    this.#undo.defer(() => this.#webhooks.end());
    this.#undo.defer(() => this.down());
    this.#undo.defer(() => this.#ended.abort());

    const config = await writeServerConfig(directory, events.file);
    const env = isolatedGitEnv({ GIT_CONFIG_GLOBAL: config, HOME: directory });
    const log = this.#options.log ?? (() => undefined);
    const children = this.#children;
    const certificates = await makeCertificates(directory, [...new Set([...this.#hosts, "127.0.0.1", "localhost"])]);
    this.#certificates = certificates;
    const handle = this.#handler({
      root,
      env,
      children,
      ended: this.#ended.signal,
      authorised: (header) => authorises(header, this.username, this.password),
      fault: () => this.#fault,
      log,
      listed: (repo) => events.listed(repo),
      refused: () => void this.unauthorised++,
    });
    this.#listeners.https = new Listener(this.#hosts, () => createHttpsServer(certificates, handle));
    if (this.#options.http) this.#listeners.http = new Listener(this.#hosts, () => createHttpServer(handle));
    if (this.#options.ssh !== false) {
      this.#ssh = await prepareSsh({ directory, root, eventsFile: events.file, env, children, log });
      this.#listeners.ssh = new Listener(this.#hosts, this.#ssh.makeServer);
    }
    await this.up();
    await writeFile(join(directory, "known_hosts"), this.knownHosts);
  }

  get ca(): string {
    return this.#certificates?.ca ?? "";
  }

  get sshPrivateKey(): string {
    return this.#ssh?.privateKey ?? "";
  }

  async lockedSshPrivateKey(passphrase: string): Promise<string> {
    const file = join(this.#directory, `locked-${randomBytes(4).toString("hex")}`);
    await writeFile(file, this.sshPrivateKey, { mode: 0o600 });
    await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file]);
    return readFile(file, "utf8");
  }

  get knownHosts(): string {
    const [ssh, port] = [this.#ssh, this.#listeners.ssh?.port];
    return ssh ? this.#hosts.map((host) => `[${host}]:${port} ${ssh.hostKey}\n`).join("") : "";
  }

  get clientEnv(): Env {
    const basic = Buffer.from(`${this.username}:${this.password}`).toString("base64");
    return {
      GIT_SSL_CAINFO: this.#certificates?.caFile ?? "",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
      ...(this.#ssh && { GIT_SSH_COMMAND: clientCommand(this.#ssh, join(this.#directory, "known_hosts")) }),
    };
  }

  get deliveries(): readonly Delivery[] {
    return this.#webhooks.deliveries;
  }

  httpsUrl(repo: string): string {
    return this.#url("https", repo);
  }

  httpUrl(repo: string): string {
    return this.#url("http", repo);
  }

  sshUrl(repo: string): string {
    return this.#url("ssh", repo);
  }

  async createRepo(name: string): Promise<string> {
    if (!REPO_NAME.test(name)) throw new Error(`a repository is called shop or acme/shop, got ${name}`);
    await git(["init", "--quiet", "--bare", "--initial-branch=main", "--", this.#pathOf(name)]);
    return this.#pathOf(name);
  }

  requests(repo: string): GitRequests {
    return this.#events?.requests(repo) ?? { listed: 0, fetched: 0, pushed: 0 };
  }

  addWebhook(repo: string, hook: Webhook): void {
    this.#webhooks.add(repo, hook);
  }

  setFault(fault?: GitFault): void {
    this.#fault = fault;
  }

  setPassword(password: string): void {
    this.password = password;
  }

  async down(): Promise<void> {
    await Promise.all(Object.values(this.#listeners).map((listener) => listener.down()));
    await this.#children.end();
  }

  async up(): Promise<void> {
    await Promise.all(Object.values(this.#listeners).map((listener) => listener.up()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }

  #handler(context: GitHttpContext): RequestListener {
    return (request, response) => {
      serveGit(context, request, response).catch((error: unknown) => {
        context.log(`${request.method} ${request.url}: ${String(error)}`);
        response.destroy();
      });
    };
  }

  #pushed(update: RefUpdate): void {
    const { repo } = update;
    const sshUrl = this.#ssh ? this.sshUrl(repo) : "";
    this.#webhooks.send(update, { path: this.#pathOf(repo), cloneUrl: this.httpsUrl(repo), sshUrl });
  }

  #pathOf(repo: string): string {
    return join(this.#directory, "repos", `${repo}.git`);
  }

  #url(scheme: "https" | "http" | "ssh", repo: string): string {
    const listener = this.#listeners[scheme];
    if (listener === undefined) throw new Error(`this Git server was started without ${scheme}`);
    const [host = ""] = this.#hosts;
    const user = scheme === "ssh" ? `${this.#ssh?.user}@` : "";
    return `${scheme}://${user}${isIPv6(host) ? `[${host}]` : host}:${listener.port}/${repo}.git`;
  }
}
