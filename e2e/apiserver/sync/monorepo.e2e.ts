import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createGit } from "../../../src/adapters/git/store.ts";
import type { Key } from "../../../src/api/objects.ts";
import { type GitSync, parseGitSync } from "../../../src/api/v1alpha1/gitsync.ts";
import { startHttpServer } from "../../../src/controllers/http/server.ts";
import { createWebhook } from "../../../src/controllers/http/webhook.ts";
import { KeyedQueue } from "../../../src/controllers/queue.ts";
import { Secrets } from "../../../src/controllers/sync/secrets.ts";
import { checkIn, readSource, type SourceParts } from "../../../src/controllers/sync/source.ts";
import { SyncStates } from "../../../src/controllers/sync/state.ts";
import { serveGit } from "../../../src/testing/gitHttpServer.ts";
import { createRepository } from "../../../src/testing/gitRepository.ts";
import { until } from "../../apps/until.ts";

const APPS = 1_000;
const PUSHES = 200;
const FORGED = 10_000;
const WINDOW_MS = 1_000;
const TOKEN = "t0ken";

const keyOfApp = (app: number): Key => `shop/app${app}`;
const path = (app: number): string => `apps/app${app}`;

/** A commit of every app, and then one for each push, each of which changes one app. */
function historyOf(pushed: readonly number[]): string {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const head = (mark: number): string =>
    `commit refs/heads/next\nmark :${mark}\ncommitter A <a@example.com> ${mark} +0000\n${data(`push ${mark}`)}`;
  const file = (app: number, text: string): string => `M 100644 inline ${path(app)}/app.yaml\n${data(text)}`;
  const all = Array.from({ length: APPS }, (_, app) => file(app, "first")).join("");
  return [
    `${head(1)}${all}`,
    ...pushed.map((app, n) => `${head(n + 2)}from :${n + 1}\n${file(app, `push ${n}`)}`),
  ].join("\n");
}

it("E46: 200 pushes and 10,000 forged hooks cost one fetch a window, and render exactly what changed of 1,000 apps", async () => {
  const root = mkdtempSync(join(tmpdir(), "monorepo-"));
  const server = await serveGit(join(root, "remote"));
  const repository = createRepository(join(root, "remote"), "mono.git");
  const changed = Array.from({ length: PUSHES }, (_, n) => (n * 7) % 90);
  repository.git(["fast-import", "--quiet"], historyOf(changed));
  const [first = "", ...pushes] = repository.git(["rev-list", "--reverse", "refs/heads/next"]).split("\n");
  repository.git(["update-ref", "refs/heads/main", first]);

  const rendered: string[] = [];
  const stop = new AbortController();
  const url = `${server.url}/mono.git`;
  const syncs = new Map<Key, GitSync>();
  for (let app = 0; app < APPS; app += 1) {
    const [, name = ""] = keyOfApp(app).split("/");
    const metadata = { namespace: "shop", name, generation: 1, creationTimestamp: "2026-01-01T00:00:00Z" };
    const spec = { url, path: path(app), interval: "1h" };
    syncs.set(keyOfApp(app), parseGitSync({ apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync", metadata, spec }));
  }
  const states = new SyncStates();
  const parts: SourceParts = {
    git: createGit({
      cacheRoot: join(root, "store"),
      tempRoot: join(root, "temp"),
      protocols: ["http"],
      hosts: { addresses: "any" },
    }),
    decrypter: { decrypt: async (file) => file },
    renderer: {
      async render({ tree, path: at }, signal) {
        await tree.read([at], () => true, signal);
        rendered.push(at);
        return { kind: "Rendered", objects: [] };
      },
    },
    discovery: { kind: async () => undefined, facts: async () => ({ kubeVersion: "", apiVersions: [] }) },
    secrets: new Secrets(
      { watch: () => undefined as never, untilSynced: async () => undefined },
      () => undefined,
      stop.signal,
    ),
    signatures: { verify: async () => ({ kind: "Bad", why: "is not asked about" }) },
    bornAt: Date.now(),
    spread: () => undefined,
    tellMoved: () => undefined,
  };
  const queue = new KeyedQueue(
    async (key, signal) => {
      const [sync, state] = [syncs.get(key), states.of(key)];
      if (sync === undefined || checkIn(sync, state, Date.now()) > 0) return;
      state.trouble = await readSource(sync, state, parts, Date.now, signal);
    },
    { workers: 8 },
  );
  let told = 0;
  const webhook = createWebhook({
    hookOf: async () => ({ token: TOKEN, provider: "Generic", repository: url }),
    notify() {
      told += 1;
      for (const key of syncs.keys()) {
        states.of(key).notifiedAt = Date.now();
        queue.add(key);
      }
    },
    windowMs: WINDOW_MS,
  });
  const receiver = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    alive: () => true,
    ready: () => true,
    metrics: { contentType: "text/plain", text: async () => "" },
    hook: webhook.handle,
  });
  onTestFinished(async () => {
    webhook.close();
    stop.abort();
    await queue.drain(AbortSignal.timeout(10_000));
    await receiver.close(0);
    await server[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  });

  const untilAt = (sha: string) =>
    until(
      `all apps at ${sha}`,
      async (saw) => {
        const left = [...syncs.keys()].filter((key) => states.of(key).content?.commit.sha !== sha);
        saw(`${left.length} are not; ${JSON.stringify(left[0] && states.of(left[0]).trouble)}`);
        return left.length === 0 ? true : undefined;
      },
      { timeoutMs: 240_000 },
    );
  for (const key of syncs.keys()) queue.add(key);
  await untilAt(first);
  expect([rendered.length, server.seen]).toMatchObject([APPS, { advertisements: 2, fetches: 1 }]);

  rendered.length = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const hook = (signature: string) =>
    new Promise<number>((resolve, reject) => {
      const headers = { "x-hub-signature-256": `sha256=${signature}`, "content-length": "2" };
      const sent = request(
        { agent, port: receiver.port, path: "/hooks/shop/app0", method: "POST", headers },
        (answer) => answer.resume().once("end", () => resolve(answer.statusCode ?? 0)),
      );
      sent.on("error", reject);
      sent.end("{}");
    });
  const signature = createHmac("sha256", TOKEN).update("{}").digest("hex");
  const [before, started] = [{ ...server.seen }, performance.now()];
  let forged = 0;
  for (const push of pushes) {
    repository.git(["update-ref", "refs/heads/main", push]);
    const answers = [
      hook(signature),
      ...Array.from({ length: FORGED / PUSHES }, () => hook(signature.replace(/./g, "0"))),
    ];
    const [proven, ...others] = await Promise.all(answers);
    expect(proven).toBe(202);
    forged += others.filter((status) => status === 401).length;
  }
  await untilAt(pushes.at(-1) ?? "");
  const windows = Math.ceil((performance.now() - started) / WINDOW_MS) + 1;
  const fetches = server.seen.fetches - before.fetches;
  const questions = server.seen.advertisements - before.advertisements - fetches;
  agent.destroy();
  console.log(
    `${questions} questions and ${fetches} fetches in ${windows} windows; ${rendered.length} renderings of ${new Set(rendered).size} apps`,
  );
  expect(forged).toBe(FORGED);
  expect(told).toBeLessThanOrEqual(windows);
  expect(questions).toBeLessThanOrEqual(told);
  expect(fetches).toBeLessThanOrEqual(questions);
  expect(new Set(rendered)).toEqual(new Set(changed.map(path)));
  // An app is rendered once for each fetch that brought a change of it, at most.
  expect(rendered.length).toBeLessThanOrEqual(fetches * new Set(changed).size);
}, 400_000);
