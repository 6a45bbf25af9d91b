import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import type { Call, Webhook } from "../../api/v1alpha1/webhooks.ts";
import type { Decision } from "./decision.ts";
import { iso } from "./decision.ts";
import { since } from "./timing.ts";

/** How often a notice is tried; by then about six minutes have passed. */
export const NOTICE_TRIES = 12;
/** Calls that are remembered; beyond that the oldest notices are dropped. */
const MOST_CALLS = 100;
const FIRST_WAIT_MS = 1_000;
/** People wait for a gate, and nobody for a notice. */
const LONGEST_WAIT_MS = { Gate: 15_000, Notice: 60_000 } as const;

/** What one try came to. */
export interface Answer {
  readonly call: Call;
  readonly accepted: boolean;
  /** One short sentence, fit for people's eyes. */
  readonly text: string;
}

/** A call that is to be made now. */
export interface DueCall {
  readonly call: Call;
  readonly webhook: Webhook;
}

/** Names a call: the same on each try, in each process. Another attempt, event, step or webhook has another one. */
export function callId({ revision, attempt, event, step, webhook }: Call): string {
  return `${revision}/${attempt}/${event}/${step}/${webhook}`;
}

/** The calls that are due. Of one webhook's notices the oldest comes first, and the next one after it: they arrive in order. */
export function dueCalls(cursor: Cursor, webhooks: readonly Webhook[], now: number): readonly DueCall[] {
  return openCalls(cursor, webhooks).filter(({ call }) => waitLeft(call, now) <= 0);
}

/** Milliseconds until the next call is due; 0 while one is, undefined without one. */
export function callIn(cursor: Cursor, webhooks: readonly Webhook[], now: number): number | undefined {
  const waits = openCalls(cursor, webhooks).map(({ call }) => Math.max(0, waitLeft(call, now)));
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function openCalls({ calls }: Cursor, webhooks: readonly Webhook[]): readonly DueCall[] {
  return webhooks.flatMap((webhook) => {
    const own = calls.filter((call) => call.webhook === webhook.name && !call.passed);
    const notice = own.find(({ kind }) => kind === "Notice");
    const open = [...own.filter(({ kind }) => kind === "Gate"), ...(notice === undefined ? [] : [notice])];
    return open.map((call) => ({ call, webhook }));
  });
}

function waitLeft({ kind, tries, triedAt }: Call, now: number): number {
  if (triedAt === undefined) return 0;
  return Math.min(LONGEST_WAIT_MS[kind], FIRST_WAIT_MS * 2 ** (tries - 1)) - since(triedAt, now);
}

/** Folds answers into the cursor: an accepted gate is remembered, a notice that has arrived or was tried often enough is done. */
export function answered(cursor: Cursor, answers: readonly Answer[], now: number): Cursor {
  if (answers.length === 0) return cursor;
  const byId = new Map(answers.map((answer) => [callId(answer.call), answer]));
  const calls = cursor.calls.flatMap((call): readonly Call[] => {
    const answer = byId.get(callId(call));
    if (answer === undefined || call.tries !== answer.call.tries || call.passed) return [call];
    const tries = call.tries + 1;
    if (call.kind === "Notice" && (answer.accepted || tries >= NOTICE_TRIES)) return [];
    return [{ ...call, passed: answer.accepted, tries, triedAt: iso(now), answer: answer.text.slice(0, 200) }];
  });
  return { ...cursor, calls };
}

/** The part of a call that its event tells. */
export type Told = Pick<Call, "event" | "revision" | "attempt" | "step" | "steps" | "weight" | "outcome" | "message">;

/** A call that has not been made. */
function newCall(webhook: Webhook, kind: Call["kind"], told: Told, now: number): Call {
  return { webhook: webhook.name, kind, ...told, at: iso(now), passed: false, tries: 0 };
}

/**
 * Adds to a decision the notices of what it does, and drops the questions that nobody waits for any more. So a notice is
 * stored by the same write as what it tells of, before the first call.
 */
export function announced(
  before: Cursor | undefined,
  decision: Decision,
  webhooks: readonly Webhook[],
  now: number,
): Decision {
  if (decision.kind === "Blocked") return decision;
  const told = decision.kind === "Advance" ? eventsOf(before, decision) : [];
  const notices = told.flatMap((one) =>
    webhooks
      .filter(({ gate, events }) => gate === undefined && events.includes(one.event))
      .map((webhook) => newCall(webhook, "Notice", one, now)),
  );
  const names = new Set(webhooks.map(({ name }) => name));
  const { cursor } = decision;
  const kept = cursor.calls.filter(
    (call) => names.has(call.webhook) && (call.kind === "Notice" || isAwaited(call, cursor)),
  );
  if (notices.length === 0 && kept.length === cursor.calls.length) return decision;
  return { ...decision, cursor: { ...cursor, calls: [...kept, ...notices].slice(-MOST_CALLS) } };
}

/** Whether a question is about where the cursor is: a start while nothing is under way, else this very attempt. */
function isAwaited(call: Call, { stage, candidate, attempt = 0, step = 0 }: Cursor): boolean {
  if (stage === "Resting") return call.event === "Start" && call.attempt === attempt + 1;
  if (stage !== "Stepping" || call.revision !== candidate || call.attempt !== attempt) return false;
  return call.event === "Promotion" || (call.event === "Step" && call.step === step + 1);
}

/** What an advance does that webhooks are told of. */
function eventsOf(before: Cursor | undefined, decision: Extract<Decision, { kind: "Advance" }>): readonly Told[] {
  const { cursor, finished } = decision;
  const { candidate, attempt = 0, step = 0, steps = 0, weight } = cursor;
  if (finished !== undefined) {
    if (finished.outcome === "Adopted") return [];
    const { revision, outcome, message } = finished;
    const ended = { step: before?.step ?? 0, steps: before?.steps ?? 0, weight };
    return [{ event: "Finished", revision, attempt, ...ended, outcome, message }];
  }
  if (candidate === undefined) return [];
  const told = { revision: candidate, attempt, step, steps, weight };
  if (before?.candidate === undefined) return [{ ...told, event: "Start" }];
  if (cursor.stage === "Switching" && before.stage === "Stepping") return [{ ...told, event: "Promotion" }];
  if (cursor.stage === "Stepping" && cursor.step !== before.step) return [{ ...told, event: "Step" }];
  return [];
}

/** A gate's answer to the question of one place. */
export type Asked =
  | { readonly kind: "Open" }
  /** Questions are to be stored before they are asked. */
  | { readonly kind: "New"; readonly cursor: Cursor; readonly names: readonly string[] }
  | {
      readonly kind: "Closed";
      readonly webhook: string;
      readonly answer: string;
      readonly until: string;
      readonly left: number;
      readonly policy: "Reject" | "Continue";
    }
  | { readonly kind: "Denied"; readonly message: string };

/** Holds the gates of an event against what they have answered. `watched`: how long the operator has waited since a time. */
export function ask(
  cursor: Cursor,
  webhooks: readonly Webhook[],
  told: Told,
  { now, watched }: { readonly now: number; readonly watched: (time: string) => number },
): Asked {
  const gates = webhooks.filter(({ gate, events }) => gate !== undefined && events.includes(told.event));
  const asked = gates.map((webhook) => {
    const question = newCall(webhook, "Gate", told, now);
    return { webhook, question, call: cursor.calls.find((call) => callId(call) === callId(question)) };
  });
  const missing = asked.filter(({ call }) => call === undefined);
  if (missing.length > 0) {
    const calls = [...cursor.calls, ...missing.map(({ question }) => question)].slice(-MOST_CALLS);
    return { kind: "New", cursor: { ...cursor, calls }, names: missing.map(({ webhook }) => webhook.name) };
  }
  for (const { webhook, call } of asked) {
    if (call === undefined || call.passed || webhook.gate === undefined) continue;
    const { deadline, afterDeadline: policy } = webhook.gate;
    const left = durationMs(deadline) - watched(call.at);
    const answer = call.answer ?? "it has not answered yet";
    if (left > 0) return { kind: "Closed", webhook: webhook.name, answer, until: iso(now + left), left, policy };
    if (policy === "Reject")
      return { kind: "Denied", message: `webhook ${webhook.name} let nothing go on for ${deadline}: ${answer}` };
  }
  return { kind: "Open" };
}
