import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRenderer } from "../../../src/adapters/render/renderer.ts";
import type { Programs, SandboxLimits } from "../../../src/adapters/render/sandbox.ts";
import { canonical, isObject } from "../../../src/api/json.ts";
import { refOf, title } from "../../../src/api/objects.ts";
import { place } from "../../../src/api/rendered.ts";
import type { RenderProblem, RenderResult } from "../../../src/ports/render.ts";
import { memoryRequest } from "../../../src/testing/memoryTree.ts";
import { renderers } from "../../harness/renderers.ts";

type Files = Readonly<Record<string, string>>;

const { signal } = new AbortController();
let programs: Programs;
let tempRoot: string;

beforeAll(async () => {
  programs = await renderers(console.log);
  tempRoot = await mkdtemp(join(tmpdir(), "fairlead-kustomize-"));
});

afterAll(async () => {
  // Whatever happened, no rendering left its files behind.
  expect(await readdir(tempRoot)).toEqual([]);
  await rm(tempRoot, { recursive: true });
});

interface Circumstances {
  readonly path?: string;
  readonly programs?: Partial<Programs>;
  readonly limits?: Partial<SandboxLimits>;
  readonly timeoutMs?: number;
}

function render(files: Files, circumstances: Circumstances = {}): Promise<RenderResult> {
  const { path = "app", limits = {}, timeoutMs = 30_000 } = circumstances;
  const renderer = createRenderer({ programs: { ...programs, ...circumstances.programs }, tempRoot, limits });
  return renderer.render(memoryRequest(files, path, { timeoutMs }), signal);
}

async function objects(files: Files): Promise<readonly string[]> {
  const result = await render(files);
  if (result.kind === "Broken") throw new Error(result.problems.map(told).join("\n"));
  return result.objects.map(({ object, position }) => `${title(refOf(object))} ${place(position)}`);
}

async function problems(files: Files, circumstances?: Circumstances): Promise<readonly string[]> {
  const result = await render(files, circumstances);
  return result.kind === "Broken" ? result.problems.map(told) : [`${result.objects.length} objects`];
}

function told({ reason, position, message }: RenderProblem): string {
  return `${reason} ${place(position)} ${message}`;
}

const web = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n";
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "web:1", envFrom: [{ configMapRef: { name: conf } }] }] }
`;

describe("kustomize", () => {
  it("builds an overlay of a base outside of the path, with a component, generators, patches and replacements", async () => {
    const files = {
      "base/kustomization.yml":
        "resources: [web.yaml]\nconfigMapGenerator: [{ name: conf, files: [app.conf, key=sub/x.txt] }]\n",
      "base/web.yaml": `# A comment\n${web}---\n${deployment}`,
      "base/app.conf": "a\n",
      "base/sub/x.txt": "x\n",
      "components/big/Kustomization":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{ path: big.yaml }]\n",
      "components/big/big.yaml":
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: 3 }\n",
      "envs/prod/kustomization.yaml": `resources: [../../base]
components: [../../components/big]
namespace: shop
namePrefix: prod-
images: [{ name: web, newTag: "2" }]
secretGenerator: [{ name: token, literals: [a=b], options: { disableNameSuffixHash: true } }]
replacements: [{ path: repl.yaml }]
transformers: [labels.yaml]
`,
      "envs/prod/labels.yaml":
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: { name: x }\nlabels: { team: a }\nfieldSpecs: [{ path: metadata/labels, create: true }]\n",
      "envs/prod/repl.yaml":
        "source: { kind: Deployment, fieldPath: spec.replicas }\ntargets: [{ select: { kind: Service }, fieldPaths: [spec.ports.0.port] }]\n",
      "unrelated/a.yaml": "x",
    };
    const result = await render(files, { path: "envs/prod" });
    if (result.kind === "Broken") throw new Error(result.problems.map(told).join("\n"));
    const found = result.objects.map(({ object, position }) => `${title(refOf(object))} ${place(position)}`);
    expect(found).toEqual([
      expect.stringMatching(/^ConfigMap shop\/prod-conf-\w+ base\/kustomization.yml:1:1$/),
      "Secret shop/prod-token envs/prod/kustomization.yaml:1:1",
      "Service shop/prod-web base/web.yaml:2:1",
      "Deployment shop/prod-web base/web.yaml:7:1",
    ]);
    const text = result.objects.map(({ object }) => canonical(object)).join("\n");
    for (const part of ['"image":"web:2"', '"replicas":3', '"port":3', '"team":"a"', '"key":"x\\n"'])
      expect(text).toContain(part);
    expect(text).not.toContain("config.kubernetes.io/origin");
    expect(result.objects.every(({ object }) => !isObject(object.metadata.annotations))).toBe(true);
  });

  it("keeps origins that the user asks for, and reads numbers as kubectl does", async () => {
    const files = {
      "app/kustomization.yaml": "resources: [a.yaml]\nbuildMetadata: [originAnnotations]\n",
      "app/a.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { n: \"0777\", big: '9223372036854775807' }\nx: 9223372036854775807\n",
    };
    const result = await render(files);
    expect(result.kind === "Rendered" && result.objects[0]?.object).toMatchObject({
      data: { n: "0777", big: "9223372036854775807" },
      x: 9223372036854775807n,
      metadata: { annotations: { "config.kubernetes.io/origin": "path: a.yaml\n" } },
    });
  });

  it("E11: does not rename a Namespace to the one that it sets", async () => {
    const files = {
      "app/kustomization.yaml": "resources: [a.yaml]\nnamespace: shop\n",
      "app/a.yaml": `apiVersion: v1\nkind: Namespace\nmetadata: { name: other }\n---\n${web}`,
    };
    expect(await problems(files)).toEqual([
      expect.stringMatching(
        /^Unsupported app\/a.yaml:1:1 kustomize renames this Namespace to "shop".*make the two alike$/,
      ),
    ]);
    expect(await objects({ ...files, "app/kustomization.yaml": "resources: [a.yaml]\nnamespace: other\n" })).toEqual([
      "Namespace other app/a.yaml:1:1",
      "Service other/web app/a.yaml:5:1",
    ]);
  });
});

describe("a kustomization is refused", () => {
  it.each<[string, string, string]>([
    ["a remote file", "resources:\n- https://169.254.169.254/x.yaml\n", "RemoteRefused app/kustomization.yaml:2:3"],
    ["a remote base", "bases: ['git::ssh://attacker/x.git']\n", "RemoteRefused app/kustomization.yaml:1:9"],
    ["a base on GitHub", "resources: [github.com/a/b]\n", "RemoteRefused app/kustomization.yaml:1:13"],
    ["a base by scp", "components: ['git@host:a/b.git']\n", "RemoteRefused app/kustomization.yaml:1:14"],
    ["a remote patch", "patches: [{path: 'http://h/p.yaml'}]\n", "RemoteRefused app/kustomization.yaml:1:18"],
    [
      "a remote value",
      "configMapGenerator:\n- name: a\n  files: ['k=https://h/f']\n",
      "RemoteRefused app/kustomization.yaml:3:11",
    ],
    ["a remote schema", "openapi: {path: 'https://h/f'}\n", "RemoteRefused app/kustomization.yaml:1:17"],
  ])("A08: %s", async (_, text, said) => {
    const [first, ...rest] = await problems({ "app/kustomization.yaml": text });
    expect(first).toContain(`${said} `);
    expect(first).toContain("copy it into the repository");
    expect(rest).toEqual([]);
  });

  it.each<[string, string, string]>([
    ["a base above the root", "resources: [../../x]\n", "InvalidPath app/kustomization.yaml:1:13"],
    [
      "an absolute file",
      "secretGenerator: [{name: a, files: [/proc/self/environ]}]\n",
      "InvalidPath app/kustomization.yaml:1:37",
    ],
    [
      "a file beside the kustomization's directory",
      "configMapGenerator: [{name: a, envs: [../env]}]\n",
      "InvalidPath app/kustomization.yaml:1:39",
    ],
    ["a file that is not there", "resources:\n- gone.yaml\n", "PathNotFound app/kustomization.yaml:2:3"],
    ["a component that is a file", "components: [a.yaml]\n", "RenderFailed app/kustomization.yaml:1:14"],
    ["a base without kustomization", "resources: [sub]\n", "RenderFailed app/kustomization.yaml:1:13"],
    ["charts", "helmCharts:\n- name: a\n  repo: https://h\n", "Unsupported app/kustomization.yaml:2:1"],
    ["a plugin", "transformers: [plugin.yaml]\n", "Unsupported app/plugin.yaml:1:1"],
    ["a function", "generators: [fn.yaml]\n", "Unsupported app/fn.yaml:1:1"],
    ["an unknown field", "Resources: ['https://h/x']\n", "Unsupported app/kustomization.yaml:1:12"],
    ["broken YAML", "resources: [a\nx: 1\n", "InvalidYAML app/kustomization.yaml:"],
    ["two documents", "resources: []\n---\nresources: []\n", "RenderFailed app/kustomization.yaml:1:1"],
  ])("A07: %s", async (_, text, said) => {
    const files = {
      "app/kustomization.yaml": text,
      "app/a.yaml": web,
      "app/sub/x.yaml": web,
      "app/plugin.yaml": "apiVersion: someteam.example.com/v1\nkind: Evil\nmetadata: { name: x }\n",
      "app/fn.yaml":
        "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations: { config.kubernetes.io/function: 'exec: {path: ./x}' }\n",
      env: "a=b\n",
    };
    expect((await problems(files))[0]).toContain(said);
  });

  it("two kustomizations in one directory, and a cycle", async () => {
    const twice = { "app/kustomization.yaml": "resources: []", "app/kustomization.yml": "resources: []" };
    expect(await problems(twice)).toEqual([expect.stringContaining("remove all but one")]);
    const cycle = { "app/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../app]\n" };
    expect(await problems(cycle)).toEqual([expect.stringContaining("cycle")]);
  });

  it("kustomize's own complaint, with the file", async () => {
    const files = {
      "app/kustomization.yaml": "resources: [a.yaml]\npatches: [{ path: p.yaml }]\n",
      "app/a.yaml": web,
      "app/p.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: gone }\n",
    };
    const [said = ""] = await problems(files);
    expect(said).toMatch(/^RenderFailed app\/\S+ kustomize: Error: .*gone/);
    expect(said).not.toContain(tempRoot);
  });

  it("A16: a complaint shows no value of a Secret", async () => {
    const secret = "hunter2-canary";
    for (const files of [
      { "app/kustomization.yaml": `secretGenerator: [{name: a, literals: [${secret}]}]\n` },
      {
        "app/kustomization.yaml": "resources: [a.yaml]\n",
        "app/a.yaml": `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: [${secret}\n`,
      },
      {
        "app/kustomization.yaml": "resources: [a.yaml]\nnamespace: x\n",
        "app/a.yaml": `apiVersion: v1\nkind: Secret\nmetadata: ${secret}\nstringData: {p: ${secret}}\n`,
      },
    ]) {
      const [said = ""] = await problems(files);
      expect(said).toMatch(/^(RenderFailed|InvalidYAML) app\//);
      expect(said).not.toContain(secret);
    }
  });
});

describe("a renderer that misbehaves", () => {
  const files = { "app/kustomization.yaml": "resources: [a.yaml]\n", "app/a.yaml": web };
  let fakes: string;

  /** A program in place of the sandbox: what the operator reads is all its own. */
  async function instead(script: string): Promise<Partial<Programs>> {
    const file = join(fakes, "sandbox");
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { sandbox: file };
  }

  beforeAll(async () => {
    fakes = await mkdtemp(join(tmpdir(), "fairlead-fakes-"));
  });

  afterAll(() => rm(fakes, { recursive: true }));

  it.each([
    ["nothing", "exit 0", "RenderSuspicious", "rendered no object"],
    ["blank lines", "echo; echo ---; echo '# nothing'", "RenderSuspicious", "rendered no object"],
    ["a half, and is killed", `printf '%s' "${web.slice(0, 60)}"; kill -9 $$`, "RenderFailed", "ended"],
    ["a whole object, and is killed", `printf '%s' "${web}"; kill -9 $$`, "RenderFailed", "ended"],
    ["a half, and ends well", `printf 'apiVersion: v1\nkind: [Ser'`, "InvalidYAML", "what kustomize renders"],
    ["no object", "echo 'a: 1'", "NotAnObject", "no apiVersion"],
    [
      "a name to be made up",
      "printf 'apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\n'",
      "NotAnObject",
      "E29",
    ],
    ["aliases that explode", `printf 'a: &a [x,x,x,x,x,x,x,x,x]\n${bomb()}'`, "TooLarge", "what kustomize renders"],
  ])("E01: says %s: nothing of it is taken", async (_, script, reason, words) => {
    const [said = "", ...more] = await problems(files, { programs: await instead(script) });
    expect(said).toContain(`${reason} app/kustomization.yaml:1:1 `);
    expect(said).toContain(words === "E29" ? "it has generateName but no name" : words);
    expect(more).toEqual([]);
  });
});

/** Nine levels of nine aliases each: 387 million texts. */
function bomb(): string {
  const names = "abcdefghi";
  return [...names.slice(1)]
    .map(
      (name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${names[index] ?? "a"}`).join(",")}]\n`,
    )
    .join("");
}
