import { afterAll, beforeAll, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { identity, type Key, type Manifest, type ObjectRef, refOf } from "../../../src/api/objects.ts";
import { parseGitSync } from "../../../src/api/v1alpha1/gitsync.ts";
import { API_VERSION, Mark } from "../../../src/api/v1alpha1/names.ts";
import { toYaml } from "../../apps/shop.ts";
import { until } from "../../apps/until.ts";
import { type BarePlane, openBarePlane } from "../../harness/barePlane.ts";
import { type Cut, FragileOperator } from "../../harness/fragileOperator.ts";
import type { Kube } from "../../harness/kube.ts";
import { configMap } from "../../harness/manifests.ts";
import { MemoryGit } from "../../harness/memoryGit.ts";

const NAMESPACE = "crash";
const SYNCS = ["a", "b"] as const;
const KEYS: readonly Key[] = SYNCS.map((name): Key => `${NAMESPACE}/${name}`);
type Sync = (typeof SYNCS)[number];
/** What each sync has, by the state that Git is in. */
type World = Readonly<Record<Sync, readonly Manifest[]>>;

let plane: BarePlane;
let kube: Kube;

beforeAll(async () => {
  plane = await openBarePlane();
  kube = plane.kube;
  await kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
});

afterAll(() => plane?.[Symbol.asyncDispose]());

const service = (name: string, port: number): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port }] },
});
const maps = (prefix: string, n: number, value = "value") =>
  Array.from({ length: n }, (_, i) => configMap(`${prefix}-${i}`, { key: value }));

/** Thirty objects that a commit creates (7), changes (6), moves (6), deletes (7) or leaves alone (4). */
const WORLDS: readonly [World, World] = [
  {
    a: [
      ...maps("rest-a", 2),
      ...maps("change-a", 2),
      service("change-a", 80),
      ...maps("move-1", 3),
      ...maps("old-a", 4),
    ],
    b: [
      ...maps("rest-b", 2),
      ...maps("change-b", 2),
      service("change-b", 80),
      ...maps("move-2", 3),
      ...maps("old-b", 3),
    ],
  },
  {
    a: [
      ...maps("rest-a", 2),
      ...maps("change-a", 2, "other"),
      service("change-a", 81),
      ...maps("move-2", 3),
      ...maps("new-a", 3),
    ],
    b: [
      ...maps("rest-b", 2),
      ...maps("change-b", 2, "other"),
      service("change-b", 81),
      ...maps("move-1", 3),
      ...maps("new-b", 4),
    ],
  },
];

const filesOf = ({ a, b }: World) => ({ "a/all.yaml": toYaml([...a]), "b/all.yaml": toYaml([...b]) });

async function untilApplied(sha: string, signal?: AbortSignal): Promise<void> {
  for (const name of SYNCS) {
    await until(
      `${name} to apply ${sha}`,
      async (saw) => {
        const sync = await kube.get({ apiVersion: API_VERSION, kind: "GitSync", namespace: NAMESPACE, name });
        saw(JSON.stringify(sync["status"]));
        return stringAt(sync, "status", "appliedRevision") === sha ? true : undefined;
      },
      { everyMs: 25, ...(signal === undefined ? {} : { signal }) },
    );
  }
}

/** Every marked object there is, by its id. */
async function present(): Promise<ReadonlyMap<string, Manifest>> {
  const labels = `${Mark.managed}=true`;
  const lists = await Promise.all(
    ["ConfigMap", "Service"].map((kind) => kube.list("v1", kind, { namespace: NAMESPACE, labels })),
  );
  return new Map(lists.flat().map((object) => [identity(refOf(object)), object]));
}

const refIn = (object: Manifest): ObjectRef => ({ ...refOf(object), namespace: NAMESPACE });

/** No orphan, no lost object, nothing made anew that should have stayed, and an inventory that says so. */
async function check(world: World, uids: Map<string, string>): Promise<void> {
  const live = await present();
  const wanted = SYNCS.flatMap((name) => world[name].map((object) => ({ name, object, id: identity(refIn(object)) })));
  expect([...live.keys()].sort()).toEqual(wanted.map(({ id }) => id).sort());
  for (const { name, object, id } of wanted) {
    const found = live.get(id);
    expect(found?.metadata.annotations?.[Mark.owner]).toBe(`${NAMESPACE}/${name}/${id}`);
    expect(found?.["data"]).toEqual(object["data"]);
    const uid = found?.metadata.uid ?? "";
    if (/(rest|change|move)-/.test(id)) expect(uid, id).toBe(uids.get(id) ?? uid);
    uids.set(id, uid);
  }
  for (const name of SYNCS) {
    const sync = await kube.get({ apiVersion: API_VERSION, kind: "GitSync", namespace: NAMESPACE, name });
    const own = wanted.filter((one) => one.name === name).map(({ id }) => [id, live.get(id)?.metadata.uid]);
    const { inventory = [] } = parseGitSync(sync).status;
    expect(inventory.map(({ id, uid }) => [id, uid])).toEqual(
      own.sort((x, y) => ((x[0] ?? "") < (y[0] ?? "") ? -1 : 1)),
    );
  }
}

it("E08: cut off before and after each write of a commit that creates, changes, moves and deletes, it ends the same", async () => {
  let state: 0 | 1 = 0;
  const git = new MemoryGit(filesOf(WORLDS[state]));
  const push = () => {
    state = state === 0 ? 1 : 0;
    git.push(filesOf(WORLDS[state]));
  };
  for (const name of SYNCS) {
    const metadata = { name, namespace: NAMESPACE };
    const spec = { url: "https://git.example.com/acme/shop.git", path: name, interval: "10m" };
    await kube.apply({ apiVersion: API_VERSION, kind: "GitSync", metadata, spec });
  }
  const started = performance.now();
  let operator = await FragileOperator.start(plane.kubeconfig, git);
  const uids = new Map<string, string>();
  await untilApplied(git.sha);
  await check(WORLDS[state], uids);

  let points = 0;
  let longest = 0;
  for (const cut of ["Before", "After"] as const satisfies readonly Cut[]) {
    for (let write = 1; ; write++) {
      operator.cutAt(write, cut);
      push();
      operator.notify(...KEYS);
      const over = new AbortController();
      const died = await Promise.race([operator.dead, untilApplied(git.sha, over.signal).catch(() => undefined)]);
      over.abort();
      longest = Math.max(longest, write - 1);
      if (died === undefined) {
        await untilApplied(git.sha);
        await check(WORLDS[state], uids);
        break;
      }
      points += 1;
      await operator.end();
      // Every other time Git goes back meanwhile: what was half done is then to be undone.
      const back = (write % 2 === 0) === (cut === "After");
      if (back) push();
      operator = await FragileOperator.start(plane.kubeconfig, git);
      try {
        await untilApplied(git.sha);
        await check(WORLDS[state], uids);
      } catch (cause) {
        throw new Error(`cut off ${cut} write ${write}, ${died}${back ? ", and Git went back" : ""}`, { cause });
      }
    }
  }
  await operator.end();
  console.log(`${points} cuts, ${longest} writes a commit, ${Math.round((performance.now() - started) / 1_000)} s`);
  // Nothing was skipped: 26 objects are written in each commit, and both inventories before and after.
  expect(longest).toBeGreaterThanOrEqual(26);
}, 600_000);
