import { describe, expect, test } from "vitest";
import { refOf, title } from "../../api/objects.ts";
import type { RenderProblem, RenderResult } from "../../ports/render.ts";
import { memoryRequest } from "../../testing/memoryTree.ts";
import { createYamlRenderer } from "./yaml.ts";

const never = new AbortController().signal;
const web = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\n";

function render(files: Readonly<Record<string, string>>, path = ""): Promise<RenderResult> {
  return createYamlRenderer().render(memoryRequest(files, path), never);
}

async function objects(files: Readonly<Record<string, string>>, path = ""): Promise<readonly string[]> {
  const result = await render(files, path);
  if (result.kind === "Broken") throw new Error(JSON.stringify(result.problems));
  return result.objects.map(({ object, position }) => `${title(refOf(object))} ${Object.values(position).join(":")}`);
}

async function problems(files: Readonly<Record<string, string>>): Promise<readonly RenderProblem[]> {
  const result = await render(files);
  return result.kind === "Broken" ? result.problems : [];
}

test.each([
  ["a.yaml", true],
  ["d/a.yml", true],
  ["d/a.json", true],
  ["README.md", false],
  ["a.yaml.bak", false],
  [".a.yaml", false],
  [".github/a.yaml", false],
  ["d/.d/a.yaml", false],
  ["Kustomization", true],
  ["yaml", false],
])("%s is read: %s", async (path, wanted) => {
  const [first] = await problems({ [path]: "x: 1\n" });
  expect(first?.reason).toBe(wanted ? (path === "Kustomization" ? "Unsupported" : "NotAnObject") : "NoManifests");
});

test("a hidden directory or a single file that the path names is read", async () => {
  const files = { ".deploy/a.yaml": web, "b.yaml": web };
  expect(await objects(files, ".deploy")).toEqual(["ConfigMap shop/web .deploy/a.yaml:1:1"]);
  expect(await objects(files, "b.yaml")).toEqual(["ConfigMap shop/web b.yaml:1:1"]);
});

describe("objects", () => {
  test("come with their file, line and column, in the order of the files", async () => {
    const json = '\n  {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}';
    expect(await objects({ "a.yaml": `# x\n---\n${web}---\n---\n# y\n---\n${web}`, "b.json": json })).toEqual([
      "ConfigMap shop/web a.yaml:3:1",
      "ConfigMap shop/web a.yaml:10:1",
      "Namespace shop b.json:2:3",
    ]);
  });

  test("E30: come out of lists, typed ones and of lists in lists", async () => {
    const item = (name: string): string => `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}}`;
    const text = `apiVersion: v1\nkind: List\nitems:\n- ${item("a")}\n- apiVersion: v1\n  kind: ConfigMapList\n  items: [${item("b")}, ${item("c")}]\n`;
    expect(await objects({ "a.yaml": text })).toEqual([
      "ConfigMap a a.yaml:4:3",
      "ConfigMap b a.yaml:5:3",
      "ConfigMap c a.yaml:5:3",
    ]);
  });

  test("of a kind that only ends in List stay whole", async () => {
    expect(
      await objects({ "a.yaml": "apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: [1]}\n" }),
    ).toEqual(["AllowList a a.yaml:1:1"]);
  });
});

describe("problems", () => {
  test.each([
    ["values of a Helm chart", "replicas: 1\n", "NotAnObject", "no apiVersion"],
    ["no kind", "apiVersion: v1\nmetadata: {name: a}\n", "NotAnObject", "no kind"],
    ["no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", "NotAnObject", "no metadata.name"],
    ["an empty name", "apiVersion: v1\nkind: Pod\nmetadata: {name: ''}\n", "NotAnObject", "no metadata.name"],
    ["a name that is a number", "apiVersion: v1\nkind: Pod\nmetadata: {name: 1}\n", "NotAnObject", "quotes"],
    [
      "E29: generateName",
      "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: a-}\n",
      "NotAnObject",
      "generateName",
    ],
    ["a text", "hello\n", "NotAnObject", "no mapping"],
    [
      "an apiVersion that is a number",
      "apiVersion: 1\nkind: Pod\nmetadata: {name: a}\n",
      "NotAnObject",
      "apiVersion is no text",
    ],
    ["a bad item", "apiVersion: v1\nkind: List\nitems: [1]\n", "NotAnObject", "no mapping"],
    ["an empty list", "apiVersion: v1\nkind: List\nitems: []\n", "NoManifests", "no file holds an object"],
    ["comments only", "# nothing\n---\n", "NoManifests", "no file holds an object"],
    ["a duplicate key", `${web}kind: Secret\n`, "DuplicateKey", '"kind"'],
    ["a tab", "a:\n\tb: 1\n", "InvalidYAML", "valid YAML"],
  ])("%s", async (_name, text, reason, words) => {
    expect(await problems({ "d/a.yaml": text })).toMatchObject([
      { reason, message: expect.stringContaining(words), position: { file: "d/a.yaml" } },
    ]);
  });

  test("all are told, of all files, and no object goes out with them", async () => {
    const found = await problems({ "a.yaml": "x: 1\n---\ny: [\n", "b.yaml": web, "c.yaml": "z: 1\n" });
    expect(found.map(({ reason, position }) => `${reason} ${position.file}:${position.line}`)).toEqual([
      "NotAnObject a.yaml:1",
      "InvalidYAML a.yaml:4",
      "NotAnObject c.yaml:1",
    ]);
    expect(await problems({ "a.yaml": "x: 1\n---\n".repeat(50) })).toHaveLength(20);
  });

  test("a kustomization or a chart is told alone: all else would follow from it", async () => {
    const files = {
      "b/kustomization.yaml": "resources: [a.yaml]\n",
      "b/patch.yaml": "x: 1\n",
      "c/Chart.yaml": "name: c\n",
    };
    expect(await problems(files)).toMatchObject([
      {
        reason: "Unsupported",
        message: expect.stringContaining("a kustomization among"),
        position: { file: "b/kustomization.yaml" },
      },
      { reason: "Unsupported", message: expect.stringContaining("a chart among"), position: { file: "c/Chart.yaml" } },
    ]);
  });

  test("A11: many small alias bombs are a large one", async () => {
    const bomb = `${web}data: {a: &a "${"x".repeat(100_000)}", b: [${"*a,".repeat(30)}]}\n`;
    const files = Object.fromEntries(Array.from({ length: 7 }, (_, n) => [`${n}.yaml`, `${bomb}# ${n}\n`]));
    expect(await problems(files)).toMatchObject([{ reason: "TooLarge", position: { file: "5.yaml" } }]);
  });

  test("no file at all", async () => {
    expect(await problems({})).toMatchObject([{ reason: "NoManifests", message: expect.stringContaining("*.yaml") }]);
  });
});

describe("the cache", () => {
  test("parses a blob once, under any path, and forgets the oldest", async () => {
    const renderer = createYamlRenderer({ cacheBytes: web.length * 2 });
    const at = async (path: string, text: string): Promise<unknown> => {
      const result = await renderer.render(memoryRequest({ [path]: text }), never);
      if (result.kind === "Broken") throw new Error("broken");
      expect(result.objects[0]?.position.file).toBe(path);
      return result.objects[0]?.object;
    };
    const first = await at("a.yaml", web);
    expect(await at("b.yaml", web)).toBe(first);
    for (const n of [1, 2, 3]) await at("c.yaml", `${web}# ${n}\n`);
    expect(await at("a.yaml", web)).not.toBe(first);
  });

  test("an abort ends the rendering", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(createYamlRenderer().render(memoryRequest({ "a.yaml": web }), signal)).rejects.toThrow("enough");
  });
});
