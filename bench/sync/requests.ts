/** Requests by what they were: `apply deployments` to how many. */
export type Requests = Readonly<Record<string, number>>;

const SAMPLE = /^fairlead_api_requests_total\{(.*)\} (\d+)$/;

/**
 * What the operator has sent to the API server so far, by its own metrics. Watches and the lease are left out: they cost the
 * same at rest and under load. Lists, discovery, Events and calls that failed are in.
 */
export function requestsIn(metrics: string): Requests {
  const found: Record<string, number> = {};
  for (const line of metrics.split("\n")) {
    const [, labels = "", count = "0"] = SAMPLE.exec(line) ?? [];
    const { verb = "", resource = "" } = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    if (verb === "" || verb === "watch" || resource === "leases") continue;
    const what = `${verb} ${resource}`;
    found[what] = (found[what] ?? 0) + Number(count);
  }
  return found;
}

/** What was sent between two readings. */
export function between(before: Requests, after: Requests): Requests {
  const differences = Object.entries(after).map(([what, count]) => [what, count - (before[what] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}

/** Those that are made once, however many apps there are: the first list of each kind and its discovery. */
export function once(requests: Requests): number {
  return total(Object.fromEntries(Object.entries(requests).filter(([what]) => /^list |^get discovery$/.test(what))));
}

/** All of them together. */
export function total(requests: Requests): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0);
}
