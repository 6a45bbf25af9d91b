import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "../../../src/api/json.ts";
import { parseRollout } from "../../../src/api/v1alpha1/progressiverollout.ts";
import { stepsOf } from "../../../src/core/rollout/strategies/strategy.ts";
import type { ScriptedPrometheus } from "../../apps/scriptedPrometheus.ts";
import type { Shop } from "../shop.ts";

/** What a measurement is answered; NaN is no data. */
export const ANSWERS = { pass: 100, fail: 1, "no data": Number.NaN } as const;
export type Answer = keyof typeof ANSWERS;

const EVERY_MS = 100;

/**
 * Watches a rollout from outside, by what the API server and Prometheus were told: no revision has more than its first step's
 * weight before it has passed a measurement, or goes beyond an approval that Git has not given.
 */
export class Witness implements AsyncDisposable {
  readonly #shop: Shop;
  readonly #prometheus: ScriptedPrometheus;
  readonly #passed = new Set<string>();
  readonly #approved = new Set<string>();
  readonly #ended = new AbortController();
  readonly #watching: Promise<void>;
  readonly violations: string[] = [];
  looks = 0;
  #answer: Answer = "pass";
  #read: number;

  constructor(shop: Shop, prometheus: ScriptedPrometheus) {
    this.#shop = shop;
    this.#prometheus = prometheus;
    this.#read = prometheus.queries.length;
    this.#watching = this.#watch();
  }

  /** What every measurement is answered from now on. */
  answer(answer: Answer): void {
    // Those so far were answered as before.
    this.#drain();
    this.#answer = answer;
    this.#prometheus.answer(this.#shop.namespace, ANSWERS[answer]);
  }

  /** Git is about to approve a revision. */
  approves(revision: string): void {
    this.#approved.add(revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      // An API server that is slow, or an object that is not there for a moment, breaks no promise.
      const rollout = await this.#shop.rollout().catch(() => undefined);
      this.#drain();
      if (rollout !== undefined) this.#look(parseRollout(rollout));
      await sleep(EVERY_MS, undefined, { signal: this.#ended.signal }).catch(() => undefined);
    }
  }

  #look({ spec, status }: ReturnType<typeof parseRollout>): void {
    this.looks += 1;
    const cursor = status.rollout;
    if (cursor?.candidate === undefined || cursor.cause === "Rescued" || cursor.stage === "Returning") return;
    const steps = stepsOf(spec, cursor.replicas);
    const first = steps.find(({ needsApproval }) => !needsApproval);
    const told = `${stringify(cursor)}, passed: ${[...this.#passed].join()}, approved: ${[...this.#approved].join()}`;
    if (cursor.weight > (first?.weight ?? 0) && !this.#passed.has(cursor.candidate))
      this.violations.push(`weight without a pass: ${told}`);
    const approval = steps.findIndex(({ needsApproval }) => needsApproval);
    const beyond = approval >= 0 && cursor.stage === "Stepping" && (cursor.step ?? 0) > approval;
    if (beyond && !this.#approved.has(cursor.candidate)) this.violations.push(`beyond an approval: ${told}`);
  }

  #drain(): void {
    const asked = this.#prometheus.queries.slice(this.#read);
    this.#read += asked.length;
    if (this.#answer !== "pass") return;
    for (const query of asked) {
      const [, namespace, revision] = /namespace="([^"]*)",pod=~"web-([a-z0-9]+)-/.exec(query) ?? [];
      if (namespace === this.#shop.namespace && revision !== undefined) this.#passed.add(revision);
    }
  }
}
