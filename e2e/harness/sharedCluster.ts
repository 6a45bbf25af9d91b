import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Cluster, openCluster } from "../cluster/index.ts";

/** Names the socket of a cluster that another process of this test run has opened. */
const VARIABLE = "FAIRLEAD_SHARED_CLUSTER";

type Facts = Omit<Cluster, "loadImage" | typeof Symbol.asyncDispose>;

/**
 * Opens a cluster that the processes started from now on share, by a socket that only this user can reach: only the
 * process that opened a cluster can load images into it. An image is loaded once.
 */
export async function shareCluster(cluster: Cluster): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "fairlead-shared-"));
  undo.defer(() => rm(directory, { recursive: true, force: true }));
  const { provider, name, kubeconfig, url, hostAddress, nodeAddress } = cluster;
  const facts: Facts = { provider, name, kubeconfig, url, hostAddress, nodeAddress };
  const loads = new Map<string, Promise<void>>();
  const load = (tar: string): Promise<void> => {
    const known = loads.get(tar) ?? cluster.loadImage(tar);
    loads.set(tar, known);
    known.catch(() => loads.delete(tar));
    return known;
  };
  const server = createServer((incoming, answer) => {
    answerCall(incoming, answer, facts, load).catch((error: unknown) => answer.writeHead(500).end(String(error)));
  });
  const socket = join(directory, "socket");
  server.listen(socket);
  await once(server, "listening");
  undo.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  process.env[VARIABLE] = socket;
  undo.defer(() => {
    delete process.env[VARIABLE];
  });
  return undo.move();
}

/** The cluster of this test run, else one of our own, which goes when it is disposed of. */
export async function sharedOrOwnCluster(log: (line: string) => void = () => {}): Promise<Cluster> {
  const socket = process.env[VARIABLE];
  if (socket === undefined) return openCluster({ log });
  const facts = JSON.parse(await ask(socket, "/facts")) as Facts;
  return {
    ...facts,
    loadImage: async (tar) => void (await ask(socket, `/load?tar=${encodeURIComponent(tar)}`)),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function answerCall(
  incoming: IncomingMessage,
  answer: ServerResponse,
  facts: Facts,
  load: (tar: string) => Promise<void>,
): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://shared");
  if (url.pathname === "/load") await load(url.searchParams.get("tar") ?? "");
  answer.end(JSON.stringify(facts));
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("error", reject).on("end", () => {
        if (incoming.statusCode === 200) resolve(text);
        else reject(new Error(`${path}: ${text}`));
      });
    });
    outgoing.on("error", reject).end();
  });
}
