/** One measured value and the bar it is held to. */
export interface Bar {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  /** The least or the most that is allowed; without one the value is only told. */
  readonly bar?: { readonly least: number } | { readonly most: number };
}

/** Tells whether a value is within its bar. */
export function isMet({ measured, bar }: Bar): boolean {
  if (bar === undefined) return true;
  return "least" in bar ? measured >= bar.least : measured <= bar.most;
}

/** The table of all values, a line each. */
export function table(bars: readonly Bar[]): readonly string[] {
  const width = Math.max(...bars.map(({ what }) => what.length));
  return bars.map((one) => {
    const { what, measured, unit, bar } = one;
    const limit =
      bar === undefined ? "" : "least" in bar ? `at least ${number(bar.least)}` : `at most ${number(bar.most)}`;
    const verdict = bar === undefined ? "" : isMet(one) ? "ok" : "MISSED";
    return `${what.padEnd(width)}  ${number(measured).padStart(8)} ${unit.padEnd(12)}  ${limit.padEnd(14)}  ${verdict}`.trimEnd();
  });
}

/** The middle one of some numbers; the upper of two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
