/** A value read from Prometheus, or why there is none. `at` is epoch milliseconds of the sample. */
export type Sample =
  | { readonly kind: "Value"; readonly value: number; readonly at: number }
  | { readonly kind: "NoData"; readonly message: string }
  /** The query or its answer's type is wrong: no later try will do better. */
  | { readonly kind: "Invalid"; readonly message: string }
  | { readonly kind: "ProviderError"; readonly message: string };

/** Runs instant queries. Never throws: what went wrong is part of the answer. */
export interface Metrics {
  query(address: string, query: string, timeoutMs: number, signal: AbortSignal): Promise<Sample>;
}
