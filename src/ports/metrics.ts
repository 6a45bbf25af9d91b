/** Why there is no value. */
export type NoSample =
  | { readonly kind: "NoData"; readonly message: string }
  /** The query or its answer's type is wrong: no later try will do better. */
  | { readonly kind: "Invalid"; readonly message: string }
  | { readonly kind: "ProviderError"; readonly message: string };

/** A value read from Prometheus, or why there is none. `at` is when it was evaluated, in epoch milliseconds. */
export type Sample = { readonly kind: "Value"; readonly value: number; readonly at: number } | NoSample;

/** Values of one moment, each with its labels. */
export interface Series {
  readonly kind: "Series";
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
  readonly at: number;
}

/** An instant query. */
export interface Question {
  readonly query: string;
  /** How old a sample may be that still counts, in milliseconds; Prometheus' own setting unless set. */
  readonly lookbackMs?: number;
  /** The moment that it is asked for, in epoch milliseconds; now, by the clock of Prometheus, unless set. */
  readonly at?: number;
  readonly timeoutMs: number;
}

/** Runs instant queries. Never throws: what went wrong is part of the answer. */
export interface Metrics {
  /** For a question with one number as its answer. */
  query(address: string, question: Question, signal: AbortSignal): Promise<Sample>;
  /** For a question with several. */
  series(address: string, question: Question, signal: AbortSignal): Promise<Series | NoSample>;
}
