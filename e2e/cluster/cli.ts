import process from "node:process";
import { parseArgs } from "node:util";
import { openCluster, openControlPlane } from "./index.ts";
import { sweep } from "./removal.ts";

const help = `Starts a real Kubernetes on this machine, and takes it down again without a trace.

  npm run cluster -- up [--name NAME]     a cluster with one node; Ctrl-C takes it down
  npm run cluster -- up --control-plane   only etcd and an API server (needs no root, runs no pods)
  npm run cluster -- down                 removes what killed processes may have left behind

"up" prints the path of a kubeconfig once the cluster takes pods; use it from another terminal:

  export KUBECONFIG=…
  kubectl get nodes

Where it runs: FAIRLEAD_KUBE_CONTEXT=<kubeconfig context> uses that cluster; else root on Linux gets a node of its own
in namespaces; else kind, if Docker runs. The first start builds Kubernetes from source (10 minutes on 2 processors),
later ones take seconds. Binaries are kept in $XDG_CACHE_HOME/fairlead or ~/.cache/fairlead.
`;

const log = (line: string) => void process.stderr.write(`${line}\n`);

async function up(name: string | undefined, controlPlaneOnly: boolean): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());
  const started = performance.now();
  const options = { ...(name ? { name } : {}), log, signal: stop.signal };
  await using cluster = await (controlPlaneOnly ? openControlPlane(options) : openCluster(options));
  log(`up in ${((performance.now() - started) / 1000).toFixed(1)} s; Ctrl-C takes it down`);
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfig}\n`);
  await new Promise<void>((resolve) => {
    const awake = setInterval(() => {}, 1 << 30); // nothing else keeps this process alive
    const end = () => {
      clearInterval(awake);
      resolve();
    };
    if (stop.signal.aborted) end();
    else stop.signal.addEventListener("abort", end);
  });
  log("taking it down");
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string" },
      "control-plane": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [command] = positionals;
  if (values.help || command === undefined) process.stdout.write(help);
  else if (command === "up") await up(values.name, values["control-plane"]);
  else if (command === "down") log(`${await sweep(log)} abandoned clusters removed`);
  else {
    process.stderr.write(`no command "${command}"\n\n${help}`);
    return 2;
  }
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const aborted = error instanceof Error && error.name === "AbortError";
    log(aborted ? "interrupted; taken down" : error instanceof Error ? error.message : String(error));
    process.exit(aborted ? 130 : 1);
  },
);
