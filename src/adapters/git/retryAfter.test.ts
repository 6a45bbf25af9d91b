import { expect, test } from "vitest";
import { retryAfter, retryAfterInTrace } from "./retryAfter.ts";

const now = Date.parse("2026-01-02T03:04:05Z");

test.each([
  ["30", 30_000],
  [" 30 ", 30_000],
  ["Fri, 02 Jan 2026 03:05:05 GMT", 60_000],
  ["Fri, 02 Jan 2026 03:00:00 GMT", undefined],
  ["86400", 3_600_000],
  ["0", undefined],
  ["-5", undefined],
  ["soon", undefined],
  ["", undefined],
])("E41: Retry-After: %s is %s ms", (header, ms) => {
  expect(retryAfter(header, now)).toBe(ms);
});

test("E41: of several answers in a trace the last counts", () => {
  const line = (text: string) => `16:00:00.000000 http.c:703              ${text}\n`;
  const trace = [
    "=> Send header: Retry-After: 99",
    "<= Recv header: Retry-After: 1",
    "<= Recv header: retry-after: 2\r",
    "<= Recv header:",
  ];
  expect(retryAfterInTrace(trace.map(line).join(""), now)).toBe(2_000);
  expect(retryAfterInTrace(line("<= Recv header: Date: now"), now)).toBeUndefined();
});
