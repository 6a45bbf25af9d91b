import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Probe, until } from "../apps/until.ts";
import type { Operator } from "./install.ts";
import { ROOT } from "./operatorImage.ts";
import { renderers } from "./renderers.ts";

/** How the operator runs as a process of this machine. */
export interface OperatorProcessOptions {
  readonly kubeconfig: string;
  /** The namespace of its Lease, which must be there. */
  readonly namespace: string;
  /** Where it keeps repositories; a directory of its own, which outlives `kill` and goes at the end. */
  readonly store?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly log?: (line: string) => void;
  /** What to wait for: that it leads (the default), that it answers, or nothing. */
  readonly until?: "leading" | "ready" | "started";
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 45_000;

/** The operator as a child process of the test: killed, stopped and started again at will, always on the same store. */
export class OperatorProcess implements Operator {
  readonly namespace: string;
  readonly url: string;
  readonly store: string;
  readonly #options: OperatorProcessOptions;
  readonly #port: number;
  readonly #programs: readonly string[];
  readonly #endWithUs = () => this.#signal("SIGKILL");
  #child: ChildProcess | undefined;
  #output = "";
  #exit: Promise<Exit> | undefined;
  #last: Exit | undefined;
  /** Whether a test has asked it to end: one that ends by itself is told, for nobody here starts it again. */
  #asked = false;

  private constructor(options: OperatorProcessOptions, store: string, port: number, programs: readonly string[]) {
    this.#options = options;
    this.#programs = programs;
    this.namespace = options.namespace;
    this.store = store;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts an operator and waits until it leads. */
  static async start(options: OperatorProcessOptions): Promise<OperatorProcess> {
    const store = options.store ?? (await mkdtemp(join(tmpdir(), "fairlead-store-")));
    const programs = Object.entries(await renderers(options.log)).map(([name, path]) => `--${name}=${path}`);
    const operator = new OperatorProcess(options, store, await freePort(), programs);
    try {
      await operator.start();
      return operator;
    } catch (error) {
      await operator[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Whether it runs now. */
  get running(): boolean {
    return this.#child !== undefined;
  }

  /**
   * Starts it again after `kill` or `stop`, also with another kubeconfig. After a kill it leads only when the Lease of the
   * former process has run out, unless `freeLeases` gives it back before.
   */
  async start(changes: Partial<Pick<OperatorProcessOptions, "kubeconfig" | "env" | "until">> = {}): Promise<void> {
    if (this.running) throw new Error("the operator runs already");
    const { kubeconfig, env, until: goal = "leading", args = [] } = { ...this.#options, ...changes };
    const main = join(ROOT, "src/main.ts");
    const fixed = ["run", "--store", this.store, "--listen", `127.0.0.1:${this.#port}`];
    // The Git servers of the tests are on this machine, which is so busy at times that ten seconds pass without a renewal:
    // nobody here would start a process again that has lost its Lease. Suites about leaders choose their own duration.
    const reach = ["--git-addresses", "any", "--lease-duration", "60"];
    const where = ["--lease-namespace", this.namespace, "--kubeconfig", kubeconfig];
    const node = join(ROOT, "node_modules/node/bin/node");
    const child = spawn(node, [main, ...fixed, ...reach, ...where, ...this.#programs, ...args], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: this.store, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own: what it has started is killed with it, as in a pod.
      detached: true,
    });
    this.#child = child;
    this.#asked = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        this.#options.log?.(text.trimEnd());
      });
    }
    this.#exit = new Promise((resolve) => {
      const ended = (exit: Exit): void => {
        this.#child = undefined;
        this.#last = exit;
        if (!this.#asked)
          console.error(`the operator ended by itself: ${JSON.stringify(exit)}\n${this.#output.slice(-4_000)}`);
        process.off("exit", this.#endWithUs);
        resolve(exit);
      };
      child.on("close", (code, signal) => ended({ code, signal }));
      child.on("error", (error) => {
        this.#output += `${error.message}\n`;
        ended({ code: 127, signal: null });
      });
    });
    process.on("exit", this.#endWithUs);
    if (goal !== "started") await this.untilReady();
    if (goal === "leading") await this.untilLeading();
  }

  /** Waits until it answers. */
  untilReady(): Promise<void> {
    return this.#wait("the operator to be ready", async (saw, signal) => {
      const answer = await fetch(`${this.url}/readyz`, { signal });
      saw(`/readyz answered ${answer.status}: ${await answer.text()}`);
      return answer.ok ? true : undefined;
    });
  }

  /** Waits until it holds the Lease. */
  untilLeading(): Promise<void> {
    return this.#wait("the operator to lead", async (saw) => {
      const said = /^fairlead_leader(\{.*\})? .*$/m.exec(await this.metrics())?.[0];
      saw(said ?? "no metric fairlead_leader");
      return said?.endsWith(" 1") ? true : undefined;
    });
  }

  /** Waits until it ends, however it does. */
  async exited(): Promise<Exit> {
    if (this.#exit === undefined) throw new Error("the operator was never started");
    return this.#exit;
  }

  /** Ends it at once, in whatever it is doing. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Stops it in whatever it is doing, as a machine that swaps or sleeps does, until `thaw`. */
  freeze(): void {
    this.#signal("SIGSTOP");
  }

  /** Lets it go on. */
  thaw(): void {
    this.#signal("SIGCONT");
  }

  /** Asks it to end, and gives how it did; one that takes too long is an error. */
  async stop(): Promise<Exit> {
    const child = this.#child;
    const exit = await this.#end("SIGTERM", STOP_LIMIT_MS);
    if (child !== undefined && exit?.signal === "SIGKILL") {
      throw new Error(`the operator did not end within ${STOP_LIMIT_MS} ms of SIGTERM\n${this.#output.slice(-4_000)}`);
    }
    return exit ?? { code: null, signal: null };
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async logs(): Promise<string> {
    return this.#output;
  }

  async metrics(): Promise<string> {
    const answer = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
    return answer.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGTERM", 10_000);
    if (this.#options.store === undefined) await rm(this.store, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Waits for something of it; one that ends meanwhile is quoted. */
  async #wait(what: string, probe: Probe<true>): Promise<void> {
    const ended = new AbortController();
    void this.exited().then(() => ended.abort());
    try {
      await until(what, probe, { timeoutMs: START_LIMIT_MS, everyMs: 50, signal: ended.signal });
    } catch (error) {
      const how = this.#child === undefined ? `; it ended with ${JSON.stringify(this.#last)}` : "";
      throw new Error(`${error instanceof Error ? error.message : String(error)}${how}\n${this.#output.slice(-4_000)}`);
    }
  }

  async #end(signal: NodeJS.Signals, insistAfterMs?: number): Promise<Exit | undefined> {
    const child = this.#child;
    if (child === undefined) return this.#last;
    this.#asked = true;
    this.#signal(signal);
    const insist = insistAfterMs === undefined ? undefined : setTimeout(() => this.#signal("SIGKILL"), insistAfterMs);
    try {
      return await this.exited();
    } finally {
      clearTimeout(insist);
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(signal === "SIGKILL" ? -pid : pid, signal);
    } catch {
      // It has ended already.
    }
  }
}

/** A port that is free now; the operator listens there in a moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no free port on 127.0.0.1");
  return address.port;
}
