import { createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Key } from "../../api/objects.ts";
import type { WebhookProvider } from "../../api/v1alpha1/gitsyncParts.ts";
import { silentLogger } from "../../telemetry/logger.ts";
import { startHttpServer } from "./server.ts";
import type { HookToken } from "./signature.ts";
import { createWebhook, type HookOutcome, type WebhookOptions } from "./webhook.ts";

const TOKENS: Readonly<Record<string, HookToken>> = { "shop/web": "t0ken", "shop/api": "other", "shop/empty": "" };
const BODY = '{"ref":"refs/heads/main"}';
const MIB = 1_048_576;

const hookWith = (token: HookToken | undefined, repository = "git", provider: WebhookProvider = "Generic") =>
  token === undefined ? undefined : { token, provider, repository };

async function rig(options: Partial<WebhookOptions> = {}) {
  let now = 0;
  const told: Key[] = [];
  const outcomes: HookOutcome[] = [];
  const webhook = createWebhook({
    hookOf: async (key) => hookWith(TOKENS[key], key),
    notify: (key) => told.push(key),
    onOutcome: (outcome) => outcomes.push(outcome),
    clock: { now: () => now, monotonic: () => now },
    schedule: () => () => undefined,
    ...options,
  });
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    alive: () => true,
    ready: () => true,
    metrics: { contentType: "text/plain", text: async () => "" },
    hook: webhook.handle,
  });
  onTestFinished(async () => {
    webhook.close();
    await server.close(0);
  });
  const url = `http://127.0.0.1:${server.port}`;
  const post = (path: string, headers: Record<string, string>, body: string | Buffer = BODY) =>
    fetch(`${url}/hooks/${path}`, { method: "POST", headers, body: new Uint8Array(Buffer.from(body)) });
  return {
    told,
    outcomes,
    post,
    url,
    port: server.port,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

const signed = (token: string, body: string | Buffer = BODY, algorithm = "sha256") => ({
  "x-hub-signature-256": `${algorithm}=${createHmac(algorithm, token).update(body).digest("hex")}`,
});

describe("A13: a hook that is proven", () => {
  it.each([
    ["a signature", signed("t0ken"), BODY],
    ["GitLab's token", { "x-gitlab-token": "t0ken" }, BODY],
    ["no body", signed("t0ken", ""), ""],
    ["a body of exactly 1 MiB", signed("t0ken", Buffer.alloc(MIB)), Buffer.alloc(MIB)],
    ["a wrong content type", { ...signed("t0ken"), "content-type": "image/png" }, BODY],
    ["bytes that are no text", signed("t0ken", Buffer.of(0xff, 0, 0xfe)), Buffer.of(0xff, 0, 0xfe)],
    ["a bomb of JSON depth", signed("t0ken", "[".repeat(500_000)), "[".repeat(500_000)],
    [
      "an event of an unknown kind, with commands",
      { ...signed("t0ken", '{"url":"http://169.254.169.254/","pattern":"(a+)+$"}'), "x-github-event": "delete" },
      '{"url":"http://169.254.169.254/","pattern":"(a+)+$"}',
    ],
  ])("asks for a check of its sync and nothing else: %s", async (_, headers, body) => {
    const { told, post } = await rig();
    const answer = await post("shop/web", headers, body);
    expect([answer.status, await answer.text()]).toEqual([202, "accepted\n"]);
    expect(told).toEqual(["shop/web"]);
  });
});

const hex = (algorithm = "sha256") => createHmac(algorithm, "t0ken").update(BODY).digest("hex");

/** What each provider sends. */
const SENT: Readonly<Record<WebhookProvider, Record<string, string>>> = {
  Generic: signed("t0ken"),
  GitHub: signed("t0ken"),
  GitLab: { "x-gitlab-token": "t0ken" },
  Gitea: { "x-gitea-signature": hex(), "x-forgejo-signature": hex() },
  Bitbucket: { "x-hub-signature": `sha256=${hex()}` },
};

describe.each(Object.keys(SENT) as WebhookProvider[])("A13: a hook of %s", (provider) => {
  const hookOf = async () => hookWith("t0ken", "git", provider);

  it("is taken with the header that the provider sends", async () => {
    const { told, post } = await rig({ hookOf });
    expect((await post("shop/web", SENT[provider])).status).toBe(202);
    expect(told).toEqual(["shop/web"]);
  });

  const damaged = (change: (value: string) => string) =>
    Object.fromEntries(Object.entries(SENT[provider]).map(([name, value]) => [name, change(value)]));
  const foreign = Object.entries(SENT).filter(
    ([, headers]) => provider !== "Generic" && !Object.keys(headers).some((name) => name in SENT[provider]),
  );
  it.each<readonly [string, Record<string, string>]>([
    ["short", damaged((value) => value.slice(0, -1))],
    ["long", damaged((value) => `${value}0`)],
    ["in upper case", damaged((value) => value.toUpperCase())],
    ["empty", damaged(() => "")],
    ["SHA-1", damaged((value) => value.replace(hex(), hex("sha1")).replace("sha256=", "sha1=").replace("t0ken", "x"))],
    ...foreign.map(([other, headers]) => [`that of ${other}`, headers] as const),
  ])("is refused when its proof is %s", async (_, headers) => {
    const { told, post } = await rig({ hookOf });
    expect((await post("shop/web", headers)).status).toBe(401);
    expect(told).toEqual([]);
  });
});

/** Attack A13: each is refused, asks for no check, and learns nothing. */
describe("A13: a hook that is not proven", () => {
  it.each([
    ["no signature", "shop/web", {}],
    ["a short one", "shop/web", { "x-hub-signature-256": signed("t0ken")["x-hub-signature-256"].slice(0, -1) }],
    ["upper case", "shop/web", { "x-hub-signature-256": signed("t0ken")["x-hub-signature-256"].toUpperCase() }],
    ["a downgrade to sha1", "shop/web", signed("t0ken", BODY, "sha1")],
    ["a signature of another body", "shop/web", signed("t0ken", "{}")],
    ["the secret of another sync", "shop/web", signed("other")],
    ["an empty token", "shop/empty", signed("")],
    ["an unknown sync", "shop/none", signed("t0ken")],
    ["an unknown namespace", "none/web", signed("t0ken")],
    ["GitLab's token, wrong", "shop/web", { "x-gitlab-token": "t0ke" }],
    ["an unknown provider", "shop/web", { authorization: "Bearer t0ken", "x-gitea-signature": "abc" }],
  ])("is 401 for %s", async (_, path, headers) => {
    const { told, outcomes, post } = await rig();
    const answer = await post(path, headers);
    expect([answer.status, await answer.text()]).toEqual([401, "unauthorized\n"]);
    expect([told, outcomes]).toEqual([[], ["Unauthorized"]]);
  });

  it("is 413 for a body that says that it is too large, before any lookup", async () => {
    const hookOf = vi.fn();
    const { told, post } = await rig({ hookOf });
    const body = Buffer.alloc(MIB + 1);
    const answer = await post("shop/web", signed("t0ken", body), body);
    expect([answer.status, await answer.text()]).toEqual([413, "body too large\n"]);
    expect(answer.headers.get("connection")).toBe("close");
    expect([told, hookOf.mock.calls]).toEqual([[], []]);
  });

  it("is 413 for an endless chunked body, which is not read to its end", async () => {
    const { told, port } = await rig();
    const sending = connect(port, "127.0.0.1");
    const ended = Promise.withResolvers<void>();
    const chunk = Buffer.from(`10000\r\n${"a".repeat(65_536)}\r\n`);
    let [sent, answer] = [0, ""];
    const pour = (): void => {
      while (!sending.destroyed && sent < 1_024 * MIB) {
        sent += chunk.length;
        if (!sending.write(chunk)) break;
      }
    };
    sending.on("drain", pour);
    sending.on("data", (text: Buffer) => {
      answer += text.toString();
    });
    sending.on("error", () => undefined);
    sending.on("close", ended.resolve);
    const [name, value] = Object.entries(signed("t0ken"))[0] ?? [];
    sending.write(
      `POST /hooks/shop/web HTTP/1.1\r\nhost: a\r\n${name}: ${value}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    pour();
    await ended.promise;
    expect(answer).toMatch(/^HTTP\/1.1 413 .*connection: close.*body too large\n$/s);
    expect(sent).toBeLessThan(64 * MIB);
    expect(told).toEqual([]);
  });

  it("is 415 for a compressed body", async () => {
    const { told, post } = await rig();
    const body = gzipSync(BODY);
    expect((await post("shop/web", { ...signed("t0ken", body), "content-encoding": "gzip" }, body)).status).toBe(415);
    expect(told).toEqual([]);
  });

  it("is 405 for another method", async () => {
    const { told, url } = await rig();
    const answer = await fetch(`${url}/hooks/shop/web`, { headers: signed("t0ken", "") });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
    expect(told).toEqual([]);
  });

  it("is 401, and a line in the log, when the token cannot be read", async () => {
    const warn = vi.fn();
    const hookOf = () => Promise.reject(new Error("503"));
    const { told, post } = await rig({ hookOf, log: { ...silentLogger, warn } });
    expect((await post("shop/web", signed("t0ken"))).status).toBe(401);
    expect(warn).toHaveBeenCalledOnce();
    expect(told).toEqual([]);
  });

  it("is none at all when its sender goes away", async () => {
    const seen = Promise.withResolvers<HookOutcome>();
    const { told, port } = await rig({ onOutcome: seen.resolve });
    const headers = { ...signed("t0ken"), "content-length": String(BODY.length) };
    const sending = httpRequest({ port, path: "/hooks/shop/web", method: "POST", headers });
    sending.on("error", () => undefined);
    sending.write(BODY.slice(1), () => sending.destroy());
    expect(await seen.promise).toBe("Incomplete");
    expect(told).toEqual([]);
  });
});

describe("A13: many hooks", () => {
  it("a replayed hook can only ask again: at the start and at the end of the window", async () => {
    const ends: (() => void)[] = [];
    const { told, post } = await rig({
      schedule: (callback) => {
        ends.push(callback);
        return () => undefined;
      },
    });
    for (let i = 0; i < 10; i++) expect((await post("shop/web", signed("t0ken"))).status).toBe(202);
    expect(told).toEqual(["shop/web"]);
    ends[0]?.();
    expect(told).toEqual(["shop/web", "shop/web"]);
  });

  it("hooks of several syncs of one repository are one burst, and none of the syncs is forgotten", async () => {
    const ends: (() => void)[] = [];
    const { told, post } = await rig({
      hookOf: async (key) => hookWith(TOKENS[key], "https://git.example.com/mono.git"),
      schedule: (callback) => {
        ends.push(callback);
        return () => undefined;
      },
    });
    for (const [path, token] of [
      ["shop/web", "t0ken"],
      ["shop/api", "other"],
      ["shop/web", "t0ken"],
    ] as const) {
      expect((await post(path, signed(token))).status).toBe(202);
    }
    expect(told).toEqual(["shop/web"]);
    ends[0]?.();
    expect(told).toEqual(["shop/web", "shop/api", "shop/web"]);
  });

  it("is 429 beyond the rate of one sync, while others pass", async () => {
    const { told, post, pass } = await rig({ perMinute: 3 });
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await post("shop/web", signed("t0ken"))).status);
    expect(statuses).toEqual([202, 202, 202, 429, 429]);
    const refused = await post("shop/web", signed("t0ken"));
    expect(refused.headers.get("retry-after")).toBe("20");
    expect((await post("shop/api", signed("other"))).status).toBe(202);
    pass(20_000);
    expect((await post("shop/web", signed("t0ken"))).status).toBe(202);
    expect(told).toEqual(["shop/web", "shop/api"]);
  });

  it("a flood of strangers costs one lookup for each sync and takes nothing from its owner", async () => {
    const hookOf = vi.fn(async (key: Key) => hookWith(TOKENS[key], key));
    const { told, post } = await rig({ hookOf, perMinute: 3 });
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => post("shop/web", signed("guess"))));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    }
    expect(hookOf).toHaveBeenCalledOnce();
    expect((await post("shop/web", signed("t0ken"))).status).toBe(202);
    expect(told).toEqual(["shop/web"]);
  });

  it("survives a notice that cannot be passed on", async () => {
    const error = vi.fn();
    const notify = () => {
      throw new Error("no");
    };
    const { post } = await rig({ notify, log: { ...silentLogger, error } });
    expect((await post("shop/web", signed("t0ken"))).status).toBe(202);
    expect(error).toHaveBeenCalledOnce();
  });
});
