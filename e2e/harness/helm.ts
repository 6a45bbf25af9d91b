import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { isObject, stringAt } from "../../src/api/json.ts";
import { binary } from "../cluster/index.ts";
import { ROOT } from "./operatorImage.ts";

const execute = promisify(execFile);

/** Runs the real helm at the repository's root, with nothing of the caller's own helm; gives what it prints. */
export async function helm(args: readonly string[], log?: (line: string) => void): Promise<string> {
  const program = await binary("helm", log);
  const scratch = await mkdtemp(join(tmpdir(), "fairlead-helm-"));
  const places = {
    HELM_CACHE_HOME: scratch,
    HELM_CONFIG_HOME: scratch,
    HELM_DATA_HOME: scratch,
    KUBECACHEDIR: scratch,
  };
  try {
    const options = { cwd: ROOT, env: { ...process.env, ...places }, maxBuffer: 64 * 1024 * 1024 };
    return (await execute(program, [...args], options)).stdout;
  } catch (cause) {
    const said = isObject(cause) ? (stringAt(cause, "stderr") ?? "") : "";
    throw new Error(`helm ${args.join(" ")}: ${said.trim() || String(cause)}`, { cause });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
