import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/** The child processes of a server: each has an owner that ends it. */
export class Children {
  readonly #running = new Set<ChildProcess>();

  /** Starts a child in a process group of its own, so that its children can be ended with it. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn(program, args, { ...options, detached: true });
    this.#running.add(child);
    child.on("close", () => this.#running.delete(child));
    child.on("error", () => this.#running.delete(child));
    return child;
  }

  /** Ends all children at once and waits until they are gone. */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async (child) => {
        const closed = once(child, "close");
        endGroup(child);
        // What it has said and nobody read would hold back its "close" for ever.
        for (const stream of child.stdio) stream?.destroy();
        await closed;
      }),
    );
  }
}

/** Ends a child of `Children` and what it started. */
export function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It was gone already.
  }
}
