import { setTimeout as sleep } from "node:timers/promises";
import type { Kube } from "../harness/kube.ts";
import type { RunningLoad } from "../harness/load.ts";
import type { Shop } from "../harness/shop.ts";
import { type Sample, sampleOf } from "./sample.ts";

const EVERY_MS = 200;

/** Looks at the shop several times a second, and remembers all that it saw: timings and checks are read off that. */
export class Watcher implements AsyncDisposable {
  readonly samples: Sample[] = [];
  load: RunningLoad | undefined;
  readonly #kube: Kube;
  readonly #shop: Shop;
  readonly #onSample: (sample: Sample) => void;
  readonly #ended = new AbortController();
  readonly #loop: Promise<void>;
  #trouble = "";
  #looked = Promise.withResolvers<void>();

  constructor(kube: Kube, shop: Shop, onSample: (sample: Sample) => void) {
    this.#kube = kube;
    this.#shop = shop;
    this.#onSample = onSample;
    this.#loop = this.#run();
  }

  /** The latest look. */
  get last(): Sample | undefined {
    return this.samples.at(-1);
  }

  /** Waits for a look that is as wanted, and gives it; only looks from now on count. */
  async until(what: string, holds: (sample: Sample) => boolean, limitMs: number, signal: AbortSignal): Promise<Sample> {
    const deadline = performance.now() + limitMs;
    for (let next = this.samples.length; ; ) {
      const found = this.samples.slice(next).find(holds);
      if (found !== undefined) return found;
      next = this.samples.length;
      signal.throwIfAborted();
      if (performance.now() > deadline) {
        throw new Error(`waited ${limitMs / 1_000} s for ${what}; last seen: ${this.#describe()}`);
      }
      await this.#looked.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const sample = await this.#look();
        this.samples.push(sample);
        this.#onSample(sample);
        this.#trouble = "";
      } catch (error) {
        // The API server may be busy for a moment; whoever waits says so if it stays like this.
        this.#trouble = String(error);
      }
      const looked = this.#looked;
      this.#looked = Promise.withResolvers();
      looked.resolve();
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<Sample> {
    const { namespace, name, rolloutRef } = this.#shop;
    const [sync, rollout, deployments, pods, load] = await Promise.all([
      this.#shop.sync(),
      this.#kube.find(rolloutRef),
      this.#kube.list("apps/v1", "Deployment", { namespace }),
      this.#kube.list("v1", "Pod", { namespace, labels: `app=${name}` }),
      this.load?.stats(),
    ]);
    return sampleOf({ at: performance.now(), sync, rollout, deployments, pods, load }, this.last);
  }

  #describe(): string {
    const { last } = this;
    if (this.#trouble !== "" || last === undefined) return this.#trouble || "nothing yet";
    return `${last.reason}: ${last.message}; applied ${last.applied ?? "nothing"}`;
  }
}
