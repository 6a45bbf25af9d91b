import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ControlPlane, openControlPlane } from "../../cluster/index.ts";
import { conditionOf, Kube } from "../../harness/kube.ts";
import { definition } from "../../harness/manifests.ts";
import { sideBySide } from "../../harness/sideBySide.ts";
import { sequence } from "./calls.ts";
import { difference, memoryPlayer, realPlayer } from "./servers.ts";

const SEQUENCES = Number(process.env["FAIRLEAD_SEQUENCES"] ?? 200);
const SEED = Number(process.env["FAIRLEAD_SEED"] ?? 20261126);
const AT_ONCE = 8;
const NAMESPACE = "conformance";

let plane: ControlPlane;
let kube: Kube;

beforeAll(async () => {
  plane = await openControlPlane({ log: () => undefined });
  kube = new Kube(plane.kubeconfig);
  await kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const crd = definition("widgets", "Widget");
  const spec = crd["spec"] as { versions: object[] };
  const versions = spec.versions.map((version) => ({ ...version, subresources: { status: {} } }));
  await kube.apply({ ...crd, spec: { ...spec, versions } });
  const ref = { apiVersion: crd.apiVersion, kind: crd.kind, name: crd.metadata.name };
  await kube.waitFor(ref, "established", (now) => conditionOf(now, "Established")?.status === "True");
});

afterAll(async () => {
  await kube?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

it(`answers and stores as a real API server does, in ${SEQUENCES} sequences of calls (seed ${SEED})`, async () => {
  const failures: string[] = [];
  await sideBySide(Array(SEQUENCES).keys(), AT_ONCE, async (index) => {
    const [calls = []] = fc.sample(sequence(`s${index}`), { seed: SEED + index, numRuns: 1 });
    const [memory, real] = [memoryPlayer(NAMESPACE), realPlayer(kube, NAMESPACE)];
    for (const [step, call] of calls.entries()) {
      const found = difference(await memory.play(call), await real.play(call));
      if (found === undefined) continue;
      const story = calls.slice(0, step + 1).map((one) => JSON.stringify(one));
      failures.push(`sequence ${index} after ${step + 1} calls: ${found}\n${story.join("\n")}`);
      break;
    }
  });
  expect(failures.slice(0, 3).join("\n\n")).toBe("");
  expect(failures).toHaveLength(0);
});
