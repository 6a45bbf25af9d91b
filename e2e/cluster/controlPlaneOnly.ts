import { createServer } from "node:net";
import { type Endpoints, startApi, startManager } from "./controlPlane.ts";
import { hold } from "./holder.ts";
import { sweep } from "./removal.ts";
import type { ClusterOptions, ControlPlane } from "./types.ts";

/** Starts etcd and an API server on loopback, and the controllers of Kubernetes if asked to; needs no root, runs no pods. */
export async function openControlPlane(
  options: ClusterOptions & { readonly controllers?: boolean } = {},
): Promise<ControlPlane> {
  const log = options.log ?? (() => {});
  await sweep(log);
  const held = await hold("control-plane");
  try {
    const endpoints = await loopbackEndpoints(held.claim.slot);
    const place = { claim: held.claim, enter: [] };
    const api = await startApi(place, endpoints, log, options.signal);
    // Nobody asks it for its own health, and a port of this machine might be taken.
    if (options.controllers) await startManager(place, api, log, ["--secure-port=0"]);
    return {
      kubeconfig: api.kubeconfigFor("admin"),
      url: api.access.url,
      [Symbol.asyncDispose]: () => held.letGo(),
    };
  } catch (error) {
    await held.letGo();
    throw error;
  }
}

/**
 * Ports that belong to the slot, below the range from which the kernel picks ports for outgoing connections: nobody
 * takes them between the moment we find them free and the moment the server binds them.
 */
async function loopbackEndpoints(slot: number): Promise<Endpoints> {
  for (let first = 20_000 + slot * 3; first < 32_000; first += 254 * 3) {
    const [apiPort, etcdPort, etcdPeerPort] = [first, first + 1, first + 2];
    const free = await Promise.all([apiPort, etcdPort, etcdPeerPort].map(isFree));
    if (free.every(Boolean)) return { address: "127.0.0.1", bind: "127.0.0.1", apiPort, etcdPort, etcdPeerPort };
  }
  throw new Error("no free ports between 20000 and 32000 on 127.0.0.1");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
