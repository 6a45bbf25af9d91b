import type { Json } from "../../api/json.ts";
import type { RouteShare, Word } from "../../core/rollout/routes/word.ts";

/** Revisions of examples: stable and candidate. */
export const [STABLE, CANDIDATE] = ["bcdfghjk", "lmnpqrst"] as const;

/** A word that splits requests and does nothing else. */
export function parts(weight: number): Word {
  const rest = Math.round((100 - weight) * 10) / 10;
  return {
    parts: [
      { revision: STABLE, weight: rest },
      { revision: CANDIDATE, weight },
    ],
    chosen: [],
  };
}

/** What a rollout of a Service says; `most` is what it says unless another is given. */
export function share(word: Word | "Git" = "Git", of: Partial<RouteShare> = {}): RouteShare {
  const most = word === "Git" ? { parts: [], chosen: [] } : word;
  return { namespace: "shop", service: "web", workload: "web", word, most, ...of };
}

/** A backendRef as the API server stores it. */
export function ref(name: string, weight = 1): Json {
  return { group: "", kind: "Service", name, port: 80, weight };
}

/** A rule for the path `/`. */
export function rule(...backendRefs: Json[]): Json {
  return { matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs };
}
