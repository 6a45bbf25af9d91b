import { isObject, type JsonObject, numberAt, sameJson, stringAt } from "../../api/json.ts";
import { type Clock, systemClock } from "../../ports/clock.ts";
import { isApiError } from "../../ports/cluster.ts";
import type { Leadership } from "../../ports/leadership.ts";
import { collectionPath, objectPath } from "./paths.ts";
import { sleep } from "./signals.ts";
import type { Call, Transport, Verb } from "./transport.ts";

/** Which lease, who asks for it, and how long it lasts; times are in milliseconds. */
export interface LeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Unique for each process: the host's name and something random. */
  readonly identity: string;
  /** How long others wait after the last renewal that they saw. */
  readonly durationMs?: number;
  /** How long the leader believes in its last renewal; shorter than `durationMs`. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  readonly clock?: Clock;
  /** Told of failed attempts, for logs. */
  readonly onTrouble?: (error: Error) => void;
}

const API_VERSION = "coordination.k8s.io/v1";
const INFO = { resource: "leases", namespaced: true };

interface Observed {
  readonly spec: JsonObject;
  /** When this process first saw this spec, by its own monotonic clock: the clocks of others are not trusted. */
  readonly at: number;
}

/** Leader election by a Lease: the algorithm of client-go. */
export class LeaseElector implements Leadership {
  readonly #transport: Transport;
  readonly #options: Required<LeaseOptions>;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #lease: JsonObject | undefined;
  #observed: Observed | undefined;
  /** When the last renewal that succeeded was sent. */
  #renewedAt: number | undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(transport: Transport, options: LeaseOptions) {
    this.#transport = transport;
    this.#options = {
      durationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryMs: 2_000,
      clock: systemClock,
      onTrouble: () => undefined,
      ...options,
    };
    if (this.#options.renewDeadlineMs >= this.#options.durationMs) {
      throw new RangeError("a lease must last longer than its renew deadline, or two processes may lead at once");
    }
  }

  /** Aborts when this process led and does not any more: stop all work and exit. Not aborted by `release`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  holds(): boolean {
    if (this.#renewedAt === undefined || this.#lost.signal.aborted || this.#stopped.signal.aborted) return false;
    return this.#options.clock.monotonic() < this.#renewedAt + this.#options.renewDeadlineMs;
  }

  /** Waits for the lease and keeps renewing it from then on. */
  async untilElected(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if ((await this.#attempt(signal)) === "Held") break;
      // Jitter keeps the candidates from asking in step.
      await sleep(this.#options.retryMs * (1 + Math.random()), signal);
    }
    this.#renewing = this.#renew();
  }

  /** Stops renewing and lets the next candidate in at once. Call it when all work has ended. */
  async release(signal: AbortSignal): Promise<void> {
    const held = this.holds();
    this.#stopped.abort(new Error("the lease is being released"));
    await this.#renewing;
    if (!held) return;
    try {
      await this.#giveUp(this.#lease, signal).catch(async (error: unknown) => {
        if (!isApiError(error, "Conflict")) throw error;
        // The renewal that was cut off had arrived.
        await this.#giveUp(await this.#send("get", signal), signal);
      });
    } catch (error) {
      // It ends by itself then; the next leader only waits longer.
      this.#trouble(error);
    }
  }

  async #giveUp(lease: JsonObject | undefined, signal: AbortSignal): Promise<void> {
    if (lease === undefined || stringAt(lease, "spec", "holderIdentity") !== this.#options.identity) return;
    const spec = { ...specOf(lease), holderIdentity: "", leaseDurationSeconds: 1, renewTime: this.#now() };
    await this.#send("update", signal, { ...lease, spec });
  }

  async #renew(): Promise<void> {
    const { retryMs, renewDeadlineMs, clock } = this.#options;
    const stop = this.#stopped.signal;
    const deadline = (): number => (this.#renewedAt ?? 0) + renewDeadlineMs - clock.monotonic();
    // A watchdog of its own: an attempt may hang for as long as its time limit.
    let watchdog: NodeJS.Timeout | undefined;
    const watch = (): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.#lose("it could not be renewed in time"), Math.max(0, deadline()));
    };
    try {
      watch();
      while (!stop.aborted && !this.#lost.signal.aborted) {
        await sleep(retryMs, stop);
        let outcome = await this.#attempt(stop);
        // Somebody else wrote the lease: look at once who, and do not lead on until the next turn.
        if (outcome === "Conflict") outcome = await this.#attempt(stop);
        if (outcome === "Taken") this.#lose("another process holds it");
        if (outcome === "Held") watch();
        if (!stop.aborted && deadline() <= 0) this.#lose("it could not be renewed in time");
      }
    } catch (error) {
      if (!stop.aborted) this.#lose(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(watchdog);
    }
  }

  #lose(why: string): void {
    if (!this.#lost.signal.aborted && !this.#stopped.signal.aborted) {
      this.#lost.abort(new Error(`the lease ${this.#options.namespace}/${this.#options.name} is lost: ${why}`));
    }
  }

  /** One try to acquire or renew. "Unclear": it failed, and another try may do better. */
  async #attempt(signal: AbortSignal): Promise<"Held" | "Taken" | "Conflict" | "Unclear"> {
    // Taken before sending: the others count from when the server stored it, which is later.
    const sentAt = this.#options.clock.monotonic();
    try {
      const lease = await this.#read(signal);
      if (lease !== undefined && this.#heldByOther(lease)) return "Taken";
      const stored = await this.#send(lease === undefined ? "create" : "update", signal, this.#claim(lease));
      this.#lease = stored;
      this.#observe(stored);
      this.#renewedAt = sentAt;
      return "Held";
    } catch (error) {
      signal.throwIfAborted();
      // The copy may be stale: the next attempt reads the lease.
      this.#lease = undefined;
      this.#trouble(error);
      return isApiError(error, "Conflict", "AlreadyExists") ? "Conflict" : "Unclear";
    }
  }

  /** The leader trusts its own last answer: a renewal is one request, and a 409 makes it look again. */
  async #read(signal: AbortSignal): Promise<JsonObject | undefined> {
    if (this.#lease !== undefined && this.holds()) return this.#lease;
    try {
      return await this.#send("get", signal);
    } catch (error) {
      if (isApiError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #heldByOther(lease: JsonObject): boolean {
    this.#observe(lease);
    const holder = stringAt(lease, "spec", "holderIdentity") ?? "";
    if (holder === "" || holder === this.#options.identity || this.#observed === undefined) return false;
    const durationMs = (numberAt(lease, "spec", "leaseDurationSeconds") ?? 0) * 1000 || this.#options.durationMs;
    return this.#options.clock.monotonic() < this.#observed.at + durationMs;
  }

  #observe(lease: JsonObject): void {
    const spec = specOf(lease);
    if (sameJson(spec, this.#observed?.spec)) return;
    this.#observed = { spec, at: this.#options.clock.monotonic() };
  }

  #claim(lease: JsonObject | undefined): JsonObject {
    const { namespace, name, identity, durationMs } = this.#options;
    const now = this.#now();
    const spec = lease === undefined ? {} : specOf(lease);
    const mine = stringAt(spec, "holderIdentity") === identity;
    const transitions = numberAt(spec, "leaseTransitions") ?? 0;
    return {
      ...(lease ?? { apiVersion: API_VERSION, kind: "Lease", metadata: { name, namespace } }),
      spec: {
        ...spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.ceil(durationMs / 1000)),
        acquireTime: mine ? spec["acquireTime"] : now,
        renewTime: now,
        leaseTransitions: lease === undefined || mine ? transitions : transitions + 1,
      },
    };
  }

  async #send(verb: Verb & ("get" | "create" | "update"), signal: AbortSignal, body?: JsonObject): Promise<JsonObject> {
    const { namespace, name, renewDeadlineMs } = this.#options;
    const ref = { apiVersion: API_VERSION, kind: "Lease", namespace, name };
    const call: Call = {
      verb,
      resource: INFO.resource,
      what: `${verb} Lease ${namespace}/${name}`,
      path: verb === "create" ? collectionPath(API_VERSION, INFO, namespace) : objectPath(ref, INFO),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Not fenced: this is what the fence stands on.
      retry: "Never",
      urgent: true,
      timeoutMs: renewDeadlineMs / 2,
    };
    return await this.#transport.json(call, signal);
  }

  /** A MicroTime. */
  #now(): string {
    return new Date(this.#options.clock.now()).toISOString().replace("Z", "000Z");
  }

  #trouble(error: unknown): void {
    this.#options.onTrouble(error instanceof Error ? error : new Error(String(error)));
  }
}

function specOf(lease: JsonObject): JsonObject {
  const spec = lease["spec"];
  return isObject(spec) ? spec : {};
}
