import type { Setting } from "./settings.ts";

/** How one way back went. */
export interface Back {
  /** From the push of the revert to the last answer of what was reverted. */
  readonly seconds: number;
  /** Until all was at rest. */
  readonly rested: number;
  /** API writes of the operator in the shop's namespace until then, without Events. */
  readonly writes: number;
  /** How long the slowest pod took to be ready, where pods had to start. */
  readonly readiness?: number;
}

/** Something that happened to a shop, and what became of the requests meanwhile. */
export interface Row {
  readonly setting: Setting;
  readonly what: string;
  readonly sent: number;
  readonly failed: number;
  /** From the commit that caused it to its end; what led there counts for the requests only. */
  readonly seconds: number;
  /** Requests sent a second, all the time. */
  readonly rate: number;
  readonly failures: readonly string[];
  readonly back?: Back;
}

/** What each row must have had, so that no failure means something. */
const LEAST_RATE = 100;
/** The longest way back, in seconds; where pods had to start, beyond their readiness. */
export const BACK_WITHIN = 3;

/** What is wrong with a row, in words. */
export function faultsOf(row: Row): readonly string[] {
  const { what, failed, rate, failures, back, setting } = row;
  const faults: string[] = [];
  if (failed > 0) faults.push(`${failed} requests failed: ${failures.join("; ")}`);
  if (rate < LEAST_RATE) faults.push(`${rate.toFixed(0)} requests a second are too few to tell`);
  if (back !== undefined && !setting.restarts && back.seconds - (back.readiness ?? 0) >= BACK_WITHIN) {
    const beyond =
      back.readiness === undefined ? "" : ` with pods that were ready after ${back.readiness.toFixed(1)} s`;
    faults.push(`the way back took ${back.seconds.toFixed(1)} s${beyond}`);
  }
  return faults.map((fault) => `${what}: ${fault}`);
}
