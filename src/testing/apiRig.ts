import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubernetesClient } from "../adapters/kubernetes/client.ts";
import { Connection, type ConnectionSettings } from "../adapters/kubernetes/connection.ts";
import { GroupDiscovery } from "../adapters/kubernetes/discovery.ts";
import { type RequestRecord, Transport, type TransportOptions } from "../adapters/kubernetes/transport.ts";
import { answer, type FakeApiServer, type Handler, startFakeApiServer } from "./fakeApiServer.ts";

/** The whole adapter against a scripted server. */
export interface ApiRig extends AsyncDisposable {
  readonly server: FakeApiServer;
  readonly connection: Connection;
  readonly transport: Transport;
  readonly discovery: GroupDiscovery;
  readonly client: KubernetesClient;
  /** What `onRequest` was told. */
  readonly records: readonly RequestRecord[];
  /** Set by a test to lose the lease. */
  leads: boolean;
}

/** How a rig differs from the default: short waits, no TLS. */
export interface RigOptions {
  readonly transport?: TransportOptions;
  readonly connection?: ConnectionSettings;
}

/** A kubeconfig as a file of a directory of its own. */
export interface KubeconfigFile extends AsyncDisposable {
  readonly directory: string;
  readonly path: string;
}

/** Writes a kubeconfig for one server; `user` and `cluster` hold what goes into those entries. */
export async function writeKubeconfig(
  server: string,
  user: object = {},
  cluster: object = {},
): Promise<KubeconfigFile> {
  const directory = await mkdtemp(join(tmpdir(), "fairlead-kubeconfig-"));
  const path = join(directory, "config");
  const config = {
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace: "shop" } }],
    clusters: [{ name: "test", cluster: { server, ...cluster } }],
    users: [{ name: "test", user }],
  };
  // JSON is YAML.
  await writeFile(path, JSON.stringify(config));
  return { directory, path, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

const KINDS: Readonly<Record<string, readonly object[]>> = {
  "/api/v1": [
    { name: "configmaps", kind: "ConfigMap", namespaced: true },
    { name: "secrets", kind: "Secret", namespaced: true },
    { name: "namespaces", kind: "Namespace", namespaced: false },
    { name: "namespaces/status", kind: "Namespace", namespaced: false },
  ],
  "/apis/apps/v1": [
    { name: "deployments/scale", kind: "Scale", namespaced: true },
    { name: "deployments", kind: "Deployment", namespaced: true },
  ],
};

/** Starts a server that answers discovery itself and leaves everything else to the handler. */
export async function startApiRig(handler: Handler, options: RigOptions = {}): Promise<ApiRig> {
  const server = await startFakeApiServer((request, response) => {
    const resources = KINDS[request.path];
    if (resources === undefined) return handler(request, response);
    answer(response, 200, { kind: "APIResourceList", resources });
  });
  const file = await writeKubeconfig(server.url);
  const connection = new Connection({ kind: "File", paths: [file.path] }, options.connection);
  const records: RequestRecord[] = [];
  const transport = new Transport(connection, {
    retryMinMs: 1,
    retryMaxMs: 5,
    onRequest: (record) => records.push(record),
    ...options.transport,
  });
  const discovery = new GroupDiscovery(transport, { recheckMs: 20 });
  const rig: ApiRig = {
    server,
    connection,
    transport,
    discovery,
    client: new KubernetesClient({ transport, discovery, leadership: { holds: () => rig.leads } }),
    records,
    leads: true,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await connection.close();
      await file[Symbol.asyncDispose]();
    },
  };
  return rig;
}
