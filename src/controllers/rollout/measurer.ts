import type { Key } from "../../api/objects.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { type Judgement, judge } from "../../core/analysis/judge.ts";
import { queryOf } from "../../core/analysis/query.ts";
import { metricsAt } from "../../core/analysis/record.ts";
import { revisionName } from "../../core/rollout/revision.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { split } from "./caches.ts";
import type { Observed } from "./reconcile.ts";

/** How long Prometheus may take for one answer. */
const TIMEOUT_MS = 10_000;

interface Flight {
  /** Names the measurement: another candidate, step or round is another one. */
  readonly token: string;
  landed: readonly Judgement[] | undefined;
}

/** Measures beside the queue, so that a slow Prometheus holds up nothing: least of all a way back. */
export class Measurer {
  readonly #metrics: Metrics;
  readonly #wake: (key: Key) => void;
  readonly #signal: AbortSignal;
  readonly #flights = new Map<Key, Flight>();

  constructor(metrics: Metrics, wake: (key: Key) => void, signal: AbortSignal) {
    this.#metrics = metrics;
    this.#wake = wake;
    this.#signal = signal;
  }

  /** What has arrived for this round; else the round is started, and the key is woken when it arrives. */
  take(key: Key, observed: Observed, cursor: Cursor): readonly Judgement[] | undefined {
    const token = `${cursor.candidate}/${cursor.step}/${cursor.inPlaceAt}/${cursor.measuredAt}`;
    const flight = this.#flights.get(key);
    if (flight?.token === token) {
      if (flight.landed !== undefined) this.#flights.delete(key);
      return flight.landed;
    }
    const started: Flight = { token, landed: undefined };
    this.#flights.set(key, started);
    void this.#measure(key, observed, cursor).then((judgements) => {
      started.landed = judgements;
      this.#wake(key);
    });
    return undefined;
  }

  /** Forgets a rollout that is gone. */
  forget(key: Key): void {
    this.#flights.delete(key);
  }

  async #measure(key: Key, { rollout }: Observed, cursor: Cursor): Promise<readonly Judgement[]> {
    const { analysis, workloadRef } = rollout.spec;
    if (analysis === undefined || cursor.candidate === undefined) return [];
    const [namespace] = split(key);
    const track = (hash: string) => ({ namespace, deployment: revisionName(workloadRef.name, hash) });
    const candidate = track(cursor.candidate);
    const stable = track(cursor.stable);
    const { address } = analysis.prometheus;
    return Promise.all(
      metricsAt(analysis, cursor.weight).map(async (metric) =>
        judge(metric, await this.#metrics.query(address, queryOf(metric, candidate, stable), TIMEOUT_MS, this.#signal)),
      ),
    );
  }
}
