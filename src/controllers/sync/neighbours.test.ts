import { expect, test } from "vitest";
import type { JsonObject } from "../../api/json.ts";
import { type Key, keyOf, type Manifest } from "../../api/objects.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import type { ObjectCache } from "../../ports/watch.ts";
import { Holdings } from "./holdings.ts";
import { Neighbours } from "./neighbours.ts";
import { type SyncState, SyncStates } from "./state.ts";

const URL = "https://git.example.com/shop.git";
const ID = "/ConfigMap/shop/a";
const COMMIT = { sha: "new", ref: "refs/heads/main", subject: "", author: "", trailers: {} };

const gitSync = (name: string, spec: JsonObject = {}, status: JsonObject = {}): Manifest => ({
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "GitSync",
  metadata: { name, namespace: "shop" },
  spec: { url: URL, ...spec },
  status,
});

/** Sync "a" saw a commit at 1000; "b" last looked when it is said. */
function scene(b: Manifest, looked: number, now = 2_000) {
  const a = gitSync("a");
  const states = new SyncStates();
  const [mine, theirs] = [states.of("shop/a"), states.of("shop/b")];
  mine.startedAt = 1_000;
  theirs.settledAt = looked;
  const notified: Key[] = [];
  const list = [a, b];
  const syncs: ObjectCache = {
    query: { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync" },
    synced: true,
    get: (key) => list.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
    list: () => list,
    put: () => undefined,
  };
  const woken: Key[] = [];
  const asking = { notify: (key: Key) => notified.push(key), wake: (key: Key) => woken.push(key) };
  const holdings = new Holdings();
  for (const sync of list) holdings.note({ key: keyOf(sync), before: undefined, now: sync });
  const parts = { syncs, holdings, states, now: () => now, ...asking };
  return { neighbours: new Neighbours(parts), sync: parseGitSync(a), mine, theirs, notified, woken };
}

test("a sync of the same source that has not looked since the commit is asked, and waited for", () => {
  const { neighbours, sync, mine, notified } = scene(gitSync("b"), 999);
  expect(neighbours.unasked(sync, mine)).toEqual(["shop/b"]);
  expect(notified).toEqual(["shop/b"]);
});

test.each([
  ["has looked since", gitSync("b"), 1_000, 2_000],
  ["follows another repository", gitSync("b", { url: `${URL}x` }), 0, 2_000],
  ["follows another branch", gitSync("b", { ref: { branch: "next" } }), 0, 2_000],
  ["is suspended", gitSync("b", { suspend: true }), 0, 2_000],
  ["has not looked for a minute", gitSync("b"), 0, 61_000],
])("nobody waits for a sync that %s", (_, b, looked, now) => {
  const { neighbours, sync, mine, notified } = scene(b, looked, now);
  expect(neighbours.unasked(sync, mine)).toEqual([]);
  expect(notified).toEqual([]);
});

test("an object is its owner's as long as the owner wants it, and nobody's once it does not", () => {
  const owner = { namespace: "shop", name: "b" };
  const { neighbours, sync, mine, theirs } = scene(
    gitSync("b", {}, { inventory: [{ id: ID, apiVersion: "v1" }] }),
    1_000,
  );
  // Nothing was rendered yet: the inventory speaks for it.
  expect(neighbours.rivalry(owner, ID, sync, mine)).toBe("Rival");
  theirs.accepted = { commit: { sha: "", subject: "", author: "", trailers: {} }, rendered: [] };
  expect(neighbours.rivalry(owner, ID, sync, mine)).toBe("None");
  theirs.wanted = new Set([ID]);
  expect(neighbours.rivalry(owner, ID, sync, mine)).toBe("Rival");
  theirs.settledAt = 0;
  expect(neighbours.rivalry(owner, ID, sync, mine)).toBe("NotAsked");
  expect(neighbours.rivalry({ namespace: "shop", name: "gone" }, ID, sync, mine)).toBe("None");
});

test("a sync that cannot be read claims what its inventory names, and stops nobody", () => {
  const { neighbours } = scene(gitSync("b", { interval: 5 }, { inventory: [{ id: ID }, null] }), 0);
  expect(neighbours.claimedBy(ID, { namespace: "shop", name: "a" })).toBe("shop/b");
  expect(neighbours.claimedBy("/ConfigMap/shop/x", { namespace: "shop", name: "a" })).toBeUndefined();
});

function gone(sync: Manifest): Manifest {
  return { ...sync, metadata: { ...sync.metadata, deletionTimestamp: "2026-01-04T00:00:00Z" } };
}

const made = (name: string, creationTimestamp: string, uid?: string): Manifest => {
  const sync = gitSync(name, {}, { inventory: [{ id: ID, apiVersion: "v1", ...(uid === undefined ? {} : { uid }) }] });
  return { ...sync, metadata: { ...sync.metadata, creationTimestamp } };
};

test.each([
  ["is older", made("b", "2026-01-01T00:00:00Z"), true],
  ["is younger", made("b", "2026-01-03T00:00:00Z"), false],
  ["is younger, and has applied it", made("b", "2026-01-03T00:00:00Z", "u"), true],
  ["is of the same second, and later by name", made("b", "2026-01-02T00:00:00Z"), false],
  ["is older, and is being deleted", gone(made("b", "2026-01-01T00:00:00Z", "u")), false],
])("E06: before any of two syncs has applied an object, the other one comes first when it %s", (_, b, first) => {
  const { neighbours } = scene(b, 0);
  const a = parseGitSync(made("a", "2026-01-02T00:00:00Z"));
  expect(neighbours.precedent(ID, a)).toEqual(first ? { namespace: "shop", name: "b" } : undefined);
});

test("E06: the owner of a contested object is told when a conflict begins, and when it ends", () => {
  const { neighbours, woken } = scene(gitSync("b"), 0);
  neighbours.contest("shop/b", new Map([[ID, "shop/a"]]));
  neighbours.contest("shop/b", new Map([[ID, "shop/a"]]));
  expect(neighbours.contests("shop/a")).toEqual([{ id: ID, by: "shop/b" }]);
  expect(woken).toEqual(["shop/a"]);
  neighbours.contest("shop/b", new Map());
  expect(neighbours.contests("shop/a")).toEqual([]);
  expect(woken).toEqual(["shop/a", "shop/a"]);
});

test("A14: a plan whose account was refused claims nothing of another tenant", () => {
  const { neighbours, sync, theirs } = scene(gitSync("b", {}, { inventory: [{ id: ID, apiVersion: "v1" }] }), 1_000);
  const self = { namespace: "shop", name: "a" };
  expect(neighbours.claimedBy(ID, self)).toBe("shop/b");
  expect(neighbours.rivalry({ namespace: "shop", name: "b" }, ID, sync, theirs)).not.toBe("None");
  theirs.forbidden = new Set([ID]);
  expect(neighbours.claimedBy(ID, self)).toBeUndefined();
  expect(neighbours.precedent(ID, sync)).toBeUndefined();
  expect(neighbours.rivalry({ namespace: "shop", name: "b" }, ID, sync, theirs)).toBe("None");
});

test("A14: a held plan claims objects of its own source alone, and what was applied stays claimed", () => {
  const inventory = [{ id: ID, apiVersion: "v1" }];
  const hold = { reason: "DependencyNotReady", stalled: false, message: "" } as const;
  const claim = (spec: JsonObject, entry: JsonObject) => {
    const { neighbours, theirs } = scene(gitSync("b", spec, { inventory: [{ ...inventory[0], ...entry }] }), 1_000);
    theirs.hold = hold;
    theirs.forbidden = new Set(entry["uid"] === undefined ? [] : [ID]);
    return neighbours.claimedBy(ID, { namespace: "shop", name: "a" });
  };
  expect(claim({}, {})).toBe("shop/b");
  expect(claim({ url: `${URL}x` }, {})).toBeUndefined();
  expect(claim({ url: `${URL}x` }, { uid: "u" })).toBe("shop/b");
});

test("a sync claims what it wants also before its inventory says so", () => {
  const { neighbours, theirs } = scene(gitSync("b"), 0);
  expect(neighbours.claimedBy(ID, { namespace: "shop", name: "a" })).toBeUndefined();
  theirs.wanted = new Set([ID]);
  expect(neighbours.claimedBy(ID, { namespace: "shop", name: "a" })).toBe("shop/b");
});

test.each([
  ["b", "c"],
  ["c", "b"],
])("of several that come before, the same one is named whichever was heard of last: %s, then %s", (...order) => {
  const status = { inventory: [{ id: ID, apiVersion: "v1" }] };
  const all = ["b", "c", "z"].map((name) => gitSync(name, {}, name === "z" ? {} : status));
  const syncs: ObjectCache = {
    query: { apiVersion: "fairlead.dev/v1alpha1", kind: "GitSync" },
    synced: true,
    get: (key) => all.find((sync) => keyOf(sync) === key),
    list: () => all,
    put: () => undefined,
  };
  const holdings = new Holdings();
  const asking = { notify: () => undefined, wake: () => undefined };
  const neighbours = new Neighbours({ syncs, holdings, states: new SyncStates(), now: () => 0, ...asking });
  const z = parseGitSync(syncs.get("shop/z") ?? gitSync("z"));
  for (const name of order) {
    holdings.note({ key: `shop/${name}`, before: undefined, now: syncs.get(`shop/${name}`) });
    neighbours.precedent(ID, z);
  }
  expect(neighbours.precedent(ID, z)).toEqual({ namespace: "shop", name: "b" });
});

test.each<[string, Partial<SyncState>, readonly Key[]]>([
  ["saw another commit", { content: { commit: { ...COMMIT, sha: "old" }, rendered: [] } }, ["shop/b"]],
  ["could read nothing", {}, ["shop/b"]],
  ["has seen it", { content: { commit: COMMIT, rendered: [] } }, []],
  ["has not looked yet", { lookedAt: 0 }, []],
  ["has asked since", { checkedAt: 2_000 }, []],
])("a moved ref is told to a sync of it that %s", (_, state, told) => {
  const { neighbours, sync, theirs, notified } = scene(gitSync("b"), 0);
  Object.assign(theirs, { lookedAt: 500, checkedAt: 500, ...state });
  neighbours.spread(sync, { sha: COMMIT.sha, askedAt: 1_500 });
  expect(notified).toEqual(told);
});
