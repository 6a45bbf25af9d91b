import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { binary } from "./binaries.ts";
import type { Cluster, ClusterOptions } from "./types.ts";

const execute = promisify(execFile);

/**
 * Uses a cluster that is there, by the name of a context in the caller's kubeconfig. What cannot be found out about it
 * is asked for in variables: FAIRLEAD_HOST_ADDRESS, FAIRLEAD_NODE_ADDRESS and FAIRLEAD_LOAD_IMAGE.
 */
export async function openContext(context: string, options: ClusterOptions = {}, source?: string): Promise<Cluster> {
  const kubectl = await binary("kubectl", options.log);
  const get = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute(kubectl, args, options.signal ? { signal: options.signal } : {});
    return stdout.trim();
  };
  const from = source ? ["--kubeconfig", source] : [];
  const config = await get("config", "view", "--raw", "--flatten", "--minify", "--context", context, ...from);
  const directory = await mkdtemp(join(tmpdir(), "fairlead-context-"));
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, `${config}\n`, { mode: 0o600 });
  const url = await get("--kubeconfig", kubeconfig, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}");
  const addresses = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}";
  const nodes = (await get("--kubeconfig", kubeconfig, "get", "nodes", "-o", addresses)).split(" ");
  return {
    provider: "context",
    name: options.name ?? context,
    kubeconfig,
    url,
    hostAddress: process.env["FAIRLEAD_HOST_ADDRESS"] ?? firstAddress(),
    nodeAddress: process.env["FAIRLEAD_NODE_ADDRESS"] ?? nodes[0] ?? "127.0.0.1",
    loadImage: (tar) => loadByCommand(process.env["FAIRLEAD_LOAD_IMAGE"], tar),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Runs the user's own command for getting an image archive onto the nodes, with {} standing for the archive. */
async function loadByCommand(command: string | undefined, tar: string): Promise<void> {
  if (!command) {
    throw new Error(
      "set FAIRLEAD_LOAD_IMAGE to a command that brings a docker-archive tar onto your cluster's nodes, " +
        "with {} for the tar; e.g. 'minikube image load {}' or 'kind load image-archive {}'",
    );
  }
  await execute("/bin/sh", ["-c", command.replaceAll("{}", `'${tar}'`)]);
}

function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
