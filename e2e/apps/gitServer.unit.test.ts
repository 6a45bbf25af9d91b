import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { git, run } from "./git.ts";
import { WorkingCopy } from "./gitRepo.ts";
import { type GitServer, startGitServer } from "./gitServer.ts";
import { assertPrivate } from "./listener.ts";
import { until } from "./until.ts";
import { signature } from "./webhooks.ts";

let directory: string;
let server: GitServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "fairlead-clients-"));
  server = await startGitServer({ host: "127.0.0.1", http: true });
});

afterEach(() => server.setFault());

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const lsRemote = (url: string, env = server.clientEnv) => git(["ls-remote", url, "main"], { env });

async function pushed(repo: string, url = server.httpsUrl(repo)): Promise<{ copy: WorkingCopy; sha: string }> {
  await server.createRepo(repo);
  const copy = await WorkingCopy.init({ directory: join(directory, repo), remote: url, env: server.clientEnv });
  return { copy, sha: await copy.change("First", { "web.yaml": "replicas: 1\n" }) };
}

test.for(["httpsUrl", "httpUrl", "sshUrl"] as const)("push, list and clone by %s, each counted", async (kind) => {
  const repo = `acme/${kind.toLowerCase()}`;
  const url = server[kind](repo);
  const { sha } = await pushed(repo, url);
  expect(server.requests(repo)).toEqual({ listed: 0, fetched: 0, pushed: 1 });
  expect(await lsRemote(url)).toBe(`${sha}\trefs/heads/main`);
  expect(server.requests(repo)).toEqual({ listed: 1, fetched: 0, pushed: 1 });
  const clone = join(directory, `${kind}-clone`);
  const copy = await WorkingCopy.clone({ directory: clone, remote: url, env: server.clientEnv });
  expect(await copy.head()).toBe(sha);
  expect(server.requests(repo)).toEqual({ listed: 2, fetched: 1, pushed: 1 });
});

test("wrong credentials and an unknown authority are refused", async () => {
  const url = server.httpsUrl("acme/httpsurl");
  const before = server.unauthorised;
  const wrong = { ...server.clientEnv, GIT_CONFIG_VALUE_0: "Authorization: Basic d3Jvbmc6d3Jvbmc=" };
  await expect(lsRemote(url, wrong)).rejects.toThrow(/Authentication failed|could not read Username/);
  expect(server.unauthorised).toBeGreaterThan(before);
  const { GIT_SSL_CAINFO: _, ...stranger } = server.clientEnv;
  await expect(lsRemote(url, stranger)).rejects.toThrow(/certificate/);
  const bearer = { ...server.clientEnv, GIT_CONFIG_VALUE_0: `Authorization: Bearer ${server.password}` };
  expect(await lsRemote(url, bearer)).toContain("refs/heads/main");
});

test("the SSH key can use the repositories and nothing else", async () => {
  const url = new URL(server.sshUrl("x"));
  const sshCommand = server.clientEnv["GIT_SSH_COMMAND"] ?? "";
  const ssh = (command: string) =>
    run("sh", ["-c", `exec ${sshCommand} -p ${url.port} ${url.username}@${url.hostname} "$1"`, "sh", command]);
  await Promise.all([
    expect(ssh("id")).rejects.toThrow("only git is served here"),
    expect(ssh("git-upload-pack '/../../etc'")).rejects.toThrow("no such repository"),
    expect(ssh("git-upload-pack 'x$(id)'")).rejects.toThrow("no such repository"),
    expect(lsRemote(server.sshUrl("acme/none"))).rejects.toThrow("no such repository"),
  ]);
});

test("a push is told to the webhook, signed, as GitHub does", async () => {
  const calls: { event: string | undefined; signed: boolean; body: Record<string, unknown> }[] = [];
  const receive = async (request: IncomingMessage) => {
    const body = await text(request);
    const signed = request.headers["x-hub-signature-256"] === signature("s3cret", body);
    calls.push({ event: request.headers["x-github-event"]?.toString(), signed, body: JSON.parse(body) });
  };
  const receiver = createServer((request, response) => {
    void receive(request).then(() => response.writeHead(202).end());
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  server.addWebhook("acme/hooked", { url, secret: "s3cret" });
  const { copy, sha } = await pushed("acme/hooked", server["sshUrl"]("acme/hooked"));
  const [call] = await until("the webhook", () => (calls.length > 0 ? calls : undefined), { everyMs: 5 });
  expect(call).toMatchObject({
    event: "push",
    signed: true,
    body: { ref: "refs/heads/main", after: sha, created: true, repository: { full_name: "acme/hooked" } },
  });
  await copy.git("commit", "--quiet", "--amend", "--message", "Rewritten");
  await copy.push({ force: true });
  await until("the second call", () => calls[1], { everyMs: 5 });
  expect(calls[1]?.body).toMatchObject({ before: sha, after: await copy.head(), forced: true, created: false });
  await until("the answers", () => (server.deliveries.length === 2 ? true : undefined), { everyMs: 5 });
  expect(server.deliveries).toMatchObject([{ outcome: 202 }, { outcome: 202 }]);
  receiver.closeAllConnections();
  receiver.close();
});

test("faults: a status, a cut answer, and a server that goes down and comes back where it was", async () => {
  const { sha } = await pushed("faults");
  const url = server.httpsUrl("faults");
  server.setFault({ kind: "Status", status: 503 });
  await expect(lsRemote(url)).rejects.toThrow("503");
  server.setFault({ kind: "Cut", afterBytes: 20 });
  await expect(lsRemote(url)).rejects.toThrow(/terminated|closed|reset|EOF|hung up|bytes/);
  server.setFault({ kind: "Delay", ms: 10 });
  expect(await lsRemote(url)).toBe(`${sha}\trefs/heads/main`);
  await server.down();
  await expect(lsRemote(url)).rejects.toThrow(/refused|Failed to connect|Couldn't connect/);
  await expect(lsRemote(server.sshUrl("faults"))).rejects.toThrow(/refused/);
  await server.up();
  expect(await lsRemote(url)).toContain(sha);
  expect(await lsRemote(server.sshUrl("faults"))).toContain(sha);
});

test("an answer that is cut long before its end does not keep the server from going down", async () => {
  const { sha } = await pushed("large");
  const bare = await server.createRepo("large");
  const refs = Array.from({ length: 4_000 }, (_, n) => `refs/heads/branch-${n}`);
  await writeFile(join(bare, "packed-refs"), refs.map((ref) => `${sha} ${ref}\n`).join(""));
  server.setFault({ kind: "Cut", afterBytes: 20 });
  const url = `${server.httpUrl("large")}/info/refs?service=git-upload-pack`;
  const headers = { authorization: `Bearer ${server.password}` };
  await expect(fetch(url, { headers }).then((answer) => answer.text())).rejects.toThrow(/terminated|failed/);
  await server.down();
  await server.up();
});

test("nothing is left behind, and strangers' addresses are refused", async () => {
  expect(() => assertPrivate("198.18.1.1")).not.toThrow();
  await expect(startGitServer({ host: "0.0.0.0" })).rejects.toThrow("loopback or private");
  const other = await startGitServer({ host: "127.0.0.1", ssh: false });
  const home = dirname(dirname(await other.createRepo("x")));
  const url = other.httpsUrl("x");
  expect(() => other.sshUrl("x")).toThrow("without ssh");
  await other[Symbol.asyncDispose]();
  expect(existsSync(home)).toBe(false);
  await expect(lsRemote(url)).rejects.toThrow("git ls-remote");
});
