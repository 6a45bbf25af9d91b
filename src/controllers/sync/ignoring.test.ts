import { expect, test } from "vitest";
import { createYamlRenderer } from "../../adapters/render/yaml.ts";
import { memoryRequest, memoryTree } from "../../testing/memoryTree.ts";
import { ignoring } from "./ignoring.ts";

const { signal } = new AbortController();
const web = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n";

async function rendered(files: Readonly<Record<string, string>>, patterns: readonly string[] = [], path = "deploy") {
  const tree = await ignoring(memoryTree(files), path, patterns, signal);
  const result = await createYamlRenderer().render({ ...memoryRequest(files, path), tree }, signal);
  if (result.kind === "Rendered") return result.objects.map(({ position }) => position.file);
  return result.problems.map(({ position, message }) => `${position.file}:${position.line} ${message}`);
}

const app = { "deploy/web.yaml": web, "deploy/values.yaml": "replicas: 1\n", "deploy/old/kustomization.yaml": "" };

test("E30: what is no Kubernetes object is refused with its file and the way out, and left out by rule", async () => {
  expect(await rendered({ "deploy/web.yaml": web, "deploy/values.yaml": "# v\nreplicas: 1\n" })).toEqual([
    expect.stringMatching(/^deploy\/values\.yaml:2 .*no Kubernetes object; .*\.fairleadignore/),
  ]);
  expect(await rendered({ ...app, "deploy/.fairleadignore": "values.yaml\nold/\n" })).toEqual(["deploy/web.yaml"]);
  expect(await rendered(app, ["/values.yaml", "old"])).toEqual(["deploy/web.yaml"]);
});

test("E30: a file further down outranks one above it, and the spec both", async () => {
  const files = {
    "deploy/a/x.yaml": web,
    "deploy/a/y.yaml": web,
    "deploy/.fairleadignore": "*.yaml\n",
    "deploy/a/.fairleadignore": "!x.yaml\n!y.yaml\n",
  };
  expect(await rendered(files)).toEqual(["deploy/a/x.yaml", "deploy/a/y.yaml"]);
  expect(await rendered(files, ["y.yaml"])).toEqual(["deploy/a/x.yaml"]);
});

test("patterns count from the path, and say nothing of what is beside it", async () => {
  const files = { "a/deploy/x.yaml": web, "a/x.yaml": "broken: [", "a/.fairleadignore": "x.yaml" };
  expect(await rendered(files, ["/deploy/x.yaml"], "a/deploy")).toEqual(["a/deploy/x.yaml"]);
});

test("too many patterns are refused", async () => {
  const many = { ...app, "deploy/.fairleadignore": "a\n".repeat(501) };
  await expect(rendered(many)).rejects.toThrow("501 patterns, more than 500");
});
