import { createHash, createPrivateKey, type KeyObject, sign } from "node:crypto";
import { type GitApp, type GitCredentials, GitError } from "../../ports/git.ts";
import { Flights } from "./flights.ts";
import type { Hosts } from "./hosts.ts";
import { callHttps, refusal } from "./https.ts";
import { isProxied } from "./proxy.ts";
import { portOf } from "./validate.ts";

/** Where installation tokens come from. */
export interface AppTokens {
  /** A token that is good for some minutes at least. */
  token(app: GitApp, credentials: GitCredentials, signal: AbortSignal): Promise<string>;
  /** Forgets a token that was refused before its time. */
  forget(app: GitApp): void;
}

/** What asking for tokens takes; `now` is in epoch milliseconds. */
export interface AppTokenOptions {
  readonly hosts: Hosts;
  readonly environment: Readonly<Record<string, string>>;
  readonly now?: () => number;
}

interface Held {
  readonly token: string;
  readonly renewAt: number;
}

const publicApi = "https://api.github.com";
/** A clock that runs ahead must not make a token of the future; ten minutes is the most that is accepted. */
const skewSeconds = 60;
const lifeSeconds = 540;
/** Renewed so long before its end that no call is under way with one that ends. */
const marginMs = 5 * 60_000;

/** Trades the key of an app for tokens of an installation, as GitHub defined it and Gitea and others follow. */
export class InstallationTokens implements AppTokens {
  readonly #options: AppTokenOptions;
  readonly #held = new Map<string, Held>();
  readonly #flights = new Flights();

  constructor(options: AppTokenOptions) {
    this.#options = options;
  }

  async token(app: GitApp, credentials: GitCredentials, signal: AbortSignal): Promise<string> {
    const name = nameOf(app);
    const held = this.#held.get(name);
    if (held !== undefined && held.renewAt > this.#now()) return held.token;
    const fresh = await this.#flights.share(name, signal, (shared) => this.#ask(app, credentials, shared));
    this.#held.set(name, fresh);
    return fresh.token;
  }

  forget(app: GitApp): void {
    this.#held.delete(nameOf(app));
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async #ask(app: GitApp, credentials: GitCredentials, signal: AbortSignal): Promise<Held> {
    const { hosts, environment } = this.#options;
    const url = endpoint(app);
    const place = { name: url.hostname, port: portOf(url) };
    hosts.check(place);
    const asked = this.#now();
    const answer = await callHttps({
      method: "POST",
      url,
      headers: { authorization: `Bearer ${proof(app, asked)}`, accept: "application/vnd.github+json" },
      credentials,
      addresses: await hosts.admit(place, { proxied: isProxied(credentials, environment) }, signal),
      environment,
      maxBytes: 256 * 1024,
      signal,
    });
    if (answer.status !== 201) throw told(url, answer);
    const { token, expires_at: until } = parse(answer.body);
    const end = Date.parse(String(until));
    if (typeof token !== "string" || !/^[\x21-\x7e]{1,1024}$/.test(token) || Number.isNaN(end)) {
      throw new GitError("GitFailed", `${url.host} gave no installation token; check githubAppBaseURL`);
    }
    return { token, renewAt: end - Math.min(marginMs, (end - asked) / 4) };
  }
}

function endpoint({ api = publicApi, installation }: GitApp): URL {
  const base = URL.parse(api.trim().replace(/\/+$/, ""));
  if (base === null || base.protocol !== "https:" || base.username !== "" || base.search !== "" || base.hash !== "") {
    throw new GitError(
      "InvalidURL",
      "githubAppBaseURL must be an https address, such as https://git.example.com/api/v3",
    );
  }
  if (!/^\d{1,20}$/.test(installation.trim())) {
    throw new GitError(
      "AuthFailed",
      "githubAppInstallationID must be a number; it ends the URL of the installation's page",
    );
  }
  return new URL(`${base.href.replace(/\/$/, "")}/app/installations/${installation.trim()}/access_tokens`);
}

/** A JSON Web Token that proves for ten minutes that the key is ours. */
function proof({ id, privateKey }: GitApp, now: number): string {
  const seconds = Math.floor(now / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iat: seconds - skewSeconds, exp: seconds + lifeSeconds, iss: id.trim() };
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), keyOf(privateKey)).toString("base64url")}`;
}

function keyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // told below, without a word of the key
  }
  throw new GitError("AuthFailed", "githubAppPrivateKey in the Secret is no unencrypted RSA key in PEM format");
}

function told(url: URL, answer: { readonly status: number; readonly retryAfterMs: number | undefined }): GitError {
  if (answer.status === 401) {
    const message = `${url.host} does not accept the app's key; check githubAppID and githubAppPrivateKey in the Secret`;
    return new GitError("AuthFailed", message);
  }
  if (answer.status === 404) {
    const message = `${url.host} knows no such installation of the app; check githubAppInstallationID in the Secret`;
    return new GitError("AuthFailed", message);
  }
  return refusal(url.host, answer);
}

function parse(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function nameOf(app: GitApp): string {
  return createHash("sha256").update(JSON.stringify(app)).digest("hex");
}
