import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { writeKubeconfig } from "../../testing/apiRig.ts";
import { answer, startFakeApiServer, status } from "../../testing/fakeApiServer.ts";
import { selfSigned } from "../../testing/selfSigned.ts";
import { Connection } from "./connection.ts";
import { readTarget, sourceFrom } from "./kubeconfig.ts";
import { type Call, Transport } from "./transport.ts";

const call: Call = { verb: "get", resource: "things", path: "/api/v1/things", what: "get things", retry: "Always" };
const never = new AbortController().signal;

test("a source is what is asked for, else KUBECONFIG, else the pod, else the home directory", () => {
  const pod = { KUBERNETES_SERVICE_HOST: "10.0.0.1", HOME: "/home/ann" };
  expect(sourceFrom({ KUBECONFIG: "/a" }, { kubeconfig: "/b", context: "c" })).toEqual({
    kind: "File",
    paths: ["/b"],
    context: "c",
  });
  expect(sourceFrom({ ...pod, KUBECONFIG: "/a:/b" })).toEqual({ kind: "File", paths: ["/a", "/b"] });
  expect(sourceFrom(pod)).toEqual({ kind: "InCluster", host: "10.0.0.1", port: "443" });
  expect(sourceFrom({ HOME: "/home/ann" })).toEqual({ kind: "File", paths: ["/home/ann/.kube/config"] });
});

test("a context that is not there is named", async () => {
  await using file = await writeKubeconfig("https://127.0.0.1:1");
  expect(() => readTarget({ kind: "File", paths: [file.path], context: "prod" })).toThrow('has no context "prod"');
});

test("in a pod the service account's directory says everything, also behind an IPv6 address", async () => {
  await using file = await writeKubeconfig("https://unused");
  await writeFile(join(file.directory, "namespace"), "fairlead\n");
  const target = readTarget({ kind: "InCluster", host: "fd00::1", port: "443", root: file.directory });
  expect(target).toMatchObject({ namespace: "fairlead", cluster: { server: "https://[fd00::1]:443" } });
});

test("client certificates and the authority are used, and an unknown authority is refused", async () => {
  const [serving, client] = [selfSigned("server"), selfSigned("client")];
  const people: (string | undefined)[] = [];
  await using server = await startFakeApiServer(
    (_request, response) => {
      people.push(String((response.socket as TLSSocket).getPeerCertificate().subject.CN));
      answer(response, 200, { kind: "Thing" });
    },
    () => createServer({ ...serving, requestCert: true, rejectUnauthorized: true, ca: client.cert }),
  );
  const user = { "client-certificate": "user.pem", "client-key-data": Buffer.from(client.key).toString("base64") };
  const authority = { "certificate-authority-data": Buffer.from(serving.cert).toString("base64") };
  await using file = await writeKubeconfig(server.url, user, authority);
  await writeFile(join(file.directory, "user.pem"), client.cert);
  const connection = new Connection({ kind: "File", paths: [file.path] });
  expect(await new Transport(connection).json(call, never)).toEqual({ kind: "Thing" });
  expect(people).toEqual(["client"]);
  await using stranger = await writeKubeconfig(server.url, user);
  await writeFile(join(stranger.directory, "user.pem"), client.cert);
  const suspicious = new Connection({ kind: "File", paths: [stranger.path] });
  await expect(new Transport(suspicious, { attempts: 1 }).json(call, never)).rejects.toThrow(/SELF_SIGNED/);
  await Promise.all([connection.close(), suspicious.close()]);
});

test("a token that the server refuses is read again, once, and the call is repeated", async () => {
  await using server = await startFakeApiServer((request, response) => {
    if (request.headers.authorization === "Bearer fresh") answer(response, 200, { kind: "Thing" });
    else answer(response, 401, status(401, "Unauthorized", "Unauthorized"));
  });
  await using file = await writeKubeconfig(server.url, { tokenFile: "token" });
  await writeFile(join(file.directory, "token"), "stale\n");
  const connection = new Connection({ kind: "File", paths: [file.path] });
  const transport = new Transport(connection);
  await expect(transport.json(call, never)).rejects.toMatchObject({ kind: "Unauthorized" });
  expect(server.requests).toHaveLength(2);
  await writeFile(join(file.directory, "token"), "fresh\n");
  expect(await transport.json(call, never)).toEqual({ kind: "Thing" });
  expect(server.requests).toHaveLength(4);
  await connection.close();
});

test("an exec plugin is told of the cluster, and asked again only when its token is refused", async () => {
  let good = "token-1";
  await using server = await startFakeApiServer((request, response) => {
    if (request.headers.authorization === `Bearer ${good}`) answer(response, 200, { kind: "Thing" });
    else answer(response, 401, status(401, "Unauthorized", "Unauthorized"));
  });
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "./plugin", env: [{ name: "A", value: "b" }] };
  await using file = await writeKubeconfig(server.url, { exec });
  const script = `#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >>"$0.runs"
echo "{\\"status\\":{\\"token\\":\\"token-$(wc -l <"$0.runs" | tr -d ' ')\\"}}"
`;
  await writeFile(join(file.directory, "plugin"), script, { mode: 0o755 });
  const connection = new Connection({ kind: "File", paths: [file.path] }, { maxAgeMs: 0 });
  const transport = new Transport(connection);
  for (let i = 0; i < 3; i++) await transport.json(call, never);
  expect(server.requests).toHaveLength(3);
  good = "token-2";
  await transport.json(call, never);
  expect(server.requests).toHaveLength(5);
  const told: unknown = JSON.parse(execFileSync("head", ["-1", join(file.directory, "plugin.runs")]).toString());
  expect(told).toMatchObject({ spec: { cluster: { server: server.url } } });
  await connection.close();
});

test("a plugin that fails is an error that says so", async () => {
  await using file = await writeKubeconfig("http://127.0.0.1:1", { exec: { command: "./missing" } });
  const connection = new Connection({ kind: "File", paths: [file.path] });
  await expect(new Transport(connection).json(call, never)).rejects.toThrow(/no credentials .*ENOENT/);
});

test("new TLS material makes new connections, the same material keeps them", async () => {
  await using file = await writeKubeconfig("https://127.0.0.1:1", {}, { "certificate-authority": "ca.pem" });
  await mkdir(file.directory, { recursive: true });
  await writeFile(join(file.directory, "ca.pem"), selfSigned("one").cert);
  const connection = new Connection({ kind: "File", paths: [file.path] }, { maxAgeMs: 0 });
  const first = await connection.open();
  expect((await connection.open()).calls).toBe(first.calls);
  await writeFile(join(file.directory, "ca.pem"), selfSigned("two").cert);
  expect((await connection.open()).calls).not.toBe(first.calls);
  await connection.close();
});

test.each([
  [{}, { "proxy-url": "socks5://127.0.0.1:1" }, "proxy-url"],
  [{ "auth-provider": { name: "gcp" } }, {}, '"gcp" of user "test" is not supported'],
])("what is not supported is refused: %j %j", async (user, cluster, message) => {
  await using file = await writeKubeconfig("https://127.0.0.1:1", user, cluster);
  await expect(new Connection({ kind: "File", paths: [file.path] }).open()).rejects.toThrow(message);
});
