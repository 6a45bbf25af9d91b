import { expect, test } from "vitest";
import type { Condition } from "../../api/v1alpha1/common.ts";
import { type Finding, setConditions } from "./conditions.ts";

const EARLIER = "2026-01-01T00:00:00Z";
const NOW = "2026-01-02T00:00:00Z";
const ready = (status: Condition["status"], message = "m"): Finding => ({
  type: "Ready",
  status,
  reason: "Applied",
  message,
});
const set = (before: readonly Condition[], ...findings: readonly Finding[]) => setConditions(before, findings, NOW, 7);
const stored = (type: string, status: Condition["status"]): Condition => ({
  type,
  status,
  observedGeneration: 6,
  lastTransitionTime: EARLIER,
  reason: "Progressing",
  message: "before",
});

test.each([
  ["keeps the transition time while the status stays", [stored("Ready", "True")], "True", EARLIER],
  ["moves the transition time with the status", [stored("Ready", "False")], "True", NOW],
  ["moves the transition time from Unknown to False", [stored("Ready", "Unknown")], "False", NOW],
  ["starts the transition time with a new condition", [], "True", NOW],
] as const)("%s", (_sentence, before, status, time) => {
  expect(set(before, ready(status))).toMatchObject([{ type: "Ready", status, lastTransitionTime: time }]);
});

test("takes reason, message and generation from the finding", () => {
  expect(set([stored("Ready", "True")], ready("True", "after"))).toEqual([
    {
      type: "Ready",
      status: "True",
      observedGeneration: 7,
      lastTransitionTime: EARLIER,
      reason: "Applied",
      message: "after",
    },
  ]);
});

test("removes a condition that is no longer found", () => {
  expect(set([stored("Stalled", "True"), stored("Ready", "False")], ready("True")).map(({ type }) => type)).toEqual([
    "Ready",
  ]);
});

test("puts Ready first and the others in order of their type", () => {
  const others = ["Stalled", "Reconciling"].map((type): Finding => ({ ...ready("True"), type }));
  expect(set([], ...others, ready("False")).map(({ type }) => type)).toEqual(["Ready", "Reconciling", "Stalled"]);
});

test("repeating the same findings changes nothing", () => {
  const once = set([], ready("False"));
  expect(setConditions(once, [ready("False")], "2026-01-03T00:00:00Z", 7)).toEqual(once);
});

test("caps the message without splitting a character", () => {
  const [condition] = set([], ready("True", `${"x".repeat(1022)}😀😀`));
  expect(condition?.message).toBe(`${"x".repeat(1022)}…`);
});

test("lets no line break or escape sequence through", () => {
  const [condition] = set([], ready("True", "a\r\n\u001b[31mred\u202e b"));
  expect(condition?.message).toBe("a [31mred b");
});
