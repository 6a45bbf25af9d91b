import { describe, expect, it } from "vitest";
import { waitFor } from "./wait.ts";

describe("waitFor", () => {
  it("resolves to the value once the condition holds", async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      return looks === 3 ? { value: "there" } : { seen: "nothing" };
    };
    expect(await waitFor("it", look, { limitMs: 1_000, everyMs: 1 })).toBe("there");
  });

  it("says what it last saw when time is up", async () => {
    const wait = waitFor("the node", async () => ({ seen: "not ready" }), {
      limitMs: 5,
      everyMs: 1,
      explain: () => "log line",
    });
    await expect(wait).rejects.toThrow(/the node; last seen: not ready\nlog line/);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const wait = waitFor("it", async () => ({ seen: "nothing" }), { limitMs: 60_000, signal: stop.signal });
    stop.abort();
    await expect(wait).rejects.toThrow(/abort/i);
  });
});
