import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Manifest } from "../../src/api/objects.ts";
import { binary } from "../cluster/index.ts";

/** The repository's root: where kubectl runs, so that tests name files as people do. */
export const ROOT = join(import.meta.dirname, "../..");

/** What one run of kubectl left behind. */
interface Outcome {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl against one API server. */
export interface Kubectl {
  /** Runs a command and answers its stdout; rejects with what kubectl said on stderr. */
  (...args: readonly string[]): Promise<string>;
  /** Runs a command with `-o json`. */
  json(...args: readonly string[]): Promise<Manifest>;
  /** Runs a command that may fail. */
  outcome(...args: readonly string[]): Promise<Outcome>;
  /** What kubectl said when it refused; an empty text when it did not. */
  refusal(...args: readonly string[]): Promise<string>;
}

/** Binds kubectl to a kubeconfig. */
export async function kubectlFor(kubeconfig: string): Promise<Kubectl> {
  const program = await binary("kubectl");
  const outcome = (...args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const options = { cwd: ROOT, maxBuffer: 2 ** 25 };
      execFile(program, ["--kubeconfig", kubeconfig, ...args], options, (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve({ ok: error === null, stdout, stderr });
      });
    });
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { ok, stdout, stderr } = await outcome(...args);
    if (!ok) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  return Object.assign(kubectl, {
    outcome,
    json: async (...args: readonly string[]) => JSON.parse(await kubectl(...args, "-o", "json")) as Manifest,
    refusal: async (...args: readonly string[]) => {
      const { ok, stderr } = await outcome(...args);
      return ok ? "" : stderr;
    },
  });
}
