import { Command, InvalidArgumentError, Option } from "commander";
import { objectName } from "../api/v1alpha1/common.ts";
import { limitOf } from "../core/rollout/turns.ts";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "../telemetry/logger.ts";

/** What `fairlead run` was asked to do. */
export interface RunOptions {
  /** Directory of the Git store. */
  readonly store: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly leaseNamespace?: string;
  /** Seconds after which others take over from a leader that is not heard of any more. */
  readonly leaseDuration: number;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** The programs that render; each is looked for beside this one and on the PATH unless given. */
  readonly kustomize?: string;
  readonly helm?: string;
  readonly sandbox?: string;
  readonly logLevel: LogLevel;
  readonly requireServiceAccount: boolean;
  readonly defaultServiceAccount?: string;
  readonly crossNamespaceRefs: boolean;
  /** Whether rollouts may make Secrets a part of their revisions; it takes rights to write Secrets. */
  readonly copySecrets: boolean;
  /** Names of the Git hosts that may be asked; absent: any. */
  readonly gitHosts?: readonly string[];
  readonly metricsHosts?: readonly string[];
  readonly webhookHosts?: readonly string[];
  readonly gitAddresses: GitAddresses;
  readonly maxRollouts?: number;
}

/** Which addresses Git hosts may have. */
export type GitAddresses = "public" | "private" | "any";

/** Shorter, and a slow answer of the API server would end the leader; longer, and nobody would lead for minutes. */
const LEASE_SECONDS = { min: 3, max: 300 };

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
    .option(
      "--lease-duration <seconds>",
      `how long others wait for a leader that is silent, ${LEASE_SECONDS.min} to ${LEASE_SECONDS.max}; it stops by itself after two thirds`,
      leaseDuration,
      15,
    )
    .option("--kustomize <path>", "the kustomize program (default: beside this one, or on the PATH)")
    .option("--helm <path>", "the helm program (default: as above)")
    .option("--sandbox <path>", "the fairlead-sandbox program that renderers run in (default: as above)")
    .option("--kubeconfig <file>", "kubeconfig to use outside a cluster (default: KUBECONFIG)")
    .option("--context <name>", "context of the kubeconfig (default: its current one)")
    .option(
      "--require-service-account",
      "refuse syncs that name no service account, rather than write as the operator",
      false,
    )
    .option(
      "--default-service-account <name>",
      "service account, in the sync's own namespace, of syncs that name none",
      accountName,
    )
    .option("--cross-namespace-refs", "let syncs refer to other namespaces, as in spec.dependsOn", false)
    .option(
      "--copy-secrets",
      "let rollouts copy Secrets for their revisions, where spec.config.secrets asks for it",
      false,
    )
    .option(
      "--git-hosts <names>",
      "the only Git hosts that may be asked, separated by commas; *.example.com stands for all below it (default: any)",
      hostNames,
    )
    .option(
      "--metrics-hosts <names>",
      "the only hosts that rollouts may ask for metrics, as with --git-hosts (default: any but the operator's own machine and link)",
      hostNames,
    )
    .option(
      "--webhook-hosts <names>",
      "the only hosts that webhooks of rollouts may be on, as with --metrics-hosts",
      hostNames,
    )
    .option(
      "--max-rollouts <count>",
      "how many rollouts of a namespace may be under way at once, unless its annotation fairlead.dev/max-rollouts says (default: any number)",
      limit,
    )
    .addOption(
      new Option("--git-addresses <which>", "which addresses of Git hosts may be connected to; any is for development")
        .choices(["public", "private", "any"])
        .default("private", "private: those of the internet and of private networks"),
    )
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

/** Parses names of hosts; a port is no part of them. */
function hostNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  const bad = names.find((name) => !/^(\*\.)?[a-z0-9_]([-a-z0-9_.]{0,251}[a-z0-9_])?$|^\[[0-9a-f:.]+\]$/.test(name));
  if (bad !== undefined) throw new InvalidArgumentError(`"${bad}" is no host; write git.example.com or *.example.com`);
  return names;
}

function limit(text: string): number {
  const said = limitOf(text, undefined);
  if (typeof said !== "number") throw new InvalidArgumentError("give a whole number from 0 to 9999");
  return said;
}

/** Parses whole seconds within bounds. */
function leaseDuration(text: string): number {
  const seconds = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  const { min, max } = LEASE_SECONDS;
  if (!(seconds >= min && seconds <= max)) throw new InvalidArgumentError(`give whole seconds from ${min} to ${max}`);
  return seconds;
}

function accountName(text: string): string {
  if (!objectName.safeParse(text).success) throw new InvalidArgumentError("give the name of a service account");
  return text;
}

function level(text: string): LogLevel {
  if (!isLogLevel(text)) throw new InvalidArgumentError(`one of ${LOG_LEVELS.join(", ")}`);
  return text;
}
