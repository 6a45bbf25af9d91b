import { parseArgs } from "node:util";

/** What the demo was asked to do. */
export interface DemoOptions {
  readonly rate: number;
  readonly keep: boolean;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `Fairlead's main job on a real Kubernetes, told step by step.

  npm run demo                   the whole story, about two minutes once everything is built
  npm run demo -- --keep         leaves all of it up afterwards, with commands to try, until Ctrl-C
  npm run demo -- --rate 200     requests a second (default 120; at least 100)

It starts a cluster, installs the operator with Helm (two replicas, only the rights of its chart), a Git server and
Prometheus, sends a steady load from a pod, and then does to Git what people do: releases v2, releases v3 with
5 % of errors, reverts that, and then v2 as well. Every request is counted by the version that answered it. At the end there are a table
of what it took and a list of checks; the exit code is 0 when all of it happened as told.

Where the cluster comes from: FAIRLEAD_KUBE_CONTEXT=<kubeconfig context> uses yours; else root on Linux gets a node of
its own in namespaces of this machine; else kind, if Docker runs. The first start builds Kubernetes and Prometheus from
source, which takes minutes (npm run cluster -- --help says more); Ctrl-C takes everything down at any time.
`;

/** Reads the command line; throws an Error that says what is wrong with it. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: "string", default: "120" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const rate = Number(values.rate);
  if (!Number.isInteger(rate) || rate < 100 || rate > 1_000) {
    throw new Error(`--rate is a number of requests a second from 100 to 1000, got ${values.rate}`);
  }
  return { rate, keep: values.keep, help: values.help };
}
