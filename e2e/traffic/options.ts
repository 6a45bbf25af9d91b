import { parseArgs } from "node:util";
import { type Setting, settingsWith, titleOf } from "./settings.ts";

/** What was asked for. */
export interface TrafficOptions {
  readonly runs: number;
  readonly rate: number;
  readonly settings: readonly Setting[];
  readonly beside: number;
  readonly help: boolean;
}

/** What `--help` prints. */
export const HELP = `Counts the requests that Fairlead loses, and times its ways back, on a real Kubernetes under a steady load.

  npm run test:traffic                          three runs of everything; takes most of an hour
  npm run test:traffic -- --soak                twenty runs
  npm run test:traffic -- --runs 1 --only canary --only Gateway --only undisturbed

  --runs N      how often everything is done (3)
  --soak        the same as --runs 20
  --only WORD   only settings whose title has the word; may be given several times. Titles read like
                "canary, pod share, exits at once, undisturbed": a strategy (canary, blueGreen, rolling), a way of
                requests (pod share, Gateway), an application (exits at once, stops in order), and whether the
                operator is killed and started again in the middle of everything (restarts) or not (undisturbed)
  --rate N      requests a second to each shop, each on a connection of its own (120; 100 to 1000)
  --beside N    how many shops are served at a time (2; 1 to 6)

Each setting is the life of one shop: taken over from a plain Deployment, released, taken back from every stage, superseded,
rejected, handed back, all by commits that are pushed. Everything that happens is a row. With "Gateway" the requests come
through a real Traefik and are shared by HTTPRoute weights. What Prometheus says is scripted here, so that no candidate has
errors of its own: every failed request counts.

It prints three tables: requests and failures by what happened; each way back with its seconds from the push to the last
answer of what was reverted and the API writes it took; and the sums that compare with other tools. The exit code is 0 when
no request failed, each row had its 100 requests a second, a warm way back took less than 3 s, and a cold one
less than 3 s more than its pods took to be ready. The tables go to stdout, progress to stderr.

Where the cluster comes from: FAIRLEAD_KUBE_CONTEXT=<kubeconfig context> uses yours; else root on Linux gets a node of
its own in namespaces of this machine; else kind, if Docker runs. The first start builds Kubernetes and Traefik from source,
ten minutes each on two processors. Ctrl-C takes everything down and prints what was measured until then.
`;

/** Reads the command line; throws an Error that says what is wrong with it. */
export function parseOptions(args: readonly string[]): TrafficOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string" },
      soak: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      rate: { type: "string", default: "120" },
      beside: { type: "string", default: "2" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.soak && values.runs !== undefined) throw new Error("--soak is --runs 20: give one of them");
  const settings = settingsWith(values.only);
  if (settings.length === 0) {
    const titles = settingsWith([]).map((setting) => `  ${titleOf(setting)}`);
    throw new Error(`no setting has ${values.only.join(" and ")} in its title; there are:\n${titles.join("\n")}`);
  }
  return {
    runs: number("--runs", values.runs ?? (values.soak ? "20" : "3"), 1, 100),
    rate: number("--rate", values.rate, 100, 1_000),
    beside: number("--beside", values.beside, 1, 6),
    settings,
    help: values.help,
  };
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option} is a whole number from ${least} to ${most}, got ${text}`);
}
