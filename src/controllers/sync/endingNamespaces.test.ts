import { expect, test } from "vitest";
import type { Member } from "../../core/sync/desiredSet.ts";
import { object } from "../../testing/liveObject.ts";
import type { Applied } from "./apply.ts";
import { EndingNamespaces } from "./endingNamespaces.ts";

const of = (kind: string, name: string, namespace?: string): Member => {
  const metadata = namespace === undefined ? { namespace: undefined } : { namespace };
  const ref = { apiVersion: "v1", kind, name, ...(namespace === undefined ? {} : { namespace }) };
  return {
    id: `/${kind}/${namespace ?? ""}/${name}`,
    ref,
    object: object("v1", kind, {}, metadata),
    served: "Yes",
  } as unknown as Member;
};
const written = (member: Member): Applied => ({ kind: "Written", member, stored: member.object });
const unchanged = (member: Member): Applied => ({ kind: "Unchanged", member, stored: member.object });
const refused = (member: Member): Applied => ({
  kind: "Failed",
  member,
  failure: { ref: member.ref, reason: "ReconcileFailed", message: "was refused: it is being terminated" },
});
const going = (member: Member): Applied => ({ kind: "Waiting", member, message: "is being deleted", until: "Gone" });

/** One pass: who was tried, and who waits. */
async function pass(ending: Set<string>, members: readonly Member[], answer: (member: Member) => Applied) {
  const namespaces = new EndingNamespaces(ending);
  const tried: string[] = [];
  const one = (member: Member) =>
    namespaces.apply(member, async () => {
      tried.push(member.ref.name);
      return answer(member);
    });
  const spaces = members.filter(({ ref }) => ref.kind === "Namespace");
  const results = [
    ...(await Promise.all(spaces.map(one))),
    ...(await Promise.all(members.filter((m) => !spaces.includes(m)).map(one))),
  ];
  return { tried, waiting: results.filter(({ kind }) => kind === "Waiting").map(({ member }) => member.ref.name) };
}

const [space, a, b, c] = [
  of("Namespace", "app"),
  of("ConfigMap", "a", "app"),
  of("ConfigMap", "b", "app"),
  of("ConfigMap", "c", "app"),
];

test("E16: nothing is tried in a namespace of the set that is being deleted", async () => {
  const ending = new Set<string>();
  const first = await pass(ending, [space, a, b, of("ConfigMap", "else", "other")], (member) =>
    member === space ? going(member) : written(member),
  );
  expect(first).toEqual({ tried: ["app", "else"], waiting: ["app", "a", "b"] });
  const then = await pass(ending, [space, a, b], written);
  expect(then).toEqual({ tried: ["app", "a", "b"], waiting: [] });
});

test("E16: elsewhere one object asks for all in each pass, and all follow when it is let in", async () => {
  const ending = new Set<string>();
  expect(await pass(ending, [a, b, c], refused)).toEqual({ tried: ["a", "b", "c"], waiting: ["a", "b", "c"] });
  expect(await pass(ending, [a, b, c], refused)).toEqual({ tried: ["a"], waiting: ["a", "b", "c"] });
  expect(await pass(ending, [a, b, c], written)).toEqual({ tried: ["a", "b", "c"], waiting: [] });
  expect(ending.size).toBe(0);
});

test("E16: an object that is still there says nothing about the namespace", async () => {
  const ending = new Set(["app"]);
  const answer = (member: Member) => (member === a ? unchanged(member) : refused(member));
  expect(await pass(ending, [a, b, c], answer)).toEqual({ tried: ["a", "b"], waiting: ["b", "c"] });
});
