import type { Key } from "../../api/objects.ts";
import type { Metric } from "../../api/v1alpha1/analysis.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { compare } from "../../core/analysis/compare.ts";
import { countsQuery } from "../../core/analysis/counts.ts";
import { fresh } from "../../core/analysis/freshness.ts";
import { type Judgement, judge } from "../../core/analysis/judge.ts";
import { metricsAt } from "../../core/analysis/policy.ts";
import { queryOf, type Track } from "../../core/analysis/query.ts";
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
  readonly #now: () => number;
  readonly #signal: AbortSignal;
  readonly #flights = new Map<Key, Flight>();

  /** `now` tells the time in epoch milliseconds. */
  constructor(metrics: Metrics, wake: (key: Key) => void, now: () => number, signal: AbortSignal) {
    this.#metrics = metrics;
    this.#wake = wake;
    this.#now = now;
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
    const tracks = { candidate, stable };
    return Promise.all(
      metricsAt(analysis, cursor.weight).map((metric) =>
        metric.statistical === undefined
          ? this.#judged(metric, address, tracks)
          : this.#compared(metric, address, tracks, cursor),
      ),
    );
  }

  /** What is held against stable is asked of both for the same moment, by Prometheus' own clock. */
  async #judged(metric: Metric, address: string, { candidate, stable }: Tracks): Promise<Judgement> {
    const windowMs = durationMs(metric.window);
    const ask = async (query: string, at?: { readonly at: number }) => {
      const question = { query, lookbackMs: windowMs, timeoutMs: TIMEOUT_MS, ...at };
      return fresh(await this.#metrics.query(address, question, this.#signal), windowMs, this.#now());
    };
    const own = await ask(queryOf(metric, candidate, stable));
    if (metric.relative === undefined || own.kind !== "Value") return judge(metric, own);
    return judge(metric, own, await ask(queryOf(metric, stable, candidate), { at: own.at }));
  }

  /** Counts begin with the step: within it both tracks have had their requests at the same times. */
  async #compared(
    metric: Metric,
    address: string,
    { candidate, stable }: Tracks,
    { enteredAt, steps = 1 }: Cursor,
  ): Promise<Judgement> {
    const rangeMs = this.#now() - Date.parse(enteredAt);
    const ask = async (track: Track, at?: { readonly at: number }) => {
      const question = { query: countsQuery(metric, track, rangeMs), timeoutMs: TIMEOUT_MS, ...at };
      return fresh(await this.#metrics.series(address, question, this.#signal), durationMs(metric.window), this.#now());
    };
    const own = await ask(candidate);
    if (own.kind !== "Series") return compare(metric, own, own, steps);
    return compare(metric, own, await ask(stable, { at: own.at }), steps);
  }
}

interface Tracks {
  readonly candidate: Track;
  readonly stable: Track;
}
