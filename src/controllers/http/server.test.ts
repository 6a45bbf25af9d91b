import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { silentLogger } from "../../telemetry/logger.ts";
import { plain } from "./answer.ts";
import { type HttpServerOptions, startHttpServer } from "./server.ts";

async function rig(options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    alive: () => true,
    ready: () => true,
    metrics: { contentType: "text/plain; version=0.0.4", text: async () => "up 1\n" },
    hook: async () => plain(202, "accepted"),
    ...options,
  });
  onTestFinished(async () => void (await server.close(0)));
  return { server, url: `http://127.0.0.1:${server.port}`, open: () => raw(server.port) };
}

/** A connection that sends what the test says. */
function raw(port: number): { socket: Socket; all: Promise<string> } {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  socket.on("error", () => undefined);
  return { socket, all: new Promise((resolve) => socket.on("close", () => resolve(text))) };
}

test.each([
  ["GET", "/healthz", 200, "ok\n"],
  ["HEAD", "/healthz", 200, ""],
  ["GET", "/readyz?verbose", 200, "ok\n"],
  ["GET", "/metrics", 200, "up 1\n"],
  ["POST", "/hooks/shop/web", 202, "accepted\n"],
  ["POST", "/healthz", 405, "use GET\n"],
  ["GET", "/", 404, "not found\n"],
  ["GET", "/healthz/", 404, "not found\n"],
  ["GET", "/toString", 404, "not found\n"],
  ["POST", "/hooks/shop", 404, "not found\n"],
  ["POST", "/hooks/SHOP/web", 404, "not found\n"],
])("%s %s is %d", async (method, path, status, body) => {
  const { url } = await rig();
  const answer = await fetch(url + path, { method });
  expect([answer.status, await answer.text()]).toEqual([status, body]);
  expect(answer.headers.get("cache-control")).toBe("no-store");
});

test("probes say what they are told, apart from one another", async () => {
  const { url } = await rig({ alive: () => true, ready: () => false });
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
});

test("metrics carry their media type", async () => {
  const { url } = await rig();
  expect((await fetch(`${url}/metrics`)).headers.get("content-type")).toBe("text/plain; version=0.0.4");
});

test("what throws is a 500 that tells nothing, and a line in the log", async () => {
  const error = vi.fn();
  const log = { ...silentLogger, error };
  const fails = () => Promise.reject(new Error("secret detail"));
  const { url } = await rig({ log, hook: fails, metrics: { contentType: "text/plain", text: fails } });
  for (const path of ["/metrics", "/hooks/a/b"]) {
    const answer = await fetch(url + path);
    expect([answer.status, await answer.text()]).toEqual([500, "internal error\n"]);
  }
  expect(error).toHaveBeenCalledTimes(2);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test("headers beyond the limit are refused", async () => {
  const { url } = await rig();
  expect((await fetch(`${url}/healthz`, { headers: { "x-long": "a".repeat(20_000) } })).status).toBe(431);
});

test("a request that does not arrive is given up", async () => {
  const { open } = await rig({ requestTimeoutMs: 50 });
  const { socket, all } = open();
  socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: ");
  expect(await all).toContain("408 Request Timeout");
});

test("silent connections never keep the probes out", async () => {
  const { url, open } = await rig({ connections: 5 });
  const silent = Array.from({ length: 20 }, () => open());
  await Promise.all(silent.slice(0, 15).map(({ all }) => all));
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test("fails to start when the port is taken", async () => {
  const { server } = await rig();
  await expect(rig({ port: server.port })).rejects.toThrow("EADDRINUSE");
});

test("closing finishes what is being answered and accepts nothing more", async () => {
  const [arrived, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { server, url, open } = await rig({
    hook: async () => {
      arrived.resolve();
      await gate.promise;
      return plain(202, "accepted");
    },
  });
  await fetch(`${url}/healthz`);
  const { all: silent } = open();
  const answer = fetch(`${url}/hooks/a/b`, { method: "POST" });
  await arrived.promise;
  const closed = server.close(2_000);
  await silent;
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  gate.resolve();
  expect((await answer).status).toBe(202);
  expect(await closed).toBe("Finished");
});

test("closing cuts what does not end within the limit", async () => {
  const arrived = Promise.withResolvers<void>();
  const { server, url } = await rig({
    hook: () => {
      arrived.resolve();
      return new Promise(() => undefined);
    },
  });
  const answer = fetch(`${url}/hooks/a/b`, { method: "POST" });
  const failed = expect(answer).rejects.toThrow();
  await arrived.promise;
  expect(await server.close(20)).toBe("Forced");
  await failed;
});
