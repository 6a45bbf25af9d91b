import { type ApiCall, describeCall } from "./apiCalls.ts";
import { meaningfulWrite } from "./apiRules.ts";
import { freeLeases } from "./install.ts";
import type { Scene } from "./scene.ts";

/**
 * Kills the operator right after a write is stored and before it hears of that, and starts the next one at once; where asked
 * to, again after so many writes of that one. It has to be stopped.
 */
export class Reaper {
  readonly #scene: Scene;
  readonly #every: number;
  readonly #end: () => void;
  /** The writes after which it killed. */
  readonly kills: ApiCall[] = [];
  #left = Number.POSITIVE_INFINITY;
  #reborn: Promise<void> | undefined;

  constructor(scene: Scene, every = Number.POSITIVE_INFINITY) {
    this.#scene = scene;
    this.#every = every;
    this.#end = scene.proxy.rule(meaningfulWrite, { kind: "After", run: (call) => this.#after(call) });
  }

  /** Kills after so many writes from now on: 1 is the very next one. Whoever asked for an earlier one is heard. */
  killAfter(writes: number): void {
    if (this.#left > 0) this.#left = Math.min(this.#left, writes);
  }

  /** Ends the killing, with an operator that leads. */
  async stop(): Promise<readonly string[]> {
    this.#end();
    await this.#reborn;
    return this.kills.map(describeCall);
  }

  async #after(call: ApiCall): Promise<void> {
    const { process } = this.#scene;
    // Writes that were on their way when it died are stored by nobody's will any more.
    if (!process.running || this.#left === 0) return;
    this.#left -= 1;
    if (this.#left > 0) return;
    this.kills.push(call);
    await process.kill();
    this.#reborn = this.#revive();
    // Whoever stops the reaper hears of it.
    this.#reborn.catch(() => undefined);
  }

  async #revive(): Promise<void> {
    const { kube, process } = this.#scene;
    await freeLeases(kube, process.namespace);
    await process.start();
    this.#left = this.#every;
  }
}
