import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { RESOURCES } from "../../src/api/crd.ts";
import { at, listAt, stringify } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { parseGitSync } from "../../src/api/v1alpha1/gitsync.ts";
import { parseRollout } from "../../src/api/v1alpha1/progressiverollout.ts";
import { type ControlPlane, openControlPlane } from "../cluster/index.ts";
import { type Kubectl, kubectlFor, ROOT } from "./kubectl.ts";
import { gitSyncStatusExample, rolloutStatusExample } from "./statusExamples.ts";

const testdata = join(import.meta.dirname, "testdata");
const filesIn = (folder: string): readonly string[] => readdirSync(join(testdata, folder)).sort();
const fileOf = (folder: string, file: string): string => join(testdata, folder, file);
const CRDS = ["apply", "--server-side", "-f", "crds/"] as const;

let plane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  plane = await openControlPlane({ log: (line) => console.log(line) });
  kubectl = await kubectlFor(plane.kubeconfig);
  await kubectl(...CRDS);
  await kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "crds/");
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
});

describe.each(RESOURCES)("the CRD of $kind", ({ plural }) => {
  const get = () => kubectl.json("get", "crd", `${plural}.fairlead.dev`);

  it("is structural, and nothing about it is disputed", async () => {
    const conditions = listAt(await get(), "status", "conditions").map((c) => `${at(c, "type")}=${at(c, "status")}`);
    expect(conditions.sort()).toEqual(["Established=True", "NamesAccepted=True"]);
  });

  it("is stored as written: a second apply changes nothing", async () => {
    const before = await get();
    await kubectl(...CRDS);
    expect((await get()).metadata).toEqual(before.metadata);
    const written = parse(readFileSync(join(ROOT, `crds/fairlead.dev_${plural}.yaml`), "utf8")) as Manifest;
    const versions = (crd: Manifest) => at(crd, "spec", "versions");
    expect(versions(before)).toEqual(versions(written));
  });
});

describe("valid examples", () => {
  it.each(filesIn("valid"))("%s is accepted, with the defaults that Fairlead itself would fill in", async (file) => {
    const path = fileOf("valid", file);
    const stored = await kubectl.json("create", "--dry-run=server", "--validate=strict", "-f", path);
    const written = parse(readFileSync(path, "utf8")) as Manifest;
    const parsed = written.kind === "GitSync" ? parseGitSync(written) : parseRollout(written);
    expect(stored["spec"]).toEqual(JSON.parse(stringify(parsed.spec)));
  });
});

describe("invalid examples", () => {
  it.each(filesIn("invalid"))("%s breaks one rule and is refused for it", async (file) => {
    const path = fileOf("invalid", file);
    const expected = readFileSync(path, "utf8").split("\n")[0]?.replace(/^# /, "") ?? "";
    const refusal = await kubectl.refusal("create", "--dry-run=server", "--validate=strict", "-f", path);
    expect(refusal).toContain(expected);
    // The API server skips CEL rules when the schema is broken already, and says so in a line of its own.
    const causes = refusal.split("\n").filter((line) => line.startsWith("* ") && !line.includes("were not checked"));
    expect(causes.length, refusal).toBeLessThanOrEqual(1);
  });

  it("has one for every CEL rule", () => {
    const named = filesIn("invalid").map((file) => readFileSync(fileOf("invalid", file), "utf8").split("\n")[0] ?? "");
    const messages = RESOURCES.flatMap(({ plural }) => [
      ...readFileSync(join(ROOT, `crds/fairlead.dev_${plural}.yaml`), "utf8").matchAll(/^ *(?:- )?message: (.*)$/gm),
    ]).map((match) => String(parse(match[1] ?? "")));
    expect(messages.length).toBeGreaterThan(5);
    // Rules about changes have their own test: an example that is created breaks none of them.
    const unshown = messages.filter(
      (message) =>
        !message.includes("cannot be changed") && !named.some((line) => message.startsWith(line.replace(/^# /, ""))),
    );
    expect(unshown).toEqual([]);
  });
});

describe("what a rollout drives", () => {
  it.each(["workloadRef", "serviceRef"])("%s cannot be changed", async (field) => {
    await kubectl("apply", "--server-side", "-f", fileOf("valid", "rollout-canary.yaml"));
    const patch = JSON.stringify({ spec: { [field]: { name: "another" } } });
    const { name } = parse(readFileSync(fileOf("valid", "rollout-canary.yaml"), "utf8")).metadata;
    const refusal = await kubectl.refusal("patch", "pr", name, "--type=merge", "-p", patch);
    expect(refusal).toContain(`${field} cannot be changed; commit a ProgressiveRollout of another name`);
  });
});

describe("what the API server fills in", () => {
  beforeAll(async () => {
    for (const file of ["gitsync-minimal.yaml", "rollout-minimal.yaml"]) {
      await kubectl("apply", "--server-side", "-f", fileOf("valid", file));
    }
  });

  it("gives a GitSync of a bare URL its defaults", async () => {
    expect((await kubectl.json("get", "gs", "minimal"))["spec"]).toEqual({
      url: "https://git.example.com/acme/shop.git",
      ref: {},
      path: "",
      interval: "1m",
      timeout: "60s",
      submodules: false,
      lfs: false,
      dryRun: "Auto",
      prune: true,
      rewrites: "Accept",
      suspend: false,
    });
  });

  it("gives a ProgressiveRollout of two names its defaults, and no number of replicas", async () => {
    expect((await kubectl.json("get", "pr", "minimal"))["spec"]).toEqual({
      workloadRef: { kind: "Deployment", name: "web" },
      serviceRef: { name: "web" },
      routeRefs: [],
      freezes: [],
      checks: [],
      webhooks: [],
      strategy: {},
      rollback: { window: { revisions: 3, duration: "72h" } },
      scaleDownDelaySeconds: 300,
      progressDeadlineSeconds: 600,
      settleSeconds: 5,
      config: { secrets: "Exclude" },
      paused: false,
    });
  });
});

describe("subresources", () => {
  it("scales a ProgressiveRollout, as a HorizontalPodAutoscaler does", async () => {
    await kubectl("apply", "--server-side", "-f", fileOf("valid", "rollout-rolling-number.yaml"));
    await kubectl("scale", "progressiverollout/rolling-number", "--replicas=7");
    expect(at(await kubectl.json("get", "pr", "rolling-number"), "spec", "replicas")).toBe(7);
  });

  it.each([
    {
      short: "gs",
      name: "full",
      file: "gitsync-full.yaml",
      status: gitSyncStatusExample,
      columns: ["NAME", "READY", "REVISION", "REASON", "MESSAGE", "OBJECTS", "AGE"],
      row: ["True", "Applied", "All objects are applied.", "42", gitSyncStatusExample.appliedRevision],
    },
    {
      short: "pr",
      name: "canary",
      file: "rollout-canary.yaml",
      status: rolloutStatusExample,
      columns: "NAME STAGE STEP WEIGHT STABLE CANDIDATE READY REASON SINCE MESSAGE COMMIT LAST ENDED AGE".split(" "),
      row: [
        ...["Stepping", "2/3", "0.5", "6d4b75cb6d", "5f7c9d8e4a", "False", "HoldTime", "Held for another minute."],
        ...[gitSyncStatusExample.appliedRevision, "Rejected"],
      ],
    },
  ])("stores the whole status of a $short and shows it in columns", async ({ short, name, file, status, ...shown }) => {
    await kubectl("apply", "--server-side", "-f", fileOf("valid", file));
    await kubectl("patch", short, name, "--subresource=status", "--type=merge", "-p", stringify({ status }));
    expect((await kubectl.json("get", short, name))["status"]).toEqual(status);
    const [columns, row] = (await kubectl("get", short, name, "-o", "wide")).split("\n").map((l) => l.split(/ {2,}/));
    expect(columns).toEqual(shown.columns);
    expect(row).toEqual(expect.arrayContaining(shown.row));
  });

  it("describes what ended, why, and whose commit it was, a line for each", async () => {
    const lines = (await kubectl("describe", "pr", "canary"))
      .split("\n")
      .map((line) => line.trim().replace(/ +/g, " "));
    const history = lines.slice(lines.indexOf("History:"));
    expect(history.slice(1, 4)).toEqual([
      "Author: A Person",
      `Commit: ${gitSyncStatusExample.appliedRevision}`,
      "Duration: 12m30s",
    ]);
    expect(history).toContain("Reason: Failing");
    expect(history).toContain("Peak Share: 22.5");
  });

  it("shows a weight in whole percent without a fraction, as earlier releases stored it", async () => {
    await kubectl("apply", "--server-side", "-f", fileOf("valid", "rollout-canary.yaml"));
    await kubectl("patch", "pr", "canary", "--subresource=status", "--type=merge", "-p", '{"status":{"weight":25}}');
    expect((await kubectl("get", "pr", "canary")).split(/ {2,}/)).toContain("25");
  });

  it("lists both kinds by their category", async () => {
    const names = await kubectl("get", "fairlead", "-o", "name");
    expect(names).toContain("gitsync.fairlead.dev/full");
    expect(names).toContain("progressiverollout.fairlead.dev/canary");
  });

  it("refuses a stage that is none", async () => {
    await kubectl("apply", "--server-side", "-f", fileOf("valid", "rollout-canary.yaml"));
    const patch = stringify({ status: { rollout: { ...rolloutStatusExample.rollout, stage: "Lost" } } });
    const refusal = await kubectl.refusal("patch", "pr", "canary", "--subresource=status", "--type=merge", "-p", patch);
    expect(refusal).toContain("status.rollout.stage: Unsupported value");
  });
});
