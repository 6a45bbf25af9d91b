import { readdir, readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { OperatorProcess } from "../../e2e/harness/operatorProcess.ts";

/** The most resident memory that was seen, in bytes. */
export interface Peaks {
  readonly operator: number;
  /** Of all git processes of the operator at one moment. */
  readonly git: number;
}

const EVERY_MS = 100;
const PAGE = 4096;

/** Watches the memory of an operator process, and of the git processes that work on its store. */
export class MemoryPeaks {
  readonly #operator: OperatorProcess;
  readonly #stop = new AbortController();
  readonly #watching: Promise<Peaks>;

  constructor(operator: OperatorProcess) {
    this.#operator = operator;
    this.#watching = this.#watch();
  }

  /** Ends the watching and gives what was seen. */
  end(): Promise<Peaks> {
    this.#stop.abort();
    return this.#watching;
  }

  async #watch(): Promise<Peaks> {
    let peaks: Peaks = { operator: 0, git: 0 };
    while (!this.#stop.signal.aborted) {
      const [operator, git] = await Promise.all([this.#resident(), residentBelow(this.#operator.store)]);
      peaks = { operator: Math.max(peaks.operator, operator), git: Math.max(peaks.git, git) };
      await setTimeout(EVERY_MS);
    }
    return peaks;
  }

  async #resident(): Promise<number> {
    const line = /^process_resident_memory_bytes(?:\{.*\})? (.*)$/m.exec(await this.#operator.metrics());
    if (line === null) throw new Error("the operator does not tell its memory");
    return Number(line[1]);
  }
}

async function residentBelow(store: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      try {
        const environment = await readFile(`/proc/${pid}/environ`, "latin1");
        if (!environment.includes(`GIT_DIR=${store}`)) return 0;
        return Number((await readFile(`/proc/${pid}/statm`, "latin1")).split(" ")[1]) * PAGE;
      } catch {
        return 0; // it has ended, or is not ours
      }
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
