import { type ChildProcess, spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import process from "node:process";

/** The repository's root; every command runs there. */
export const ROOT = join(import.meta.dirname, "../..");

/** One command to run. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each line as it comes. */
  readonly onLine?: (line: string) => void;
  readonly limitMs: number;
}

/** How a command ended. */
export interface Ended {
  readonly kind: "Exited" | "TimedOut" | "NotStarted";
  /** The exit code; 128 and more after a signal, as shells count. */
  readonly code: number;
  readonly output: string;
  readonly ms: number;
}

const GRACE_MS = 20_000;
const live = new Set<ChildProcess>();

/** Runs a command in a process group of its own, with the programs of node_modules first on its PATH. */
export function run(command: Command): Promise<Ended> {
  const started = performance.now();
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const path = [join(ROOT, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter);
  const child = spawn(command.program, command.args, {
    cwd: command.cwd ?? ROOT,
    env: { ...process.env, ...command.env, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: what it starts ends with it, and a Ctrl-C reaches it once, through us.
    detached: true,
  });
  live.add(child);
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let partial = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      chunks.push(text);
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      for (const line of lines) command.onLine?.(line);
    });
    stream.on("end", () => {
      if (partial !== "") command.onLine?.(partial);
    });
  }
  let kind: Ended["kind"] = "Exited";
  const limit = setTimeout(() => {
    kind = "TimedOut";
    void end(child);
  }, command.limitMs);
  const finish = (code: number, output: string): void => {
    clearTimeout(limit);
    live.delete(child);
    resolve({ kind, code, output, ms: performance.now() - started });
  };
  child.on("error", (error) => {
    kind = "NotStarted";
    finish(127, error.message);
  });
  child.on("close", (code) => {
    finish(code ?? 128, chunks.join(""));
  });
  return promise;
}

/** Ends a command and all that it started: asks first, and insists after a grace. */
async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  signal(child, "SIGTERM");
  const insist = setTimeout(() => signal(child, "SIGKILL"), GRACE_MS);
  await closed;
  clearTimeout(insist);
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // ESRCH: the whole group has ended already.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** From now on Ctrl-C and SIGTERM end every running command before this process exits. */
export function endChildrenOnSignals(): void {
  for (const [name, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(name, () => {
      console.error(`\n${name}: ending what runs`);
      void Promise.allSettled([...live].map(end)).then(() => process.exit(code));
    });
  }
}

/** A duration as people read it: `0.4 s`, `3 min 20 s`. */
export function humanMs(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
