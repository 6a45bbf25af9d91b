import { at, listAt, stringAt } from "../../api/json.ts";
import { type ClusterFacts, type Discovery, isApiError, type KindInfo } from "../../ports/cluster.ts";
import { askFacts } from "./facts.ts";
import { groupVersionPath } from "./paths.ts";
import { abortable } from "./signals.ts";
import type { Transport } from "./transport.ts";

/** A discovery whose knowledge can be thrown away. */
export interface CachedDiscovery extends Discovery {
  /** Asks the server again next time: after a definition of a kind was applied, or a path was not served. */
  invalidate(apiVersion?: string): void;
}

/** How discovery behaves. */
export interface DiscoveryOptions {
  /** The shortest time between two questions for a kind that is not served, in milliseconds. */
  readonly recheckMs?: number;
}

interface Known {
  readonly kinds: ReadonlyMap<string, KindInfo>;
  readonly at: number;
}

const FACTS_MS = 60_000;

/** Asks for one group and version at a time, when a kind of it is first needed: every server answers that alike. */
export class GroupDiscovery implements CachedDiscovery {
  readonly #transport: Transport;
  readonly #recheckMs: number;
  readonly #known = new Map<string, Known>();
  #facts: { readonly facts: ClusterFacts; readonly at: number } | undefined;
  readonly #asking = new Map<string, Promise<ReadonlyMap<string, KindInfo>>>();

  constructor(transport: Transport, options: DiscoveryOptions = {}) {
    this.#transport = transport;
    this.#recheckMs = options.recheckMs ?? 1_000;
  }

  async facts(signal: AbortSignal): Promise<ClusterFacts> {
    const known = this.#facts;
    if (known !== undefined && performance.now() - known.at < FACTS_MS) return known.facts;
    const facts = await askFacts(this.#transport, signal);
    this.#facts = { facts, at: performance.now() };
    return facts;
  }

  async kind(apiVersion: string, kind: string, signal: AbortSignal): Promise<KindInfo | undefined> {
    const known = this.#known.get(apiVersion);
    const info = known?.kinds.get(kind);
    if (info !== undefined) return info;
    if (known !== undefined && performance.now() - known.at < this.#recheckMs) return undefined;
    return (await this.#shared(apiVersion, signal)).get(kind);
  }

  invalidate(apiVersion?: string): void {
    this.#facts = undefined;
    if (apiVersion === undefined) this.#known.clear();
    else this.#known.delete(apiVersion);
  }

  /** Hundreds of calls may need one answer at a time. The first asks; another takes over when that one gives up. */
  async #shared(apiVersion: string, signal: AbortSignal): Promise<ReadonlyMap<string, KindInfo>> {
    for (;;) {
      const asking = this.#asking.get(apiVersion);
      if (asking === undefined) break;
      try {
        return await abortable(asking, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (isApiError(error)) throw error;
      }
    }
    const asking = this.#ask(apiVersion, signal);
    this.#asking.set(apiVersion, asking);
    try {
      const kinds = await asking;
      this.#known.set(apiVersion, { kinds, at: performance.now() });
      return kinds;
    } finally {
      this.#asking.delete(apiVersion);
    }
  }

  async #ask(apiVersion: string, signal: AbortSignal): Promise<ReadonlyMap<string, KindInfo>> {
    const kinds = new Map<string, KindInfo>();
    try {
      const answer = await this.#transport.json(
        {
          verb: "get",
          resource: "discovery",
          path: groupVersionPath(apiVersion),
          what: `ask for the kinds of ${apiVersion}`,
          retry: "Always",
        },
        signal,
      );
      for (const entry of listAt(answer, "resources")) {
        const kind = stringAt(entry, "kind");
        const resource = stringAt(entry, "name");
        // `deployments/scale` is a subresource with a kind of its own.
        if (kind === undefined || resource === undefined || resource.includes("/") || kinds.has(kind)) continue;
        kinds.set(kind, { resource, namespaced: at(entry, "namespaced") === true });
      }
    } catch (error) {
      if (!isApiError(error, "UnknownKind", "NotFound")) throw error;
    }
    return kinds;
  }
}
