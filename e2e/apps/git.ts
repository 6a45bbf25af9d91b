import { execFile } from "node:child_process";
import { devNull } from "node:os";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Environment variables of a child process. */
export type Env = Readonly<Record<string, string>>;

/**
 * An environment in which git sees no configuration, credentials or hooks of the person who runs the tests, and asks nobody
 * for a password.
 */
export function isolatedGitEnv(extra: Env = {}): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: "/nonexistent",
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: devNull,
    GIT_TERMINAL_PROMPT: "0",
    ...extra,
  };
}

/** Where and how to run git. */
export interface GitOptions {
  readonly cwd?: string;
  readonly env?: Env;
  readonly signal?: AbortSignal;
}

/** Runs git in the isolated environment and gives its output, trimmed; a failure says what git said. */
export async function git(args: readonly string[], { cwd, env, signal }: GitOptions = {}): Promise<string> {
  return run("git", args, { ...(cwd && { cwd }), ...(signal && { signal }), env: isolatedGitEnv(env) });
}

/** Runs a program to its end and gives its output, trimmed; a failure says what the program said. */
export async function run(program: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  try {
    const { stdout } = await execute(program, args, { maxBuffer: 64 * 1024 * 1024, timeout: 60_000, ...options });
    return stdout.trim();
  } catch (cause) {
    const said = hasStderr(cause) && cause.stderr.trim() !== "" ? cause.stderr.trim() : String(cause);
    throw new Error(`${program} ${args.join(" ")} failed: ${said}`, { cause });
  }
}

function hasStderr(error: unknown): error is { readonly stderr: string } {
  return typeof error === "object" && error !== null && "stderr" in error && typeof error.stderr === "string";
}
