import process from "node:process";
import { openContext } from "./context.ts";
import { dockerRuns, openKind } from "./kind.ts";
import { openLocalCluster } from "./local.ts";
import { chooseProvider } from "./provider.ts";
import type { Cluster, ClusterOptions } from "./types.ts";

export { binary } from "./binaries.ts";
export { openControlPlane } from "./controlPlaneOnly.ts";
export { buildImage } from "./images.ts";
export type { Cluster, ClusterOptions, ControlPlane, ImageSpec } from "./types.ts";

/** Opens a Kubernetes with a node: the user's context, else one of our own on this machine, else kind. */
export async function openCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const context = process.env["FAIRLEAD_KUBE_CONTEXT"];
  const provider = await chooseProvider({
    context,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    dockerRuns,
  });
  if (provider === "context") return openContext(context ?? "", options);
  return provider === "local" ? openLocalCluster(options) : openKind(options);
}
