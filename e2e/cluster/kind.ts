import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { binary } from "./binaries.ts";
import { openContext } from "./context.ts";
import type { Cluster, ClusterOptions } from "./types.ts";

const execute = promisify(execFile);

/** Whether a Docker daemon answers. */
export function dockerRuns(): Promise<boolean> {
  return execute("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/**
 * Makes a kind cluster and deletes it again. Its container outlives a launcher that is killed with SIGKILL
 * (`kind delete cluster --name …` removes it), and NodePorts are reachable where containers are: on Linux.
 */
export async function openKind(options: ClusterOptions = {}): Promise<Cluster> {
  const { log = () => {}, signal } = options;
  const kind = await binary("kind", log);
  const name = options.name ?? `fairlead-${randomBytes(3).toString("hex")}`;
  const directory = await mkdtemp(join(tmpdir(), "fairlead-kind-"));
  const kubeconfig = join(directory, "kubeconfig");
  const remove = async () => {
    await execute(kind, ["delete", "cluster", "--name", name, "--kubeconfig", kubeconfig]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    log(`kind create cluster --name ${name}`);
    const create = ["create", "cluster", "--name", name, "--kubeconfig", kubeconfig, "--wait", "120s"];
    await execute(kind, create, signal ? { signal } : {});
    const gateway = await inspect("network", "kind", "{{range .IPAM.Config}}{{.Gateway}} {{end}}");
    const node = await inspect("container", `${name}-control-plane`, "{{.NetworkSettings.Networks.kind.IPAddress}}");
    const context = await openContext(`kind-${name}`, { ...options, name }, kubeconfig);
    return {
      ...context,
      provider: "kind",
      hostAddress: gateway.split(" ").find((address) => /^\d+(\.\d+){3}$/.test(address)) ?? context.hostAddress,
      nodeAddress: node,
      loadImage: async (tar) => {
        await execute(kind, ["load", "image-archive", tar, "--name", name]);
      },
      [Symbol.asyncDispose]: async () => {
        await context[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
}

async function inspect(type: string, name: string, format: string): Promise<string> {
  const { stdout } = await execute("docker", [type, "inspect", name, "--format", format]);
  return stdout.trim();
}
