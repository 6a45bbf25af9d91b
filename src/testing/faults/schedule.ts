import fc from "fast-check";
import type { Manifest } from "../../api/objects.ts";
import type { Fate } from "./calls.ts";
import type { Content } from "./repository.ts";
import type { StoryStore } from "./store.ts";
import { Story, type SyncId } from "./story.ts";

/** Which objects there are, at whose path, and in which version. Nothing: at none. */
type Layout = readonly (readonly [where: SyncId | "nowhere", version: number])[];

/** What happens. */
type Move =
  | {
      readonly do: "push";
      readonly layout: Layout;
      readonly hook: boolean;
      readonly confirmed: boolean;
      readonly onto: number;
    }
  | { readonly do: "break"; readonly at: SyncId; readonly how: "Broken" | "Fails" | "Empty"; readonly hook: boolean }
  | { readonly do: "revert"; readonly back: number; readonly hook: boolean }
  | { readonly do: "trouble"; readonly fates: readonly Fate[] }
  | { readonly do: "pass"; readonly seconds: number }
  | { readonly do: "git"; readonly down: boolean }
  | { readonly do: "lag"; readonly seconds: number; readonly gap: boolean }
  | { readonly do: "lists"; readonly fail: boolean }
  | { readonly do: "meddle"; readonly what: "Change" | "Delete"; readonly index: number }
  | { readonly do: "restart" };

const KINDS = [
  "ConfigMap",
  "Deployment",
  "ServiceAccount",
  "ConfigMap",
  "Service",
  "ConfigMap",
  "ConfigMap",
  "ConfigMap",
];

const layout: fc.Arbitrary<Layout> = fc.tuple(
  ...KINDS.map(() => fc.tuple(fc.constantFrom<SyncId | "nowhere">("a", "a", "b", "nowhere"), fc.constantFrom(1, 1, 2))),
);
const fate = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Fate>("Fine") },
  { weight: 3, arbitrary: fc.constantFrom<Fate>("Refused", "Throttled", "Conflict", "Lost") },
  { weight: 1, arbitrary: fc.constantFrom<Fate>("KillBefore", "KillAfter") },
);
const hook = fc.boolean();
const one = <T extends string>(name: T) => fc.constant(name);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: one("push"),
      layout,
      hook,
      confirmed: fc.constantFrom(false, false, true),
      onto: fc.constantFrom(0, 0, 0, 1, 2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: one("break"),
      at: fc.constantFrom<SyncId>("a", "b"),
      how: fc.constantFrom("Broken" as const, "Fails" as const, "Empty" as const),
      hook,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: one("revert"), back: fc.integer({ min: 1, max: 3 }), hook }) },
  { weight: 6, arbitrary: fc.record({ do: one("trouble"), fates: fc.array(fate, { minLength: 1, maxLength: 25 }) }) },
  { weight: 7, arbitrary: fc.record({ do: one("pass"), seconds: fc.constantFrom(0, 1, 5, 20, 70, 150) }) },
  { weight: 2, arbitrary: fc.record({ do: one("git"), down: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: one("lag"), seconds: fc.constantFrom(1, 10, 100), gap: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: one("lists"), fail: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: one("meddle"),
      what: fc.constantFrom("Change" as const, "Delete" as const),
      index: fc.nat(7),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: one("restart") }) },
);
/** Schedules of faults: how one begins, what happens, and what Git says in the end. */
export const schedule = fc.record({
  first: layout,
  moves: fc.array(move, { minLength: 1, maxLength: 20 }),
  last: layout,
});

type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

/** Plays a schedule, lets all trouble end, and holds what is left against what Git says. */
export async function play({ first, moves, last }: Schedule, store: StoryStore, namespace: string): Promise<void> {
  const world = await Story.begin(store, namespace, contentsOf(first));
  await world.pass(10_000);
  for (const next of moves) await make(world, next);
  world.calm();
  world.push(contentsOf(last), { confirmed: true, hook: true });
  await world.pass(5 * 60_000);
  world.expectConverged();
}

async function make(world: Story, move: Move): Promise<void> {
  switch (move.do) {
    case "push":
      return world.push(contentsOf(move.layout), move);
    case "break": {
      const paths = world.repository.head?.paths as Readonly<Record<SyncId, Content>>;
      return world.push({ ...paths, [move.at]: move.how === "Empty" ? {} : move.how }, move);
    }
    case "revert": {
      const { history } = world.repository;
      const paths = history.at(-1 - move.back)?.paths as Readonly<Record<SyncId, Content>> | undefined;
      return paths === undefined ? undefined : world.push(paths, move);
    }
    case "trouble":
      return world.trouble(move.fates);
    case "pass":
      return world.pass(move.seconds * 1000);
    case "git":
      world.repository.down = move.down;
      return;
    case "lag":
      return world.lag(move.seconds * 1000, move.gap);
    case "lists":
      return world.lists(move.fail);
    case "meddle":
      return world.meddle(move.what, move.index);
    case "restart":
      return world.restart();
  }
}

function contentsOf(layout: Layout): Readonly<Record<SyncId, Content>> {
  const at = (sync: SyncId): Content =>
    Object.fromEntries(
      layout.flatMap(([where, version], index) => {
        const name = `o${index}`;
        return where === sync ? [[name, objectOf(KINDS[index] ?? "ConfigMap", name, String(version))]] : [];
      }),
    );
  return { a: at("a"), b: at("b") };
}

function objectOf(kind: string, name: string, version: string): Manifest {
  const metadata = { name, labels: { story: version } };
  switch (kind) {
    case "Deployment": {
      const labels = { app: name };
      const containers = [{ name: "web", image: `registry.example.com/web:${version}` }];
      const spec = {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      };
      return { apiVersion: "apps/v1", kind, metadata, spec };
    }
    case "Service":
      return { apiVersion: "v1", kind, metadata, spec: { selector: { app: name }, ports: [{ port: 80 }] } };
    case "ServiceAccount":
      return { apiVersion: "v1", kind, metadata };
    default:
      return { apiVersion: "v1", kind, metadata, data: { v: version } };
  }
}
