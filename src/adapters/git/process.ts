import { spawn } from "node:child_process";
import { GitError } from "../../ports/git.ts";

/** A local git command: it reads the store and talks to no one. */
export interface GitCommand {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Takes the output piece by piece; an error that it throws ends the process and is the outcome. */
  readonly sink: (chunk: Buffer) => void;
}

/** How a git command ended. */
export interface GitExit {
  readonly code: number;
  readonly stderr: string;
}

/** Runs git without a shell; the process is gone when this settles, whatever happens. */
export function runGit(command: GitCommand): Promise<GitExit> {
  const { signal, timeoutMs, sink } = command;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(asError(signal.reason));
    const child = spawn("git", ["--no-pager", ...command.args], { env: command.env, stdio: ["pipe", "pipe", "pipe"] });
    let stderr = "";
    let failure: Error | undefined;
    const end = (error: Error): void => {
      failure ??= error;
      child.kill("SIGKILL");
    };
    const aborted = (): void => end(asError(signal.reason));
    const late = setTimeout(
      () =>
        end(new GitError("Timeout", `git ${command.args[0]} did not end within ${timeoutMs} ms; set a larger timeout`)),
      timeoutMs,
    );
    signal.addEventListener("abort", aborted, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      if (failure !== undefined) return;
      try {
        sink(chunk);
      } catch (error) {
        end(asError(error));
      }
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (stderr.length < 16_384) stderr += chunk.toString("utf8");
    });
    child.stdin.on("error", () => undefined); // git left before reading all: its exit says why
    child.on("error", (error) => {
      failure ??= new GitError("GitFailed", `git cannot be started (${error.message}); the image must contain git`);
    });
    child.on("close", (code) => {
      clearTimeout(late);
      signal.removeEventListener("abort", aborted);
      if (failure === undefined) resolve({ code: code ?? -1, stderr });
      else reject(failure);
    });
    child.stdin.end(command.input ?? "");
  });
}

/** Collects at most `maxBytes` of output; more is an error of reason TooLarge. */
export function collector(maxBytes: number, what: string): { sink: (chunk: Buffer) => void; text: () => string } {
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    sink(chunk) {
      size += chunk.length;
      if (size > maxBytes) throw new GitError("TooLarge", `${what} is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    },
    text: () => Buffer.concat(chunks).toString("utf8"),
  };
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
