import { Command, InvalidArgumentError, Option } from "commander";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "../telemetry/logger.ts";

/** What `fairlead run` was asked to do. */
export interface RunOptions {
  /** Directory of the Git store. */
  readonly store: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly leaseNamespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly logLevel: LogLevel;
}

/** The `fairlead` command; `run` does the work. */
export function command(version: string, run: (options: RunOptions) => Promise<void>): Command {
  const program = new Command("fairlead")
    .description("Applies what Git says, step by step, judged by health signals; a revert is the rollback.")
    .version(version)
    .showHelpAfterError("(run with --help to see what there is)");
  program
    .command("run", { isDefault: true })
    .description("runs the operator: in a pod by its service account, elsewhere by a kubeconfig")
    .option("--store <dir>", "where repositories are kept", "/var/lib/fairlead")
    .option("--listen <host:port>", "where /metrics, /healthz, /readyz and /hooks are served", listen, {
      host: "::",
      port: 8080,
    })
    .option("--lease-namespace <name>", "namespace of the leader's Lease (default: the operator's own)")
    .option("--kubeconfig <file>", "kubeconfig to use outside a cluster (default: KUBECONFIG)")
    .option("--context <name>", "context of the kubeconfig (default: its current one)")
    .addOption(
      new Option("--log-level <level>", "how much is logged").choices(LOG_LEVELS).default("info").argParser(level),
    )
    .addHelpText(
      "after",
      "\nExample: fairlead run --kubeconfig ~/.kube/config --store /tmp/fairlead --listen 127.0.0.1:8080",
    )
    .action((options: RunOptions) => run(options));
  return program;
}

/** Parses `host:port`, `[v6]:port` or `:port` (all addresses). */
function listen(text: string): RunOptions["listen"] {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new InvalidArgumentError("give host:port, for example 127.0.0.1:8080 or :8080");
  const host = match[1] ?? match[2] ?? "";
  return { host: host === "" ? "::" : host, port };
}

function level(text: string): LogLevel {
  if (!isLogLevel(text)) throw new InvalidArgumentError(`one of ${LOG_LEVELS.join(", ")}`);
  return text;
}
