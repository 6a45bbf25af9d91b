import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { at, listAt, stringify } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { checkJob } from "../../src/core/rollout/checkJob.ts";
import { type ControlPlane, openControlPlane } from "../cluster/index.ts";
import { type Kubectl, kubectlFor, ROOT } from "./kubectl.ts";

let plane: ControlPlane;
let kubectl: Kubectl;
let scratch = "";

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "fairlead-check-"));
  plane = await openControlPlane({ log: (line) => console.log(line) });
  kubectl = await kubectlFor(plane.kubeconfig);
  await kubectl("create", "namespace", "shop");
});
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

async function file(name: string, object: Manifest): Promise<string> {
  const path = join(scratch, name);
  await writeFile(path, stringify(object));
  return path;
}

it("the Job of a check is accepted as it is made from the guide's CronJob, also a second time", async () => {
  const guide = await readFile(join(ROOT, "docs/guides/gates.md"), "utf8");
  const blocks = [...guide.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, text = ""]) => parseAllDocuments(text));
  const written = blocks.map((document) => document.toJS() as Manifest).find(({ kind }) => kind === "CronJob");
  if (written === undefined) throw new Error("the guide has no CronJob");
  await kubectl("apply", "--server-side", "-f", await file("cronjob.json", written));
  const cronJob = await kubectl.json("-n", "shop", "get", "cronjob", "web-smoke");
  const metadata = { name: "web", namespace: "shop", uid: "5f2e8c1a-9b1f-4b57-8d5f-0d4c8f6b7a11" };
  const rollout: Manifest = { apiVersion: "fairlead.dev/v1alpha1", kind: "ProgressiveRollout", metadata };
  const parts = {
    rollout,
    check: "smoke",
    run: "smoke/v2/1/0/1",
    timeoutMs: 120_000,
    revision: "v2",
    service: "web-v2",
  };
  const job = checkJob(cronJob, parts, (text) => createHash("sha256").update(text).digest());
  const path = await file("job.json", job);
  const apply = () =>
    kubectl.json("apply", "--server-side", "--validate=strict", "--field-manager=fairlead", "-f", path);
  const stored = await apply();
  const [container] = listAt(stored, "spec", "template", "spec", "containers");
  expect(listAt(container, "env")).toEqual([
    { name: "FAIRLEAD_REVISION", value: "v2" },
    { name: "FAIRLEAD_SERVICE", value: "web-v2" },
  ]);
  expect(at(stored, "spec", "activeDeadlineSeconds")).toBe(120);
  expect((await apply()).metadata.uid).toBe(stored.metadata.uid);
});
