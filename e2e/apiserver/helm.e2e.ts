import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at } from "../../src/api/json.ts";
import { binary, type ControlPlane, openControlPlane } from "../cluster/index.ts";
import { type Kubectl, kubectlFor, ROOT } from "./kubectl.ts";

const run = promisify(execFile);
const NAMESPACE = "fairlead-system";

let plane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  plane = await openControlPlane({ log: (line) => console.log(line) });
  kubectl = await kubectlFor(plane.kubeconfig);
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
});

async function helm(...args: readonly string[]): Promise<string> {
  const program = await binary("helm");
  const { stdout } = await run(program, ["--kubeconfig", plane.kubeconfig, "--namespace", NAMESPACE, ...args], {
    cwd: ROOT,
  });
  return stdout;
}

describe("a release of the chart", () => {
  it("is installed by one command and says what to do next", async () => {
    const notes = await helm("install", "fairlead", "charts/fairlead", "--create-namespace");
    expect(notes).toContain("kubectl -n fairlead-system rollout status deployment/fairlead");
    expect(notes).toContain("Every GitSync needs spec.serviceAccountName");
    await kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/gitsyncs.fairlead.dev");
  });

  it("is upgraded in place, its CRDs too", async () => {
    await kubectl("patch", "crd", "gitsyncs.fairlead.dev", "--type=json", "-p", STALE);
    const stale = await kubectl.json("get", "crd", "gitsyncs.fairlead.dev");
    await helm("upgrade", "fairlead", "charts/fairlead", "--set", "replicas=3", "--set", "rbac.syncsUseOwnRights=true");
    const fresh = await kubectl.json("get", "crd", "gitsyncs.fairlead.dev");
    expect(at(stale, "spec", "names", "shortNames")).toBeUndefined();
    expect(at(fresh, "spec", "names", "shortNames")).toEqual(["gs"]);
    expect(at(await kubectl.json("get", "deploy", "fairlead", "-n", NAMESPACE), "spec", "replicas")).toBe(3);
  });

  it("leaves the CRDs and what people made of them when it is deleted", async () => {
    await kubectl("apply", "--server-side", "-f", "e2e/apiserver/testdata/valid/gitsync-minimal.yaml");
    await helm("uninstall", "fairlead");
    expect(await kubectl("get", "gitsync", "minimal", "-o", "name")).toContain("minimal");
    expect(await kubectl("get", "clusterroles,clusterrolebindings", "-o", "name")).not.toContain("/fairlead");
  });

  it("takes the CRDs over when it is installed again", async () => {
    await helm("install", "fairlead", "charts/fairlead");
    expect(await kubectl("get", "gitsync", "minimal", "-o", "name")).toContain("minimal");
  });
});

/** What an older release of the chart might have left. */
const STALE = JSON.stringify([{ op: "replace", path: "/spec/names/shortNames", value: [] }]);
