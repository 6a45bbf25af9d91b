import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  type Cluster,
  type Context,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from "@kubernetes/client-node/dist/config_types.js";
import { parse } from "yaml";
import { isObject, type Json, listAt, stringAt } from "../../api/json.ts";

/** Where the address and the credentials of the API server come from. */
export type KubeSource =
  | { readonly kind: "InCluster"; readonly host: string; readonly port: string; readonly root?: string }
  | { readonly kind: "File"; readonly paths: readonly string[]; readonly context?: string };

/** What a source names: the server, who to be there, and the namespace when none is said. */
export interface KubeTarget {
  readonly cluster: Cluster;
  readonly user: User;
  readonly namespace: string;
}

/** What a person chose on the command line. */
export interface KubeChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Chooses a source: what is asked for, else KUBECONFIG, else the pod's service account, else ~/.kube/config. */
export function sourceFrom(env: Readonly<Record<string, string | undefined>>, choice: KubeChoice = {}): KubeSource {
  const context = choice.context === undefined ? {} : { context: choice.context };
  if (choice.kubeconfig !== undefined) return { kind: "File", paths: [choice.kubeconfig], ...context };
  const listed = (env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  if (listed.length > 0) return { kind: "File", paths: listed, ...context };
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && host !== "" && choice.context === undefined) {
    return { kind: "InCluster", host, port: env["KUBERNETES_SERVICE_PORT"] ?? "443" };
  }
  return { kind: "File", paths: [join(env["HOME"] ?? "/", ".kube", "config")], ...context };
}

/** Reads a source. Throws a sentence that names the file and what is missing in it. */
export function readTarget(source: KubeSource): KubeTarget {
  return source.kind === "InCluster"
    ? inCluster(source.host, source.port, source.root ?? SERVICE_ACCOUNT)
    : merged(source);
}

function inCluster(host: string, port: string, root: string): KubeTarget {
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    cluster: { name: "in-cluster", server, caFile: join(root, "ca.crt"), skipTLSVerify: false },
    user: { name: "in-cluster", authProvider: { name: "tokenFile", config: { tokenFile: join(root, "token") } } },
    namespace: readFileSync(join(root, "namespace"), "utf8").trim(),
  };
}

/** Files are merged as kubectl merges them: the first that says something wins. */
function merged(source: { readonly paths: readonly string[]; readonly context?: string }): KubeTarget {
  const files = source.paths.map((path) => readConfig(path));
  const from = source.paths.join(":");
  const current = source.context ?? files.map((file) => file.current).find((name) => name !== undefined && name !== "");
  if (current === undefined) throw new Error(`${from} sets no current-context; name one`);
  const context = files.flatMap((file) => file.contexts).find(({ name }) => name === current);
  if (context === undefined) throw new Error(`${from} has no context "${current}"`);
  const cluster = files.flatMap((file) => file.clusters).find(({ name }) => name === context.cluster);
  if (cluster === undefined) throw new Error(`${from} has no cluster "${context.cluster}" (context "${current}")`);
  const user = files.flatMap((file) => file.users).find(({ name }) => name === context.user);
  if (user === undefined) throw new Error(`${from} has no user "${context.user}" (context "${current}")`);
  return { cluster, user, namespace: context.namespace ?? "default" };
}

interface ConfigFile {
  readonly current: string | undefined;
  readonly contexts: readonly Context[];
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
}

function readConfig(path: string): ConfigFile {
  const config: unknown = parse(readFileSync(path, "utf8"));
  const base = dirname(resolve(path));
  const absolute = (file: string): string => resolve(base, file);
  const clusters = newClusters(listAt(config, "clusters")).map((cluster) => ({
    ...cluster,
    ...(cluster.caFile === undefined ? {} : { caFile: absolute(cluster.caFile) }),
  }));
  const users = newUsers(listAt(config, "users").map((entry) => withTokenFile(entry, absolute))).map((user) => ({
    ...user,
    ...(user.certFile === undefined ? {} : { certFile: absolute(user.certFile) }),
    ...(user.keyFile === undefined ? {} : { keyFile: absolute(user.keyFile) }),
  }));
  const contexts = newContexts(listAt(config, "contexts"));
  return { current: stringAt(config, "current-context"), contexts, clusters, users };
}

/** client-node reads a `tokenFile` once and for ever; as an auth provider it is read again every minute. */
function withTokenFile(entry: Json, absolute: (file: string) => string): Json {
  const tokenFile = stringAt(entry, "user", "tokenFile");
  const user = isObject(entry) ? entry["user"] : undefined;
  if (!isObject(entry) || !isObject(user)) return entry;
  const exec = user["exec"];
  const command = stringAt(exec, "command");
  return {
    ...entry,
    user: {
      ...user,
      ...(tokenFile === undefined
        ? {}
        : { "auth-provider": { name: "tokenFile", config: { tokenFile: absolute(tokenFile) } } }),
      ...(isObject(exec) && command?.includes("/") === true ? { exec: { ...exec, command: absolute(command) } } : {}),
    },
  };
}
