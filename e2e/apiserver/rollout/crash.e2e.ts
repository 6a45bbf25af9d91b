import { afterAll, beforeAll, expect, it } from "vitest";
import { listAt, stringAt } from "../../../src/api/json.ts";
import { API_VERSION, Mark } from "../../../src/api/v1alpha1/names.ts";
import { toYaml } from "../../apps/shop.ts";
import { type BarePlane, openBarePlane } from "../../harness/barePlane.ts";
import { FragileOperator } from "../../harness/fragileOperator.ts";
import type { Kube } from "../../harness/kube.ts";
import { configMap } from "../../harness/manifests.ts";
import { MemoryGit } from "../../harness/memoryGit.ts";
import { type Podless, podless, untilAtRest } from "../../harness/podless.ts";

let plane: BarePlane;
let kube: Kube;

beforeAll(async () => {
  plane = await openBarePlane();
  kube = plane.kube;
});

afterAll(() => plane?.[Symbol.asyncDispose]());

const NAMESPACE = "crash";
const container = { envFrom: [{ configMapRef: { name: "settings" } }] };
const app: Podless = { namespace: NAMESPACE, name: "web", container };
const sync = { apiVersion: API_VERSION, kind: "GitSync", namespace: NAMESPACE, name: "web" };
/** A commit and its rollout have some thirty writes; who needs many more makes no progress in some of its lives. */
const MOST_LIVES = 60;

const filesOf = (release: string) => ({
  "app/all.yaml": toYaml([
    ...podless({ ...app, release }),
    { ...configMap("settings", { release }), metadata: { name: "settings", namespace: NAMESPACE } },
  ]),
});

it("P31: an operator that dies after every single write brings a commit and its rollout to the end", async () => {
  const metadata = { name: "web", namespace: NAMESPACE };
  const spec = { url: "https://git.example.com/acme/shop.git", path: "app", interval: "10m" };
  await kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  await kube.apply({ apiVersion: API_VERSION, kind: "GitSync", metadata, spec });
  const git = new MemoryGit(filesOf("1"));
  let operator = await FragileOperator.start(plane.kubeconfig, git);
  // There is no controller to take notice of it.
  const workload = { apiVersion: "apps/v1", kind: "Deployment", namespace: NAMESPACE, name: "web" };
  await kube.waitFor(workload, "made", () => true);
  await kube.patch(workload, { status: { observedGeneration: 1_000 } }, "status");
  await untilAtRest(kube, app, "Adopted");
  await operator.end();

  git.push(filesOf("2"));
  const deaths: string[] = [];
  for (;;) {
    operator = await FragileOperator.start(plane.kubeconfig, git, "After");
    const over = new AbortController();
    const { signal } = over;
    const ended = Promise.all([
      untilAtRest(kube, app, "Promoted", { signal }),
      kube.waitFor(sync, "applied", (one) => stringAt(one, "status", "appliedRevision") === git.sha, { signal }),
    ]);
    const died = await Promise.race([operator.dead, ended.then(() => undefined)]).finally(() => over.abort());
    await ended.catch(() => undefined);
    await operator.end();
    if (died === undefined) break;
    deaths.push(died);
    expect(deaths.length, deaths.join("\n")).toBeLessThan(MOST_LIVES);
  }
  console.log(`${deaths.length} deaths, after\n  ${deaths.join("\n  ")}`);
  expect(deaths.length).toBeGreaterThan(10);

  const labels = `${Mark.rollout}=web`;
  const [revisions, copies] = await Promise.all([
    kube.list("apps/v1", "Deployment", { namespace: NAMESPACE, labels }),
    kube.list("v1", "ConfigMap", { namespace: NAMESPACE, labels }),
  ]);
  expect(revisions).toHaveLength(2);
  const owners = copies.map((copy) => stringAt(listAt(copy, "metadata", "ownerReferences")[0], "uid"));
  expect(owners.sort()).toEqual(revisions.map(({ metadata }) => metadata.uid).sort());
  expect(copies.map(({ data }) => JSON.stringify(data)).sort()).toEqual(['{"release":"1"}', '{"release":"2"}']);
});
