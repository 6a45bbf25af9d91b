import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebhookPost } from "../../ports/webhooks.ts";
import { guardHosts } from "../net/hosts.ts";
import { createWebhooks } from "./webhooks.ts";

const never = new AbortController().signal;
const webhooks = createWebhooks();
let server: Server;
let address: string;
let answer: RequestListener;

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await webhooks[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
});

function post(change: Partial<WebhookPost> = {}): WebhookPost {
  return {
    url: `${address}/hook`,
    idempotencyKey: "uid/v2/1/Step/1/desk",
    event: "Step",
    body: '{"a":1}',
    timeoutMs: 2_000,
    ...change,
  };
}

test("posts the body with its event, idempotency key and signature", async () => {
  const seen: IncomingMessage[] = [];
  let body = "";
  answer = (request, response) => {
    seen.push(request);
    request.on("data", (chunk: Buffer) => (body += chunk.toString())).on("end", () => response.writeHead(204).end());
  };
  expect(await webhooks.post(post({ secret: "s3cret" }), never)).toEqual({ accepted: true, text: "HTTP 204" });
  const signature = createHmac("sha256", "s3cret").update('{"a":1}').digest("hex");
  expect(body).toBe('{"a":1}');
  expect(`${seen[0]?.method} ${seen[0]?.url}`).toBe("POST /hook");
  expect(seen[0]?.headers).toMatchObject({
    "content-type": "application/json",
    "idempotency-key": "uid/v2/1/Step/1/desk",
    "fairlead-event": "Step",
    "fairlead-signature": `sha256=${signature}`,
  });
  await webhooks.post(post(), never);
  expect(seen[1]?.headers).not.toHaveProperty("fairlead-signature");
});

test.each<[number, boolean]>([
  [200, true],
  [299, true],
  [300, false],
  [400, false],
  [409, false],
  [500, false],
])("HTTP %i is accepted: %s", async (status, accepted) => {
  answer = (_request, response) => void response.writeHead(status).end("no matter");
  expect(await webhooks.post(post(), never)).toEqual({ accepted, text: `HTTP ${status}` });
});

test("A21: of an answer nothing is told but what the receiver says in a header for it", async () => {
  answer = (_request, response) => void response.writeHead(403, { "x-other": "c4n4ry" }).end('{"message":"c4n4ry"}');
  expect(await webhooks.post(post(), never)).toEqual({ accepted: false, text: "HTTP 403" });
  const said = `not on a Friday ${"x".repeat(400)}`;
  answer = (_request, response) => void response.writeHead(403, { "fairlead-message": said }).end();
  const { text } = await webhooks.post(post(), never);
  expect(text).toContain("HTTP 403, not on a Friday");
  expect(text.length).toBeLessThan(200);
});

test("A21: a redirection is not followed", async () => {
  const paths: string[] = [];
  answer = (request, response) => {
    paths.push(request.url ?? "");
    response.writeHead(307, { location: "/internal" }).end();
  };
  expect(await webhooks.post(post(), never)).toEqual({ accepted: false, text: "HTTP 307" });
  expect(paths).toEqual(["/hook"]);
});

test("an answer without end costs a bounded part of it", async () => {
  let sent = 0;
  answer = (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) sent += 16_384;
    };
    response.on("drain", more);
    more();
  };
  expect((await webhooks.post(post(), never)).text).toMatch(/HTTP 200|cannot be reached/);
  expect(sent).toBeLessThan(8 * 1024 * 1024);
});

test("silence, a broken connection and a refused one hold", async () => {
  answer = () => undefined;
  expect(await webhooks.post(post({ timeoutMs: 50 }), never)).toEqual({
    accepted: false,
    text: "no answer within 50 ms",
  });
  answer = (_request, response) => response.destroy();
  expect(await webhooks.post(post(), never)).toMatchObject({
    accepted: false,
    text: expect.stringContaining("cannot be reached"),
  });
  const refused = await webhooks.post(post({ url: "http://127.0.0.1:1" }), never);
  expect(refused).toMatchObject({ accepted: false, text: expect.stringContaining("ECONNREFUSED") });
});

test.each(["", "ftp://x", "http://", "http://user:s3cret@x"])("the address %j is refused", async (url) => {
  const { accepted, text } = await webhooks.post(post({ url }), never);
  expect(accepted).toBe(false);
  expect(text).not.toContain("s3cret");
});

const isLocal = (one: string) => one.startsWith("127.") || one === "::1";

test.each<[string, () => string, readonly string[] | undefined, string | undefined]>([
  ["the operator's own machine", () => address, undefined, "operator's machine"],
  ["a name that leads there", () => address.replace("127.0.0.1", "localhost"), undefined, "operator's machine"],
  ["a host that is not named", () => address, ["hooks.example.com"], "--webhook-hosts"],
  ["a host that is named, wherever it is", () => address, ["127.0.0.1"], undefined],
])("A21: %s", async (_name, where, hosts, refused) => {
  let called = 0;
  answer = (_request, response) => {
    called++;
    response.end();
  };
  await using guarded = createWebhooks({
    hosts: guardHosts({ hosts, isLocal, purpose: "webhooks", flag: "--webhook-hosts" }),
  });
  const { accepted, text } = await guarded.post(post({ url: where() }), never);
  expect(called).toBe(refused === undefined ? 1 : 0);
  expect(accepted).toBe(refused === undefined);
  if (refused !== undefined) expect(text).toContain(refused);
});
