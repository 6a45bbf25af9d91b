import { describe, expect, it } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { checkIn, freshSince } from "./source.ts";
import { type SyncState, SyncStates } from "./state.ts";

const now = 1_000_000;

function sync(generation = 1) {
  const object: Manifest = {
    apiVersion: "fairlead.dev/v1alpha1",
    kind: "GitSync",
    metadata: { name: "app", namespace: "shop", generation, creationTimestamp: new Date(0).toISOString() },
    spec: { url: "https://git.example.com/x.git", interval: "1m" },
  };
  return parseGitSync(object);
}

/** A sync that has been looked at ten seconds ago. */
function looked(change: Partial<SyncState> = {}): SyncState {
  const state = new SyncStates().of("shop/app");
  return Object.assign(state, { asked: "1//", checkedAt: now - 10_000, ...change });
}

const failed = { failures: 3, failedAt: now - 4_000, at: now + 7_000, demanded: false };

describe("when Git is asked again", () => {
  it.each<[string, SyncState, number]>([
    ["a new process asks at once", new SyncStates().of("shop/app"), 0],
    ["at rest the interval counts", looked(), 50_000],
    ["a push shortens it", looked({ notifiedAt: now - 1 }), 0],
    ["after a failure its own wait counts", looked({ retry: failed }), 7_000],
    ["a push shortens that too", looked({ retry: failed, notifiedAt: now - 1 }), 0],
    [
      "E41: but not a wait that the host asked for",
      looked({ retry: { ...failed, demanded: true }, notifiedAt: now - 1 }),
      7_000,
    ],
  ])("%s", (_name, state, ms) => {
    expect(checkIn(sync(), state, now)).toBe(ms);
  });

  it("a changed spec asks at once, whatever the host said: it may name another", () => {
    expect(checkIn(sync(2), looked({ retry: { ...failed, demanded: true } }), now)).toBe(0);
  });
});

describe("how old an answer of the remote may be", () => {
  const bornAt = now - 60_000;
  const heard = { asked: "1//", at: now - 3_000 };

  it.each<[string, SyncState, number]>([
    ["a new sync takes one that was asked for after it was heard of", looked({ asked: "", heard }), heard.at - 1],
    [
      "one that was there before this process takes its first",
      looked({ asked: "", heard: { asked: "1//", at: bornAt } }),
      bornAt - 1,
    ],
    ["but not once it was edited", looked({ asked: "", heard }), heard.at - 1],
    ["but after a push of later", looked({ asked: "", heard, notifiedAt: now - 1_000 }), now - 1_001],
    [
      "E46: a question that begins in the millisecond of a push answers all who were told of it",
      looked({ notifiedAt: now }),
      now - 1,
    ],
    ["what was heard of an older spec counts no more", looked({ asked: "", heard: { ...heard, asked: "0//" } }), now],
    ["a clock that was set back makes nothing fresh", looked({ asked: "", heard: { ...heard, at: now + 9 } }), now],
    ["at rest an interval", looked(), now - 60_000],
    ["E41: after a failure none that was asked for before it was known", looked({ retry: failed }), now - 4_000],
  ])("%s", (_name, state, since) => {
    expect(freshSince(sync(), state, bornAt, now)).toBe(since);
  });
});
