import { describe, expect, test } from "vitest";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { type Call, type Webhook, webhook } from "../../api/v1alpha1/webhooks.ts";
import { because } from "./because.ts";
import { advance, hold } from "./decision.ts";
import { announced, answered, ask, callId, callIn, dueCalls, NOTICE_TRIES } from "./webhooks.ts";

const NOW = Date.UTC(2026, 0, 1);
const DESK = webhook.parse({
  name: "desk",
  url: "https://desk",
  events: ["Step", "Promotion"],
  gate: { deadline: "60s" },
});
const CHAT = webhook.parse({ name: "chat", url: "https://chat", events: ["Start", "Step", "Finished"] });
const TOLD = { event: "Step", revision: "v2", attempt: 3, step: 1, steps: 2, weight: 50 } as const;

function call(change: Partial<Call> = {}): Call {
  const at = new Date(NOW).toISOString();
  return { webhook: "desk", kind: "Gate", ...TOLD, at, passed: false, tries: 0, ...change };
}

function cursor(...calls: readonly Call[]): Cursor {
  const at = new Date(NOW).toISOString();
  const place = {
    stage: "Stepping",
    stable: "v1",
    candidate: "v2",
    attempt: 3,
    step: 0,
    steps: 2,
    weight: 20,
  } as const;
  const rest = { selection: { kind: "Serving" }, replicas: 2, enteredAt: at, startedAt: at, peak: 20 } as const;
  return { ...place, ...rest, calls: [...calls], checks: [], verdicts: [], previous: [], rejected: [] };
}

/** Tries a call in vain, again and again, at the moment at which it is due; the seconds between the tries. */
function waits(first: Call, of: Webhook, tries: number): readonly number[] {
  let now = NOW;
  let at = cursor(first);
  const seconds: number[] = [];
  for (let n = 0; n < tries; n++) {
    const [due] = dueCalls(at, [of], now);
    if (due === undefined) break;
    at = answered(at, [{ call: due.call, accepted: false, text: "HTTP 503" }], now);
    const ms = callIn(at, [of], now);
    if (ms === undefined) break;
    seconds.push(ms / 1_000);
    now += ms;
  }
  return seconds;
}

describe("calls", () => {
  test("have one id for all tries, and another one for another attempt, event, step, revision or webhook", () => {
    const id = callId(call());
    expect(id).toBe("v2/3/Step/1/desk");
    expect(callId(call({ tries: 7, answer: "HTTP 503", triedAt: new Date(NOW + 5).toISOString() }))).toBe(id);
    const others: readonly Partial<Call>[] = [
      { attempt: 4 },
      { event: "Promotion" },
      { step: 2 },
      { revision: "v3" },
      { webhook: "b" },
    ];
    expect(others.map((one) => callId(call(one))).filter((other) => other === id)).toEqual([]);
  });

  test("of a gate are tried every fifteen seconds at least, for as long as it is waited for", () => {
    expect(waits(call(), DESK, 8)).toEqual([1, 2, 4, 8, 15, 15, 15, 15]);
  });

  test("of a notice are tried with growing waits, and given up", () => {
    const notice = call({ webhook: "chat", kind: "Notice" });
    expect(waits(notice, CHAT, 99)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
    const last = call({ webhook: "chat", kind: "Notice", tries: NOTICE_TRIES - 1 });
    expect(answered(cursor(last), [{ call: last, accepted: false, text: "" }], NOW).calls).toEqual([]);
  });

  test("of one webhook arrive in their order: a later notice waits for the earlier one", () => {
    const [start, step] = [
      call({ webhook: "chat", kind: "Notice", event: "Start" }),
      call({ webhook: "chat", kind: "Notice" }),
    ];
    expect(dueCalls(cursor(start, step), [CHAT], NOW).map((due) => due.call.event)).toEqual(["Start"]);
    const next = answered(cursor(start, step), [{ call: start, accepted: true, text: "HTTP 200" }], NOW);
    expect(dueCalls(next, [CHAT], NOW).map((due) => due.call.event)).toEqual(["Step"]);
  });

  test("that a gate has answered are remembered and not made again", () => {
    const open = answered(cursor(call()), [{ call: call(), accepted: true, text: "HTTP 200" }], NOW);
    expect(open.calls).toMatchObject([{ passed: true, tries: 1, answer: "HTTP 200" }]);
    expect(dueCalls(open, [DESK], NOW + 1e9)).toEqual([]);
    // A late answer of an earlier try takes nothing back.
    expect(answered(open, [{ call: call(), accepted: false, text: "HTTP 503" }], NOW)).toEqual(open);
  });

  test("whose webhook Git has taken away are not made", () => {
    expect(dueCalls(cursor(call()), [CHAT], NOW)).toEqual([]);
    expect(callIn(cursor(call()), [CHAT], NOW)).toBeUndefined();
  });
});

describe("a gate", () => {
  const at = (seconds: number) => ({
    now: NOW + seconds * 1_000,
    watched: (time: string) => NOW + seconds * 1_000 - Date.parse(time),
  });

  test("is asked once the question is stored, and only for its events", () => {
    expect(ask(cursor(), [DESK, CHAT], TOLD, at(0))).toMatchObject({
      kind: "New",
      names: ["desk"],
      cursor: { calls: [call()] },
    });
    expect(ask(cursor(), [DESK, CHAT], { ...TOLD, event: "Start" }, at(0))).toEqual({ kind: "Open" });
  });

  test("holds until it answers 2xx, rejects past its deadline, or goes on where it may", () => {
    const refused = call({ tries: 1, answer: "HTTP 503" });
    expect(ask(cursor(refused), [DESK], TOLD, at(59))).toMatchObject({
      kind: "Closed",
      answer: "HTTP 503",
      left: 1_000,
    });
    expect(ask(cursor(refused), [DESK], TOLD, at(60))).toMatchObject({ kind: "Denied" });
    const lenient = webhook.parse({ ...DESK, gate: { deadline: "60s", afterDeadline: "Continue" } });
    expect(ask(cursor(refused), [lenient], TOLD, at(60))).toEqual({ kind: "Open" });
    expect(ask(cursor(call({ passed: true })), [DESK], TOLD, at(9_999))).toEqual({ kind: "Open" });
  });

  test("that was open for another attempt is asked again", () => {
    expect(ask(cursor(call({ attempt: 2, passed: true })), [DESK], TOLD, at(0))).toMatchObject({ kind: "New" });
  });
});

describe("what is told", () => {
  const why = because("Stepping", "goes on");

  test("is stored by the write of what it tells of", () => {
    const next = { ...cursor(), step: 1, weight: 50 };
    const told = announced(cursor(), advance(next, why), [DESK, CHAT], NOW);
    expect(told).toMatchObject({
      cursor: { calls: [{ webhook: "chat", kind: "Notice", event: "Step", step: 1, weight: 50 }] },
    });
  });

  test("is nothing while a rollout stays", () => {
    const decision = hold({ ...cursor(), weight: 50 }, because("HoldTime", "held"));
    expect(announced(cursor(), decision, [DESK, CHAT], NOW)).toBe(decision);
  });

  test("keeps what is to be told still, and drops questions that nobody waits for", () => {
    const notice = call({ webhook: "chat", kind: "Notice" });
    const { candidate: _left, ...kept } = cursor(call(), notice);
    const resting = { ...kept, stage: "Resting" } as const;
    expect(announced(cursor(), hold(resting, why), [DESK, CHAT], NOW)).toMatchObject({ cursor: { calls: [notice] } });
    const passed = { ...cursor(call(), notice), step: 1 };
    expect(announced(cursor(), hold(passed, why), [DESK, CHAT], NOW)).toMatchObject({ cursor: { calls: [notice] } });
  });

  test("stays within its bounds, the latest first", () => {
    const many = Array.from({ length: 120 }, (_, step) => call({ webhook: "chat", kind: "Notice", step }));
    const told = announced(cursor(), advance({ ...cursor(...many), step: 1 }, why), [CHAT], NOW);
    if (told.kind === "Blocked") throw new Error("blocked");
    expect(told.cursor.calls).toHaveLength(100);
    expect(told.cursor.calls.at(-1)).toMatchObject({ event: "Step", step: 1, tries: 0 });
  });
});
