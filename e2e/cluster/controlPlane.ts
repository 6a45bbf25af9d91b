import { readFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./binaries.ts";
import { type Component, logTails, type Place, startComponent } from "./components.ts";
import { type Credentials, makeCredentials, writeKubeconfig } from "./credentials.ts";
import { type Access, call } from "./rest.ts";
import { type Look, waitFor } from "./wait.ts";

/** Service addresses in every cluster: they mean something only inside of it. */
const serviceRange = "10.96.0.0/16";

/** Where the parts of a control plane listen. */
export interface Endpoints {
  /** Address that goes into the certificate and the `kubernetes` Service. */
  readonly address: string;
  /** Address to bind: all of them inside a network namespace, loopback elsewhere. */
  readonly bind: string;
  readonly apiPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
}

/** A running API server and what it takes to use it. */
export interface RunningApi {
  readonly access: Access;
  readonly credentials: Credentials;
  readonly components: Component[];
  kubeconfigFor(user: Parameters<Credentials["token"]>[0]): string;
}

/** Starts etcd and an API server, and waits until it is ready. */
export async function startApi(
  place: Place,
  endpoints: Endpoints,
  log: (line: string) => void,
  signal?: AbortSignal,
): Promise<RunningApi> {
  const { directory } = place.claim;
  const credentials = makeCredentials(join(directory, "credentials"));
  const etcdUrl = `http://127.0.0.1:${endpoints.etcdPort}`;
  const components = [
    startComponent(place, "etcd", etcdCommand(await binary("etcd", log), directory, endpoints, etcdUrl)),
    startComponent(
      place,
      "kube-apiserver",
      apiServerCommand(await binary("kube-apiserver", log), credentials, endpoints, etcdUrl),
    ),
  ];
  const url = `https://${endpoints.address}:${endpoints.apiPort}`;
  const access = await waitForComponents(
    "the API server to be ready",
    components,
    async () => {
      const ca = readCertificate(credentials);
      if (!ca) return { seen: "no certificate yet" };
      const candidate: Access = { url, ca, token: credentials.token("admin") };
      const answer = await call(candidate, "GET", "/readyz").catch((error: unknown) => String(error));
      if (typeof answer === "string") return { seen: answer };
      return answer.status === 200 ? { value: candidate } : { seen: `${answer.status} ${answer.body.slice(0, 500)}` };
    },
    signal,
  );
  return {
    access,
    credentials,
    components,
    kubeconfigFor: (user) =>
      writeKubeconfig(join(credentials.directory, `${user}.kubeconfig`), url, access.ca, credentials.token(user)),
  };
}

const OWN = ["--leader-elect=false", "--bind-address=127.0.0.1"];

/** Starts what turns objects into other objects and gives pods their nodes. */
export async function startControllers(place: Place, api: RunningApi, log: (line: string) => void): Promise<void> {
  await startManager(place, api, log);
  const scheduler = api.kubeconfigFor("kube-scheduler");
  api.components.push(
    startComponent(place, "kube-scheduler", [
      await binary("kube-scheduler", log),
      ...OWN,
      `--kubeconfig=${scheduler}`,
      `--authentication-kubeconfig=${scheduler}`,
      `--authorization-kubeconfig=${scheduler}`,
    ]),
  );
}

/** Starts what turns objects into other objects. `more` are further flags. */
export async function startManager(
  place: Place,
  api: RunningApi,
  log: (line: string) => void,
  more: readonly string[] = [],
): Promise<void> {
  const { credentials } = api;
  const manager = api.kubeconfigFor("kube-controller-manager");
  api.components.push(
    startComponent(place, "kube-controller-manager", [
      await binary("kube-controller-manager", log),
      ...OWN,
      ...more,
      `--kubeconfig=${manager}`,
      `--authentication-kubeconfig=${manager}`,
      `--authorization-kubeconfig=${manager}`,
      `--service-account-private-key-file=${credentials.serviceAccountKey}`,
      `--root-ca-file=${certificatePath(credentials)}`,
      `--flex-volume-plugin-dir=${join(place.claim.directory, "volume-plugins")}`,
      "--use-service-account-credentials=true",
      "--kube-api-qps=300",
      "--kube-api-burst=600",
    ]),
  );
}

/** Waits for a condition, and not a moment longer when a component that it takes has ended. */
export function waitForComponents<T>(
  what: string,
  components: readonly Component[],
  look: () => Promise<Look<T>>,
  signal?: AbortSignal,
): Promise<T> {
  return waitFor(
    what,
    async () => {
      const dead = components.find((component) => component.ended());
      if (dead) throw new Error(`${dead.name} ended (${dead.ended()}) before ${what}\n${logTails(components)}`);
      return look();
    },
    { limitMs: 120_000, signal, explain: () => logTails(components) },
  );
}

function etcdCommand(etcd: string, directory: string, endpoints: Endpoints, url: string): string[] {
  const peer = `http://127.0.0.1:${endpoints.etcdPeerPort}`;
  return [
    etcd,
    "--name=etcd",
    `--data-dir=${join(directory, "etcd")}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=etcd=${peer}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

function apiServerCommand(server: string, credentials: Credentials, endpoints: Endpoints, etcdUrl: string): string[] {
  return [
    server,
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${endpoints.bind}`,
    `--advertise-address=${endpoints.address}`,
    `--secure-port=${endpoints.apiPort}`,
    `--cert-dir=${credentials.directory}`,
    `--service-cluster-ip-range=${serviceRange}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${credentials.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${credentials.serviceAccountKey}`,
    `--token-auth-file=${credentials.tokenFile}`,
    "--authorization-mode=Node,RBAC",
    "--allow-privileged=true",
    "--kubelet-preferred-address-types=InternalIP",
    // A loopback address cannot be an endpoint of the `kubernetes` Service, and no pod is there to use it.
    `--endpoint-reconciler-type=${endpoints.bind === "127.0.0.1" ? "none" : "lease"}`,
    "--profiling=false",
  ];
}

function certificatePath(credentials: Credentials): string {
  return join(credentials.directory, "apiserver.crt");
}

/** The server signs a certificate for itself; the file also holds the one that signed it. */
function readCertificate(credentials: Credentials): string | undefined {
  try {
    const text = readFileSync(certificatePath(credentials), "utf8");
    return (text.match(/-----END CERTIFICATE-----/g)?.length ?? 0) >= 2 ? text : undefined;
  } catch {
    return undefined;
  }
}
