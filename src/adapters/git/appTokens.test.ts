import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { GitApp, GitCredentials } from "../../ports/git.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { selfSigned } from "../../testing/selfSigned.ts";
import { InstallationTokens } from "./appTokens.ts";
import { Hosts } from "./hosts.ts";

const never = new AbortController().signal;
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
const certificate = selfSigned("api");
const remote = useRemote();

interface Asked {
  readonly path: string;
  readonly authorization: string;
}

let server: Server;
let api: string;
let asked: Asked[];
let answer: { status: number; headers?: Record<string, string>; body: unknown };
let now: number;

beforeAll(async () => {
  server = createServer(certificate, (request, response) => {
    asked.push({ path: `${request.method} ${request.url}`, authorization: request.headers.authorization ?? "" });
    response.writeHead(answer.status, answer.headers).end(JSON.stringify(answer.body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  api = `https://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3/`;
});
afterAll(() => server.close());

beforeEach(() => {
  asked = [];
  now = Date.parse("2026-01-02T03:00:00Z");
  answer = { status: 201, body: { token: "ghs_one", expires_at: "2026-01-02T04:00:00Z" } };
});

const tokens = (addresses: "any" | "private" = "any") =>
  new InstallationTokens({ hosts: new Hosts({ addresses }), environment: {}, now: () => now });
const app = (change: Partial<GitApp> = {}): GitApp => ({
  id: "42",
  installation: "7",
  privateKey: pem,
  api,
  ...change,
});
const trusted: GitCredentials = { caCert: certificate.cert };

test("E41: the app proves itself by its key and gets the installation's token", async () => {
  expect(await tokens().token(app(), trusted, never)).toBe("ghs_one");
  expect(asked.map(({ path }) => path)).toEqual(["POST /api/v3/app/installations/7/access_tokens"]);
  const [head = "", claims = "", signature = ""] = (asked[0]?.authorization ?? "").replace(/^Bearer /, "").split(".");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  expect(read(head)).toEqual({ alg: "RS256", typ: "JWT" });
  expect(read(claims)).toEqual({ iat: now / 1000 - 60, exp: now / 1000 + 540, iss: "42" });
  const proven = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    createPublicKey(publicKey.export({ type: "spki", format: "pem" })),
    Buffer.from(signature, "base64url"),
  );
  expect(proven).toBe(true);
});

test("E41: a token is kept until five minutes before its end, and shared by all who ask at once", async () => {
  const source = tokens();
  await Promise.all([1, 2, 3].map(() => source.token(app(), trusted, never)));
  expect(asked).toHaveLength(1);
  now += 54 * 60_000;
  await source.token(app(), trusted, never);
  expect(asked).toHaveLength(1);
  now += 2 * 60_000;
  answer.body = { token: "ghs_two", expires_at: "2026-01-02T05:00:00Z" };
  expect(await source.token(app(), trusted, never)).toBe("ghs_two");
  source.forget(app());
  await source.token(app(), trusted, never);
  expect(asked).toHaveLength(3);
  await source.token(app({ installation: "8" }), trusted, never);
  expect(asked.at(-1)?.path).toContain("/8/");
});

test.each<[string, () => void, Partial<GitApp>, GitCredentials, string, string]>([
  ["a wrong key", () => Object.assign(answer, { status: 401 }), {}, trusted, "AuthFailed", "githubAppPrivateKey"],
  [
    "no such installation",
    () => Object.assign(answer, { status: 404 }),
    {},
    trusted,
    "AuthFailed",
    "githubAppInstallationID",
  ],
  ["a suspended app", () => Object.assign(answer, { status: 403 }), {}, trusted, "AccessDenied", "denies access"],
  [
    "a limit of rates",
    () => Object.assign(answer, { status: 403, headers: { "retry-after": "9" } }),
    {},
    trusted,
    "RateLimited",
    "rate",
  ],
  ["trouble", () => Object.assign(answer, { status: 502 }), {}, trusted, "HostError", "502"],
  [
    "a redirect",
    () => Object.assign(answer, { status: 302, headers: { location: "https://example.com" } }),
    {},
    trusted,
    "InvalidURL",
    "redirects",
  ],
  [
    "nonsense",
    () => Object.assign(answer, { body: { token: "a\nb" } }),
    {},
    trusted,
    "GitFailed",
    "no installation token",
  ],
  ["an unknown authority", () => undefined, {}, {}, "TLSFailed", "ca.crt"],
  ["what is no key", () => undefined, { privateKey: "c4nary" }, trusted, "AuthFailed", "RSA key"],
  ["what is no number", () => undefined, { installation: "../7" }, trusted, "AuthFailed", "number"],
  ["plain http", () => undefined, { api: "http://127.0.0.1/" }, trusted, "InvalidURL", "https"],
])("E41: %s is told", async (_name, arrange, change, credentials, reason, words) => {
  arrange();
  const failed = tokens().token(app(change), credentials, never);
  await expect(failed).rejects.toMatchObject({ reason, message: expect.stringContaining(words) });
  await expect(failed).rejects.not.toThrow("c4nary");
});

test("A08: the API of an app is held to the same policy as the Git host", async () => {
  await expect(tokens("private").token(app(), trusted, never)).rejects.toMatchObject({ reason: "HostRefused" });
  expect(asked).toEqual([]);
});

test("E41: git gets in with the token; one that is refused before its time is replaced", async () => {
  const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
  const { caCert = "" } = remote.source().credentials;
  const source = remote.source({ branch: "main" }, { app: app(), caCert: `${caCert}${certificate.cert}` });
  const git = remote.store();
  const header = (token: string) => `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
  answer.body = { token: "ghs_one", expires_at: new Date(Date.now() + 3_600_000).toISOString() };
  remote.server.authorization = header("ghs_one");
  expect((await git.resolve(source, never)).sha).toBe(sha);
  remote.server.authorization = header("ghs_two");
  answer.body = { token: "ghs_two", expires_at: new Date(Date.now() + 3_600_000).toISOString() };
  await expect(git.resolve(source, never)).rejects.toMatchObject({ reason: "AuthFailed" });
  const again = await remote.requests(() => git.resolve(source, never));
  // The same store: another token is no other credential.
  expect(again).toEqual({ calls: 1, fetches: 0 });
  expect(asked).toHaveLength(2);
});
