import { meaningfulWrite } from "../harness/apiRules.ts";
import { freeLeases } from "../harness/install.ts";
import type { Scene } from "../harness/scene.ts";

/** The operator's sudden deaths, one after the other: several shops may want one at a time. */
export class Restarts {
  readonly #scene: Scene;
  #last: Promise<void> = Promise.resolve();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Kills the operator as soon as its n-th write in a namespace from now on is stored, and starts it again. */
  afterWrite(n: number, namespace: string): PlannedRestart {
    const { proxy } = this.#scene;
    let begun: Promise<void> | undefined;
    const forget = proxy.afterWrite(
      n,
      () => {
        begun = this.#next();
        // Whoever wrote is to die before it hears of it.
        return begun;
      },
      (call) => meaningfulWrite(call) && call.namespace === namespace,
    );
    return {
      over: async () => {
        forget();
        if (begun === undefined) throw new Error(`it took fewer than ${n} writes, so nothing was in the middle`);
        await begun;
      },
    };
  }

  #next(): Promise<void> {
    const next = this.#last.then(async () => {
      const { process, kube } = this.#scene;
      await process.kill();
      await freeLeases(kube, process.namespace);
      await process.start();
    });
    this.#last = next.catch(() => undefined);
    return next;
  }
}

/** A restart that is to come. */
export interface PlannedRestart {
  /** Waits until the operator leads again; rejects when it never came to the write. */
  over(): Promise<void>;
}
