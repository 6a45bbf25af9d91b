import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { serveGit } from "../../testing/gitHttpServer.ts";
import { useRemote } from "../../testing/gitRemote.ts";
import { selfSigned } from "../../testing/selfSigned.ts";

const never = new AbortController().signal;
const remote = useRemote();
const open: Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** A proxy that opens tunnels for one user. */
async function proxy(authorization: string): Promise<{ readonly address: string; readonly tunnels: string[] }> {
  const tunnels: string[] = [];
  const server = createServer().listen(0, "127.0.0.1");
  open.push(server);
  server.on("connect", (request, socket) => {
    if (request.headers["proxy-authorization"] !== authorization) {
      socket.end(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=p\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      );
      return;
    }
    tunnels.push(request.url ?? "");
    const port = Number(request.url?.split(":")[1]);
    const onwards = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(onwards).pipe(socket);
    });
    for (const end of [onwards, socket]) end.on("error", () => undefined);
  });
  await once(server, "listening");
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, tunnels };
}

describe("a proxy of the sync", () => {
  test("is gone through with its user and password", async () => {
    const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
    const { address, tunnels } = await proxy(`Basic ${Buffer.from("me:p@ss w/rd").toString("base64")}`);
    const source = (password: string) =>
      remote.source({ branch: "main" }, { proxy: { address, username: "me", password } });
    expect((await remote.store().resolve(source("p@ss w/rd"), never)).sha).toBe(sha);
    expect(new Set(tunnels)).toEqual(new Set([new URL(remote.server.url).host]));
    await expect(remote.store().resolve(source("c4nary-wrong"), never)).rejects.toMatchObject({
      reason: "AuthFailed",
      message: expect.stringMatching(/^(?!.*c4nary).*proxySecretRef/),
    });
  });

  test.each(["socks5://127.0.0.1:1", "http://me:c4nary@127.0.0.1:1", "proxy:3128", ""])(
    "%j is refused",
    async (address) => {
      const failed = remote.store().resolve(remote.source({ branch: "main" }, { proxy: { address } }), never);
      await expect(failed).rejects.toMatchObject({
        reason: "InvalidURL",
        message: expect.stringMatching(/^(?!.*c4nary).*http:\/\/proxy/),
      });
    },
  );
});

test("a client certificate opens a server that asks for one", async () => {
  const [own, client] = [selfSigned("server"), selfSigned("client")];
  await using server = await serveGit(remote.root, own, client.cert);
  const sha = remote.repository.commit({ "a.yaml": "a: 1\n" });
  const at = (credentials: object) => {
    const source = remote.source();
    const url = source.url.replace(remote.server.url, server.url.replace("localhost", "127.0.0.1"));
    return { ...source, url, credentials: { caCert: own.cert, ...credentials } };
  };
  const shown = at({ clientCert: client.cert, clientKey: client.key });
  expect((await remote.store().resolve(shown, never)).sha).toBe(sha);
  // TLS 1.3 tells of it after the handshake: git sees an alert, or a connection that is cut.
  await expect(remote.store().resolve(at({}), never)).rejects.toMatchObject({
    reason: expect.stringMatching(/TLSFailed|HostUnreachable/),
  });
  await expect(remote.store().resolve(at({ clientCert: client.cert }), never)).rejects.toMatchObject({
    reason: "AuthFailed",
    message: expect.stringContaining("tls.key"),
  });
});
