import type { Key } from "../../api/objects.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import { type Answer, callId, type DueCall, NOTICE_TRIES } from "../../core/rollout/webhooks.ts";
import type { Events } from "../../ports/events.ts";
import type { WebhookAnswer, Webhooks } from "../../ports/webhooks.ts";
import { type Secrets, secretText } from "../sync/secrets.ts";
import { split } from "./caches.ts";
import type { Observed } from "./reconcile.ts";

/** What calls need of the outside. */
export interface CallerParts {
  readonly webhooks: Webhooks;
  readonly secrets: Pick<Secrets, "read">;
  readonly events: Events;
  readonly wake: (key: Key) => void;
  readonly signal: AbortSignal;
}

interface Flight {
  answer: Answer | undefined;
}

/**
 * Calls webhooks beside the queue, so that a slow one holds up nothing. Only what is stored is called: after a crash it is
 * called again, under the same idempotency key.
 */
export class Caller {
  readonly #parts: CallerParts;
  readonly #flights = new Map<Key, Map<string, Flight>>();

  constructor(parts: CallerParts) {
    this.#parts = parts;
  }

  /** The answers that have arrived; calls that are due are begun, and the key is woken when one has an answer. */
  take(key: Key, observed: Observed, due: readonly DueCall[]): readonly Answer[] {
    const before = this.#flights.get(key);
    if (due.length === 0) {
      this.#flights.delete(key);
      return [];
    }
    const flights = new Map<string, Flight>();
    for (const one of due) {
      const token = `${callId(one.call)}#${one.call.tries}`;
      flights.set(token, before?.get(token) ?? this.#begin(key, observed, one));
    }
    this.#flights.set(key, flights);
    return [...flights.values()].flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  }

  /** Forgets a rollout that is gone. */
  forget(key: Key): void {
    this.#flights.delete(key);
  }

  #begin(key: Key, observed: Observed, due: DueCall): Flight {
    const flight: Flight = { answer: undefined };
    void this.#call(key, observed, due).then(({ accepted, text }) => {
      const { call } = due;
      flight.answer = { call, accepted, text };
      if (!accepted && call.kind === "Notice" && call.tries + 1 >= NOTICE_TRIES) {
        const message = `webhook ${call.webhook} was told of ${call.event} of revision ${call.revision} in vain: ${text}`;
        this.#parts.events.note(observed.rollout.object, { type: "Warning", reason: "WebhookFailed", message });
      }
      this.#parts.wake(key);
    });
    return flight;
  }

  async #call(key: Key, { rollout }: Observed, { call, webhook }: DueCall): Promise<WebhookAnswer> {
    const { webhooks, signal } = this.#parts;
    const [namespace, name] = split(key);
    const { uid = "" } = rollout.object.metadata;
    const { kind, event, revision, attempt, step, steps, weight, outcome, message, at } = call;
    const told = { kind, event, webhook: call.webhook, rollout: { namespace, name, uid }, revision, attempt };
    const place = { step: step + 1, steps, weight, outcome, message, at };
    const post = {
      url: webhook.url,
      idempotencyKey: `${uid}/${callId(call)}`,
      event,
      body: JSON.stringify({ ...told, ...place }),
      timeoutMs: durationMs(webhook.timeout),
    };
    if (webhook.secretRef === undefined) return webhooks.post(post, signal);
    const secret = await this.#secret(namespace, webhook.secretRef.name);
    if (secret === undefined) return { accepted: false, text: `Secret ${webhook.secretRef.name} has no key token` };
    return webhooks.post({ ...post, secret }, signal);
  }

  async #secret(namespace: string, name: string): Promise<string | undefined> {
    try {
      const read = await this.#parts.secrets.read(namespace, name, this.#parts.signal);
      return read.kind === "Found" ? secretText(read.secret, "token") : undefined;
    } catch {
      // It cannot be read now; the call is tried again.
      return undefined;
    }
  }
}
