import { describe, expect, test } from "vitest";
import { parts } from "../../../testing/rollout/routes.ts";
import { isCorrection, rivalIn, rivalOver, type Written, wrote } from "./fight.ts";
import type { RouteSeen } from "./word.ts";

const MINUTE = 60_000;
const route: RouteSeen = {
  kind: "HTTPRoute",
  name: "web",
  said: "Git",
  cramped: false,
  waits: undefined,
  refusal: undefined,
};

/** A word that was written at these times. */
function writtenAt(...times: readonly number[]): Written | undefined {
  return times.reduce<Written | undefined>((before, time) => wrote(before, parts(10), "argocd", time), undefined);
}

describe("a route that someone else keeps changing", () => {
  test("P35: is left to them after five corrections, until the oldest is a minute ago", () => {
    expect(rivalIn(writtenAt(0, 1, 2, 3, 4), 5)).toBeUndefined();
    const written = writtenAt(0, 1, 2, 3, 4, 5);
    expect(rivalIn(written, 6)).toEqual({ by: "argocd", word: parts(10), until: 1 + MINUTE });
    expect(rivalIn(written, 1 + MINUTE)).toBeUndefined();
    const again = wrote(written, parts(10), "flux", 1 + MINUTE);
    expect(rivalIn(again, 1 + MINUTE)).toMatchObject({ by: "flux", until: 2 + MINUTE });
  });

  test("P35: is theirs for the word that they undo, and for no other one", () => {
    const rival = rivalIn(writtenAt(0, 1, 2, 3, 4, 5), 6);
    const seen = rival === undefined ? route : { ...route, rival };
    expect(rivalOver(seen, parts(10), 6)?.by).toBe("argocd");
    expect(rivalOver(seen, parts(0.1), 6)).toBeUndefined();
    expect(rivalOver({ ...seen, said: parts(10) }, parts(10), 6)).toBeUndefined();
    expect(rivalOver(seen, parts(10), 1 + MINUTE)).toBeUndefined();
  });

  test("is no matter of a rollout's own steps", () => {
    const step = wrote(writtenAt(0), parts(50), "argocd", 1);
    expect(step.corrections).toEqual([]);
    expect(isCorrection(undefined, parts(10))).toBe(false);
    expect(isCorrection(step, parts(50))).toBe(true);
  });
});
