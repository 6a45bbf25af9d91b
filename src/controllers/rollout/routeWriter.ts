import { listAt, stringAt } from "../../api/json.ts";
import { type Key, keyOf, type Manifest, refOf } from "../../api/objects.ts";
import { FIELD_MANAGER } from "../../api/v1alpha1/names.ts";
import type { Effect } from "../../core/rollout/effects.ts";
import { isCorrection, rivalIn, type Written, wrote } from "../../core/rollout/routes/fight.ts";
import { overlayRoute } from "../../core/rollout/routes/overlay.ts";
import type { RouteSeen } from "../../core/rollout/routes/word.ts";
import { entriesOf } from "../../core/sync/fields.ts";
import { type Cluster, isApiError } from "../../ports/cluster.ts";
import type { Events } from "../../ports/events.ts";
import type { RolloutCaches } from "./caches.ts";
import { sharesOn } from "./observeRoutes.ts";
import type { Observed } from "./reconcile.ts";

/** What a RouteWriter needs. */
export interface RouteWriterParts {
  readonly cluster: Cluster;
  readonly caches: RolloutCaches;
  readonly events: Events;
  readonly now: () => number;
}

/** Writes what rollouts say to routes, and remembers who undoes it. A new process notices a fight anew. */
export class RouteWriter {
  readonly #parts: RouteWriterParts;
  /** By rollout, then by kind and name of the route. */
  readonly #written = new Map<Key, Map<string, Written>>();

  constructor(parts: RouteWriterParts) {
    this.#parts = parts;
  }

  async write({ rollout }: Observed, effect: Extract<Effect, { do: "Route" }>, signal: AbortSignal): Promise<void> {
    const { caches, events, now } = this.#parts;
    const { kind, name, word } = effect;
    const { object, spec } = rollout;
    const route = caches.routes(kind).get(`${object.metadata.namespace ?? ""}/${name}`);
    if (route === undefined) return;
    // The other rollouts' words are as they are stored; this one's is the decision's, which is stored by now too.
    const shares = sharesOn(caches, route).map((share) =>
      share.service === spec.serviceRef.name ? { ...share, word } : share,
    );
    const stored = await this.#patch(route, overlayRoute(route, shares), signal);
    if (stored === undefined) return;
    const known = this.#written.get(keyOf(object)) ?? new Map<string, Written>();
    const before = known.get(`${kind}/${name}`);
    const by = lastWriter(stored);
    this.#written.set(keyOf(object), known.set(`${kind}/${name}`, wrote(before, word, by, now())));
    if (!isCorrection(before, word)) return;
    const message = `${kind} ${name} was changed by ${by} during the rollout, and was put back`;
    events.note(object, { type: "Warning", reason: "DriftCorrected", message });
  }

  /** The routes of a rollout, with whoever keeps undoing what it says of them. */
  withRivals(key: Key, routes: readonly RouteSeen[]): readonly RouteSeen[] {
    const known = this.#written.get(key);
    return routes.map((route) => {
      const rival = rivalIn(known?.get(`${route.kind}/${route.name}`), this.#parts.now());
      return rival === undefined ? route : { ...route, rival };
    });
  }

  /** A rollout is gone. */
  forget(key: Key): void {
    this.#written.delete(key);
  }

  /** Only as it was seen: its rules are one list, and belong to whoever writes them. undefined: it is gone. */
  async #patch(route: Manifest, wanted: Manifest, signal: AbortSignal): Promise<Manifest | undefined> {
    const { caches, cluster } = this.#parts;
    const { resourceVersion } = route.metadata;
    const patch = { metadata: { resourceVersion }, spec: { rules: listAt(wanted, "spec", "rules") } };
    try {
      const stored = await cluster.patch(refOf(route), patch, {}, signal);
      caches.routes(route.kind).put(stored);
      return stored;
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      return undefined;
    }
  }
}

/** The field manager that wrote last, Fairlead and what reports on the route aside. */
function lastWriter(stored: Manifest): string {
  const time = (entry: { readonly entry: unknown }) => stringAt(entry.entry, "time") ?? "";
  const [last] = entriesOf(stored)
    .filter(({ manager, subresource }) => manager !== FIELD_MANAGER && subresource !== "status")
    .toSorted((a, b) => time(b).localeCompare(time(a)));
  return last === undefined ? "another writer" : `"${last.manager}"`;
}
