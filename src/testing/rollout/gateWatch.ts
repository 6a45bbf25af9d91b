import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { callId, NOTICE_TRIES } from "../../core/rollout/webhooks.ts";
import type { SimWorld } from "./world.ts";

/** Watches a simulated rollout for a step beyond a gate that has not let it go on, and for notices that never arrive. */
export class GateWatch {
  readonly #world: SimWorld;
  readonly #notices = new Set<string>();
  #dropped = false;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Looks at a decision that has been stored. */
  see(decision: Decision): void {
    if (decision.kind === "Blocked") return;
    const { cursor } = decision;
    for (const call of cursor.calls) if (call.kind === "Notice") this.#notices.add(callId(call));
    this.#dropped ||= cursor.calls.length === 100;
    const event = eventOf(decision);
    if (event === undefined) return;
    for (const { name, gate, events } of this.#world.observe()?.rollout.spec.webhooks ?? []) {
      if (gate?.afterDeadline !== "Reject" || !events.includes(event.event)) continue;
      const id = `${cursor.candidate}/${cursor.attempt}/${event.event}/${event.step}/${name}`;
      if (!this.#world.receivers.accepted.has(id))
        throw new Error(`${decision.because.message}, but ${name} did not let ${id} go on`);
    }
  }

  /** Notices that were neither delivered nor tried as often as they must be; nothing is left to be called. */
  lost(): readonly string[] {
    const { received, accepted } = this.#world.receivers;
    const tries = (id: string) => received.filter((one) => one === id).length;
    const lost = [...this.#notices].filter((id) => !accepted.has(id) && tries(id) < NOTICE_TRIES);
    return this.#dropped ? [] : lost;
  }
}

/** The gated event that a decision is, with the step that it is about. */
function eventOf({ cursor, because }: { readonly cursor: Cursor; readonly because: Decision["because"] }) {
  const { message } = because;
  if (/ starts at step 1 of /.test(message)) return { event: "Start", step: 0 } as const;
  const next = /^passed step \d+; step (\d+) of /.exec(message)?.[1];
  if (next !== undefined) return { event: "Step", step: Number(next) - 1 } as const;
  const passed = /^revision \S+ passed \d+ step/.test(message) && because.reason === "Promoting";
  return passed ? ({ event: "Promotion", step: cursor.step ?? 0 } as const) : undefined;
}
