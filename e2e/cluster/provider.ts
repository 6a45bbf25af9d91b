/** What decides which kind of cluster is opened. */
export interface Surroundings {
  readonly context: string | undefined;
  readonly platform: string;
  readonly isRoot: boolean;
  readonly dockerRuns: () => Promise<boolean>;
}

/** The user's own cluster if one is named; else a local one where that works; else kind; else what would help. */
export async function chooseProvider(here: Surroundings): Promise<"context" | "local" | "kind"> {
  if (here.context) return "context";
  if (here.platform === "linux" && here.isRoot) return "local";
  if (await here.dockerRuns()) return "kind";
  throw new Error(
    "no cluster to be had here: run as root on Linux, or start Docker (then kind is used), " +
      "or name a cluster of yours with FAIRLEAD_KUBE_CONTEXT=<kubeconfig context>",
  );
}
