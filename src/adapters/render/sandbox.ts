import { type ChildProcess, spawn } from "node:child_process";
import type { RenderErrorReason } from "../../ports/render.ts";
import type { Slots } from "./slots.ts";

/** Where the programs are, by absolute path; undefined where one was not found. */
export interface Programs {
  readonly kustomize: string | undefined;
  readonly helm: string | undefined;
  readonly sandbox: string | undefined;
}

/** What a renderer may take. */
export interface SandboxLimits {
  /** Bytes of memory. Both programs need 80 MiB to start. */
  readonly memoryBytes: number;
  /** Bytes of output. */
  readonly outputBytes: number;
}

/** One run of a renderer. */
export interface Run {
  readonly program: "kustomize" | "helm";
  readonly args: readonly string[];
  /** The one directory that it can read. */
  readonly dir: string;
  readonly timeoutMs: number;
}

/** How a run ended. `message` is what the program said, or what ended it. */
export type Ended =
  | { readonly kind: "Done"; readonly output: Uint8Array }
  | { readonly kind: "Failed"; readonly reason: RenderErrorReason; readonly message: string };

const MIB = 1024 * 1024;
const SAID = 16 * 1024;
/** The sandbox itself could not be set up. */
const SANDBOX_FAILED = 125;

/** Runs renderers one or two at a time, without network, child processes, and files outside of one directory. */
export class Sandbox {
  readonly #programs: Programs;
  readonly #limits: SandboxLimits;
  readonly #slots: Slots;

  constructor(programs: Programs, limits: SandboxLimits, slots: Slots) {
    this.#programs = programs;
    this.#limits = limits;
    this.#slots = slots;
  }

  /** Runs a program to its end; it is gone when this settles, whatever happens. Rejects when the signal aborts. */
  async run(run: Run, signal: AbortSignal): Promise<Ended> {
    const program = this.#programs[run.program];
    if (program === undefined) return missing(run.program);
    const { sandbox } = this.#programs;
    if (sandbox === undefined) return missing("sandbox");
    return this.#slots.use(signal, () => {
      const { memoryBytes } = this.#limits;
      const seconds = Math.max(1, Math.ceil(run.timeoutMs / 1000));
      const bounds = ["-dir", run.dir, "-memory", String(memoryBytes), "-cpu", String(seconds)];
      const child = spawn(sandbox, [...bounds, program, ...run.args], {
        cwd: run.dir,
        // Nothing of our own: no proxy, no token, no kubeconfig, no PATH to find other programs by.
        env: { HOME: run.dir, GOMEMLIMIT: `${Math.floor((memoryBytes * 3) / 4 / MIB)}MiB`, GOMAXPROCS: "2" },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      return ended(child, run, this.#limits, signal);
    });
  }
}

function ended(child: ChildProcess, run: Run, limits: SandboxLimits, signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const output: Uint8Array[] = [];
    let size = 0;
    let said = "";
    let verdict: Ended | undefined;
    const end = (why: Ended): void => {
      verdict ??= why;
      kill(child);
    };
    const aborted = (): void => kill(child);
    signal.addEventListener("abort", aborted, { once: true });
    const late = setTimeout(
      () => end(failed("RenderFailed", `it did not end within ${run.timeoutMs} ms; set a larger spec.timeout`)),
      run.timeoutMs,
    );
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limits.outputBytes) output.push(chunk);
      else end(failed("TooLarge", `it renders more than ${limits.outputBytes} bytes; split it over several paths`));
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      if (said.length < SAID) said += chunk.toString("utf8");
    });
    child.on("error", (error) => {
      verdict ??= failed(
        "RendererMissing",
        `the sandbox does not start (${error.message}); give its path by --sandbox`,
      );
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(late);
      signal.removeEventListener("abort", aborted);
      if (signal.aborted) reject(signal.reason);
      else if (verdict !== undefined) resolve(verdict);
      else if (code === 0) resolve({ kind: "Done", output: Buffer.concat(output) });
      else resolve(failure(run, limits, said.slice(0, SAID), killedBy ?? code));
    });
  });
}

function failure(run: Run, limits: SandboxLimits, said: string, how: string | number | null): Ended {
  if (how === SANDBOX_FAILED || said.startsWith("fairlead-sandbox: ")) {
    const why = said.replace(/^fairlead-sandbox: /, "").trim();
    return failed("RendererMissing", `${run.program} does not start (${why}); give its path by --${run.program}`);
  }
  // A Go program that gets no memory says so, or dies of a segmentation fault in its runtime.
  if (/^(fatal error: .*(out of memory|cannot allocate memory)|SIGSEGV: )/m.test(said)) {
    return failed(
      "TooLarge",
      `it needs more than ${Math.floor(limits.memoryBytes / MIB)} MiB of memory; split it over several paths`,
    );
  }
  const crash = /^(?:fatal error|panic|runtime): .*$/m.exec(said);
  if (crash !== null) return failed("RenderFailed", `it crashed (${crash[0]}); report this`);
  if (how === "SIGXCPU" || (how === "SIGKILL" && said === "")) {
    return failed(
      "RenderFailed",
      `it was ended (${how}): it took too long, or the node had no memory left; split it over several paths`,
    );
  }
  if (typeof how === "string") return failed("RenderFailed", `it was ended by ${how}; report this`);
  return failed("RenderFailed", said.trim() || `it ended with ${how} and said nothing`);
}

function failed(reason: RenderErrorReason, message: string): Ended {
  return { kind: "Failed", reason, message };
}

function missing(name: string): Ended {
  const program = name === "sandbox" ? "fairlead-sandbox" : name;
  return failed(
    "RendererMissing",
    `this operator has no ${program}: put it on the PATH, or give its path by --${name}`,
  );
}

/** The whole group: were there ever a child of it, it would go too. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
