import type { z } from "zod";
import { type Metric, metric } from "../api/v1alpha1/analysis.ts";

/** A metric as it is read from the API server: what is not said has its default. */
export function metricOf(said: Omit<z.input<typeof metric>, "name"> & { readonly name?: string }): Metric {
  return metric.parse({ name: "m", ...said });
}
