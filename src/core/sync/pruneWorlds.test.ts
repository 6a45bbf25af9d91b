import fc from "fast-check";
import { expect, test } from "vitest";
import { identity, type Manifest, type ObjectRef } from "../../api/objects.ts";
import { entryFor } from "./inventory.ts";
import { ownerMark } from "./owner.ts";
import { planPrune } from "./prune.ts";

const SYNC = { namespace: "team", name: "shop" };
const OTHER = { namespace: "team", name: "other" };
const map = (name: string, namespace = "shop"): ObjectRef => ({ apiVersion: "v1", kind: "ConfigMap", namespace, name });
const names = (n: number, prefix = "c") => Array.from({ length: n }, (_, i) => map(`${prefix}${i}`));

const entry = (ref: ObjectRef) => entryFor(ref, `uid-${ref.name}`);
const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: "shop", name: "data" };
const POOL = [...names(5), map("x", "kube-system"), claim, { apiVersion: "v1", kind: "Namespace", name: "n" }];
const lives = fc.record({
  uid: fc.constantFrom("same", "foreign"),
  mark: fc.constantFrom("ours", "others", "copied", "none"),
  prune: fc.constantFrom("disabled", "enabled"),
  state: fc.constantFrom("there", "there", "there", "absent", "unreadable", "going"),
});
type Fact = typeof lives extends fc.Arbitrary<infer T> ? T : never;
const worlds = fc.record({
  recorded: fc.subarray(POOL),
  unconfirmed: fc.subarray(POOL),
  wanted: fc.subarray(POOL),
  lives: fc.array(lives, { minLength: POOL.length, maxLength: POOL.length }),
  healthy: fc.boolean(),
  rolloutsAtRest: fc.boolean(),
  confirmed: fc.boolean(),
  enabled: fc.boolean(),
});

function liveOf(ref: ObjectRef, { uid, mark, prune, state }: Fact): Manifest | undefined | "Unreadable" {
  if (state === "absent") return undefined;
  if (state === "unreadable") return "Unreadable";
  const marks = {
    ours: ownerMark(SYNC, ref),
    others: ownerMark(OTHER, ref),
    copied: ownerMark(SYNC, map("q")),
    none: "",
  };
  return {
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: {
      name: ref.name,
      ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
      uid: uid === "foreign" ? "foreign" : `uid-${ref.name}`,
      ...(state === "going" ? { deletionTimestamp: "t" } : {}),
      annotations: { "fairlead.dev/prune": prune, "fairlead.dev/owner": marks[mark] },
    },
  };
}

test("in no world is anything removed that is wanted, foreign, unmarked, protected, or not confirmed", () => {
  fc.assert(
    fc.property(worlds, ({ recorded, unconfirmed, wanted, lives: facts, ...flags }) => {
      const objects = new Map(
        POOL.map((ref, i) => [identity(ref), { ref, fact: facts[i], object: facts[i] && liveOf(ref, facts[i]) }]),
      );
      const inventory = recorded.map((ref) => (unconfirmed.includes(ref) ? entryFor(ref) : entry(ref)));
      const ids = new Set(wanted.map(identity));
      const decision = planPrune({
        inventory,
        wanted: ids,
        live: (id) => objects.get(id)?.object,
        sync: SYNC,
        operatorNamespace: "fairlead",
        ...flags,
      });
      if (decision.kind !== "Prune") return;

      const { remove, forget, keep } = decision;
      const judged = [...remove, ...forget, ...keep].map(({ id }) => id);
      expect(judged.sort()).toEqual(
        recorded
          .map(identity)
          .filter((id) => !ids.has(id))
          .sort(),
      );
      for (const { id, uid, ref } of remove) {
        const { fact, object } = objects.get(id) ?? {};
        expect(fact).toMatchObject({ mark: "ours", prune: "enabled", state: "there" });
        expect(typeof object === "object" && object.metadata.uid).toBe(uid);
        if (fact?.uid === "foreign") expect(inventory.find((one) => one.id === id)?.uid).toBeUndefined();
        expect(ids.has(id)).toBe(false);
        expect(ref.namespace).not.toBe("kube-system");
        expect(flags).toMatchObject({ enabled: true, healthy: true, rolloutsAtRest: true });
        if (!flags.confirmed) expect(["Namespace", "PersistentVolumeClaim"]).not.toContain(ref.kind);
      }
      if (remove.length > 0 && !flags.confirmed) expect(recorded.some((ref) => ids.has(identity(ref)))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});
