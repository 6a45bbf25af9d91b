import type { Call } from "../../api/v1alpha1/webhooks.ts";
import { type Answer, callId, type DueCall } from "../../core/rollout/webhooks.ts";

/** How a receiver behaves. */
export interface Receiver {
  readonly accepts: boolean;
  /** How long its answer takes. */
  readonly afterMs: number;
}

/** Receivers of webhooks, which note what they get. */
export class Receivers {
  /** By the webhook's name; one that is not named accepts at once. */
  readonly behaviours = new Map<string, Receiver>();
  /** Ids of calls in the order in which they came in. */
  readonly received: string[] = [];
  /** Ids of calls that were accepted. */
  readonly accepted = new Set<string>();
  readonly #underWay = new Map<string, number>();

  /** Begins calls, and answers those whose time has come. `stored` is what a call must be in before it is made. */
  deliver(stored: readonly Call[], due: readonly DueCall[], world: { now: number; log: string[] }): readonly Answer[] {
    return due.flatMap(({ call }): readonly Answer[] => {
      const id = callId(call);
      const token = `${id}#${call.tries}`;
      const { accepts, afterMs } = this.behaviours.get(call.webhook) ?? { accepts: true, afterMs: 0 };
      if (!this.#underWay.has(token)) {
        if (!stored.some((one) => callId(one) === id)) throw new Error(`${id} is called before it is stored`);
        this.#underWay.set(token, world.now + afterMs);
        this.received.push(id);
      }
      if (world.now < (this.#underWay.get(token) ?? 0)) return [];
      if (accepts) this.accepted.add(id);
      const text = accepts ? "HTTP 200" : "HTTP 503";
      world.log.push(`${call.webhook}: ${call.event} of ${call.revision}${about(call)}: ${text}`);
      return [{ call, accepted: accepts, text }];
    });
  }

  /** The operator dies: answers that are on their way reach nobody. */
  hangUp(): void {
    this.#underWay.clear();
  }
}

function about({ event, step, steps, outcome }: Call): string {
  if (event === "Step") return ` (${step + 1}/${steps})`;
  return outcome === undefined ? "" : ` (${outcome})`;
}
