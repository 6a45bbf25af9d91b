import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import { readConfig, readKustomization, secretFiles, secretLiterals } from "./kustomization.ts";

function read(document: Json): readonly string[] {
  const { references, objections } = readKustomization(document);
  return [
    ...references.map(({ wants, path, at }) => `${wants} ${path} at ${at.join(".")}`),
    ...objections.map(({ message, at }) => `! ${message} at ${at.join(".")}`),
  ];
}

describe("what a kustomization reads", () => {
  test.each<[string, Json, readonly string[]]>([
    ["nothing", { namePrefix: "a-", images: [{ name: "x", newTag: "https://no" }] }, []],
    [
      "files and directories",
      { resources: ["a.yaml", "../b"] },
      ["Either a.yaml at resources.0", "Either ../b at resources.1"],
    ],
    ["directories", { bases: ["b"], components: ["c"] }, ["Directory b at bases.0", "Directory c at components.0"]],
    [
      "plain files",
      { crds: ["c"], configurations: ["d"], openapi: { path: "o" } },
      ["File c at crds.0", "File d at configurations.0", "File o at openapi.path"],
    ],
    [
      "patches, but not those in place",
      {
        patches: [{ path: "p" }, { patch: "- op: x" }],
        patchesStrategicMerge: ["s.yaml", "kind: X\n"],
        patchesJson6902: [{ path: "j" }],
      },
      ["File p at patches.0.path", "File s.yaml at patchesStrategicMerge.0", "File j at patchesJson6902.0.path"],
    ],
    [
      "what is generated from",
      {
        configMapGenerator: [{ files: ["a", "k=b"], envs: ["e"], literals: ["x=https://no"] }],
        secretGenerator: [{ env: "s" }],
      },
      [
        "File a at configMapGenerator.0.files.0",
        "File b at configMapGenerator.0.files.1",
        "File e at configMapGenerator.0.envs.0",
        "File s at secretGenerator.0.env",
      ],
    ],
    ["nested names in any case", { patches: [{ Path: "p" }] }, ["File p at patches.0.path"]],
    ["generators and transformers", { transformers: ["t.yaml"] }, ["Config t.yaml at transformers.0"]],
  ])("%s", (_, document, expected) => {
    expect(read(document)).toEqual(expected);
  });

  test.each<[string, Json, string]>([
    ["charts", { helmCharts: [] }, "! charts in a kustomization are not rendered"],
    [
      "a field in another case",
      { Resources: ["https://h/x"] },
      '! the field "Resources" is not known; remove it at Resources',
    ],
    ["a field of every object", { constructor: 1 }, '! the field "constructor" is not known'],
    ["a path that is no text", { resources: [1] }, "! a path is a text; put it into quotes at resources.0"],
    [
      "configuration in place",
      { transformers: ["apiVersion: builtin\nkind: X\n"] },
      "! give generators and transformers a file",
    ],
    ["a list", [], "! a kustomization is a mapping"],
  ])("%s is refused", (_, document, expected) => {
    expect(read(document)).toEqual([expect.stringContaining(expected)]);
  });
});

test("only what is built into kustomize is run, with the files that it reads", () => {
  const read = (document: Json) => {
    const { references, objections } = readConfig(document);
    return [...references.map(({ path }) => path), ...objections.map(({ message }) => message.slice(0, 7))];
  };
  expect(read({ apiVersion: "builtin", kind: "PatchTransformer", path: "p" })).toEqual(["p"]);
  expect(read({ apiVersion: "builtin", kind: "PatchStrategicMergeTransformer", paths: ["a", "b"] })).toEqual([
    "a",
    "b",
  ]);
  expect(read({ apiVersion: "builtin", kind: "ReplacementTransformer", replacements: [{ path: "r" }] })).toEqual(["r"]);
  expect(read({ apiVersion: "builtin", kind: "SecretGenerator", files: ["k=s"] })).toEqual(["s"]);
  expect(read({ apiVersion: "builtin", kind: "toString" })).toEqual([]);
  expect(read({ apiVersion: "builtin", kind: "HelmChartInflationGenerator" })).toEqual(["charts "]);
  expect(read({ apiVersion: "v1", kind: "Fn" })).toEqual(["plugins"]);
});

test("what becomes a Secret is known as such", () => {
  const document = { secretGenerator: [{ literals: ["p=a=b", "broken"], files: ["k=f"], envs: ["e"] }] };
  expect(secretLiterals(document)).toEqual(["p=a=b", "a=b", "broken", "broken"]);
  expect(secretFiles(document)).toEqual(["f", "e"]);
  expect(secretLiterals({ configMapGenerator: [{ literals: ["a=b"] }] })).toEqual([]);
});
