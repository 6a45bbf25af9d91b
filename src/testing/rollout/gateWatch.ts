import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Decision } from "../../core/rollout/decision.ts";
import { callId, NOTICE_TRIES } from "../../core/rollout/webhooks.ts";
import type { SimWorld } from "./world.ts";

/** Watches a simulated rollout for a step beyond a gate that has not let it go on, and for notices that never arrive. */
export class GateWatch {
  readonly #world: SimWorld;
  readonly #notices = new Set<string>();
  #dropped = false;
  #retry: string | undefined;
  /** How often spec.retry has changed. */
  #changes = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** Looks at a decision that has been stored. */
  see(decision: Decision): void {
    if (decision.kind === "Blocked") return;
    const { cursor } = decision;
    for (const call of cursor.calls) if (call.kind === "Notice") this.#notices.add(callId(call));
    this.#dropped ||= cursor.calls.length === 100;
    this.#seeChecks(cursor);
    const event = eventOf(decision);
    if (event === undefined) return;
    for (const { name, gate, events } of this.#world.observe()?.rollout.spec.webhooks ?? []) {
      if (gate?.afterDeadline !== "Reject" || !events.includes(event.event)) continue;
      const id = `${cursor.candidate}/${cursor.attempt}/${event.event}/${event.step}/${name}`;
      if (!this.#world.receivers.accepted.has(id))
        throw new Error(`${decision.because.message}, but ${name} did not let ${id} go on`);
    }
  }

  /** No request for a candidate before its check has passed, and no more runs than steps, repetitions and retries of the spec. */
  #seeChecks(cursor: Cursor): void {
    const { candidate, attempt, stage, cause, selection, audience, split = [] } = cursor;
    const { spec } = this.#world.observe()?.rollout ?? {};
    if (spec?.retry !== this.#retry) this.#changes++;
    this.#retry = spec?.retry;
    if (candidate === undefined || (stage !== "Stepping" && cause !== "Promoted")) return;
    const served = audience !== undefined || selection.kind === "Serving" || selection.revision === candidate;
    const routed = split.some(({ revision, weight }) => revision === candidate && weight > 0);
    for (const { name, when, retries } of spec?.checks ?? []) {
      if (when !== "BeforeTraffic") continue;
      const own = this.#world.jobs.started.filter((run) => run.startsWith(`${name}/${candidate}/${attempt}/`));
      if ((served || routed) && !own.some((run) => this.#world.jobs.passed.has(run)))
        throw new Error(`${candidate} gets requests before ${name} has passed: ${JSON.stringify(cursor)}`);
      // A new value of spec.retry is another run.
      if (own.length > 1 + retries + this.#changes)
        throw new Error(`${name} has run ${own.length} times: ${own.join()}`);
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
