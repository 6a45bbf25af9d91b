import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRenderer } from "../../../src/adapters/render/renderer.ts";
import type { Programs } from "../../../src/adapters/render/sandbox.ts";
import { refOf, title } from "../../../src/api/objects.ts";
import { place } from "../../../src/api/rendered.ts";
import type { HelmRelease, RenderResult } from "../../../src/ports/render.ts";
import { memoryRequest } from "../../../src/testing/memoryTree.ts";
import { renderers } from "../../harness/renderers.ts";

type Files = Readonly<Record<string, string>>;
type Release = Partial<HelmRelease> & { readonly timeoutMs?: number };

const { signal } = new AbortController();
let programs: Programs;
let tempRoot: string;

beforeAll(async () => {
  programs = await renderers(console.log);
  tempRoot = await mkdtemp(join(tmpdir(), "fairlead-helm-"));
});

afterAll(async () => {
  expect(await readdir(tempRoot)).toEqual([]);
  await rm(tempRoot, { recursive: true });
});

const definition = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const map = (name: string, data = "{}", annotations = "{}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, annotations: ${annotations} }\ndata: ${data}\n`;

function render(files: Files, release: Release = {}, path = "chart"): Promise<RenderResult> {
  return createRenderer({ programs, tempRoot }).render(memoryRequest(files, path, release), signal);
}

async function rendered(files: Files, release?: Release) {
  const result = await render({ "chart/Chart.yaml": definition, ...files }, release);
  if (result.kind === "Broken") throw new Error(JSON.stringify(result.problems));
  return result;
}

async function problems(files: Files, release?: Release): Promise<readonly string[]> {
  const result = await render({ "chart/Chart.yaml": definition, ...files }, release);
  if (result.kind === "Rendered") return [`${result.objects.length} objects`];
  return result.problems.map(({ reason, position, message }) => `${reason} ${place(position)} ${message}`);
}

describe("a chart", () => {
  it("is rendered with its CRDs and vendored charts, each object with the file it came from", async () => {
    const crd =
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: x.example.com }\n";
    const { objects, notes } = await rendered({
      "chart/Chart.yaml": `${definition}dependencies: [{ name: sub, version: 1.x, repository: "https://charts.example.com" }]\n`,
      "chart/crds/x.yaml": crd,
      "chart/templates/_helpers.tpl": '{{ define "name" }}{{ .Release.Name }}-web{{ end }}',
      "chart/templates/a.yaml": `${map('{{ include "name" . }}')}---\n${map("second")}`,
      "chart/templates/NOTES.txt": "Thank you.",
      "chart/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
      "chart/charts/sub/templates/b.yaml": map("{{ .Release.Name }}-sub"),
    });
    expect(objects.map(({ object, position }) => `${title(refOf(object))} ${place(position)}`)).toEqual([
      "CustomResourceDefinition x.example.com chart/crds/x.yaml:1:1",
      "ConfigMap shop-sub chart/charts/sub/templates/b.yaml:1:1",
      "ConfigMap shop-web chart/templates/a.yaml:1:1",
      "ConfigMap second chart/templates/a.yaml:1:1",
    ]);
    expect(notes).toEqual([]);
  });

  it("is given the values of files and spec in their order, the release, and what the cluster serves", async () => {
    const show = (...values: readonly string[]) => `{{ list ${values.join(" ")} | toJson | quote }}`;
    const { objects } = await rendered(
      {
        "chart/values.yaml": "a: chart\nb: chart\nc: chart\nd: chart\n",
        "chart/prod.yaml": "b: prod\nc: prod\nd: prod\n",
        "values/eu.yaml": "c: eu\nd: eu\n",
        "chart/templates/a.yaml": map(
          "{{ .Release.Name }}",
          `{ v: ${show(".Values.a", ".Values.b", ".Values.c", ".Values.d")}, r: ${show(".Release.Namespace", ".Release.IsInstall", ".Capabilities.KubeVersion.Version")}, has: ${show('(.Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor")', '(.Capabilities.APIVersions.Has "x/v1")')}, look: ${show('(lookup "v1" "Secret" "kube-system" "x")')}, file: ${show('(.Files.Get "prod.yaml" | trunc 7)', '(.Files.Get "/etc/passwd")', '(.Files.Get "../values/eu.yaml")')} }`,
        ),
      },
      {
        name: "eu-1",
        namespace: "shop-eu",
        valuesFiles: ["prod.yaml", "../values/eu.yaml"],
        values: { d: "spec" },
        facts: async () => ({ kubeVersion: "v1.35.4", apiVersions: ["v1", "monitoring.coreos.com/v1/ServiceMonitor"] }),
      },
    );
    expect(objects[0]?.object).toMatchObject({
      metadata: { name: "eu-1" },
      data: {
        v: '["chart","prod","eu","spec"]',
        r: '["shop-eu",true,"v1.35.4"]',
        has: "[true,false]",
        look: "[{}]",
        file: '["b: prod","",""]',
      },
    });
  });

  it("leaves out hooks that nothing would run, and says so; Helm's word to keep an object keeps it", async () => {
    const { objects, notes } = await rendered({
      "chart/templates/a.yaml": map("a", "{}", "{ helm.sh/resource-policy: keep }"),
      "chart/templates/t.yaml": `${map("t", "{}", "{ helm.sh/hook: test }")}---\n${map("d", "{}", '{ helm.sh/hook: "pre-delete, post-delete" }')}`,
    });
    expect(objects.map(({ object }) => object.metadata.name)).toEqual(["a"]);
    expect(objects[0]?.object.metadata.annotations).toMatchObject({ "fairlead.dev/prune": "disabled" });
    expect(notes).toEqual([
      expect.stringMatching(/^hooks of the chart are left out: ConfigMap \w \(\S+\), ConfigMap \w \(\S+\)$/),
    ]);
  });
});

describe("a chart is refused", () => {
  const good = { "chart/templates/ok.yaml": map("ok") };

  it("with hooks of an installation or upgrade, each with its file", async () => {
    const hook = map("migrate", "{}", '{ helm.sh/hook: "pre-install,pre-upgrade" }');
    expect(await problems({ ...good, "chart/templates/h.yaml": hook })).toEqual([
      expect.stringMatching(
        /^Unsupported chart\/templates\/h.yaml:1:1 ConfigMap migrate is a hook \(pre-install, pre-upgrade\)/,
      ),
    ]);
  });

  it("A08: without a chart that it depends on: nothing is fetched", async () => {
    const text = `${definition}dependencies:\n- name: redis\n  version: 1.x\n  repository: https://169.254.169.254/charts\n`;
    expect(await problems({ ...good, "chart/Chart.yaml": text })).toEqual([
      expect.stringMatching(/^PathNotFound chart\/Chart.yaml:5:3 the chart depends on redis, .*helm dependency build/),
    ]);
  });

  it("A08: with a schema on another host, in the chart or out of sight of it", async () => {
    const schema = (ref: string) => `{\n  "$schema": "http://json-schema.org/draft-07/schema#",\n  "$ref": "${ref}"\n}`;
    expect(await problems({ ...good, "chart/values.schema.json": schema("http://127.0.0.1:9/x.json") })).toEqual([
      expect.stringMatching(/^RemoteRefused chart\/values.schema.json:3:1 /),
    ]);
    const hidden = schema("http:\\u002f/127.0.0.1:9/x.json");
    expect((await problems({ ...good, "chart/values.schema.json": hidden }))[0]).toMatch(
      /^RenderFailed chart.*not permitted/s,
    );
  });

  it.each([
    ["above the root", "../../x.yaml", "InvalidPath"],
    ["absolute", "/etc/passwd", "InvalidPath"],
    ["on another host", "https://169.254.169.254/x", "RemoteRefused"],
    ["by the file protocol", "file:///etc/passwd", "RemoteRefused"],
    ["that is not there", "gone.yaml", "PathNotFound"],
    ["that is a directory", "templates", "InvalidPath"],
  ])("A07: with a values file %s", async (_, file, reason) => {
    expect(await problems(good, { valuesFiles: [file] })).toEqual([
      expect.stringMatching(new RegExp(`^${reason} chart/Chart.yaml:1:1 spec.helm.valuesFiles\\[0\\]: `)),
    ]);
  });

  it.each([
    [
      "a template that fails",
      '\n{{ fail "no good" }}',
      "RenderFailed chart/templates/bad.yaml:2:1 helm: Error: execution error",
      "no good",
    ],
    ["a value that is not there", "{{ .Values.a.b.c }}", "RenderFailed chart/templates/bad.yaml:1:1 ", "nil pointer"],
    [
      "an unknown function",
      "\n\n{{ nope }}",
      "RenderFailed chart/templates/bad.yaml:3:1 ",
      'function "nope" not defined',
    ],
    [
      "a name from DNS",
      '{{ getHostByName "example.com" | fail }}',
      "RenderFailed chart/templates/bad.yaml:1:1 ",
      "execution error",
    ],
    ["broken YAML", "a: [1", "RenderFailed chart/templates/bad.yaml:1:1 ", "YAML parse error"],
    ["a key twice", `${map("bad")}kind: Secret\n`, "DuplicateKey chart/templates/bad.yaml:1:1 ", '"kind"'],
    [
      "E29: a name to be made up",
      "apiVersion: batch/v1\nkind: Job\nmetadata: { generateName: a- }",
      "NotAnObject chart/templates/bad.yaml:1:1 ",
      "generateName",
    ],
    [
      "A11: a range without end",
      "{{ range until 1000000000 }}{{ end }}",
      "chart/Chart.yaml:1:1 helm: it needs more than 384 MiB",
      "split",
    ],
    [
      "A11: a template that calls itself",
      '{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}',
      "RenderFailed chart/templates/bad.yaml:",
      "error calling include",
    ],
  ])("%s", async (_, template, where, what) => {
    const [said = "", ...more] = await problems({ ...good, "chart/templates/bad.yaml": template });
    expect(said).toContain(where);
    expect(said).toContain(what);
    expect(said).not.toContain(tempRoot);
    expect(more).toEqual([]);
  });

  it("E01: that renders nothing: that is suspicious, not empty", async () => {
    expect(await problems({ "chart/templates/a.yaml": "{{ if false }}\nx\n{{ end }}" })).toEqual([
      expect.stringMatching(/^RenderSuspicious chart\/Chart.yaml:1:1 Helm ended well and rendered no object/),
    ]);
  });

  it("A16: with a message that shows no secret value", async () => {
    const files = { "chart/templates/bad.yaml": "{{ fail .Values.db.password }} {{ .Values.apiToken }}" };
    const [said = ""] = await problems(files, { values: { db: { password: "hunter2-canary" }, apiToken: "x" } });
    expect(said).toMatch(/^RenderFailed chart\/templates\/bad.yaml:1:1 .*\*\*\*/);
    expect(said).not.toContain("hunter2-canary");
  });
});
