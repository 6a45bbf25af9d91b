// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are content of manifests.

import { describe, expect, test } from "vitest";
import type { Json } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";
import { conceal, contentOf } from "./confidential.ts";
import { substitute } from "./substitute.ts";
import type { Variable } from "./variables.ts";

const position = { file: "deploy/a.yaml", line: 3, column: 1 };
const declared = new Map<string, Variable>([
  ["name", { value: "web" }],
  ["replicas", { value: "3" }],
  ["lines", { value: "a: 1\n- b\n" }],
  ["empty", { value: "" }],
  ["password", { value: "hunter22", secret: "SecretsOnly" }],
  ["shown", { value: "shown-to-all", secret: "Anywhere" }],
]);

function object(more: Readonly<Record<string, Json>>, kind = "Deployment", annotations = {}): Manifest {
  return { apiVersion: kind === "Deployment" ? "apps/v1" : "v1", kind, metadata: { name: "a", annotations }, ...more };
}

function outcome(one: Manifest, variables: ReadonlyMap<string, Variable> = declared) {
  const done = substitute([{ object: one, position }], variables);
  return done.kind === "Substituted" ? done.objects[0]?.object : done.problems;
}

const spec = (value: Json, variables?: ReadonlyMap<string, Variable>) => {
  const done = outcome(object({ spec: value }), variables);
  return Array.isArray(done) ? done : (done as Manifest)["spec"];
};
const message = (text: string) => expect.objectContaining({ message: expect.stringContaining(text) });

describe("texts", () => {
  test.each<[string, Json, Json]>([
    ["a text as a whole", "${name}", "web"],
    ["a part", "a-${name}-${replicas}", "a-web-3"],
    ["a default", "${other:=x y}", "x y"],
    ["a default of nothing", "${other:=}", ""],
    ["a value where there is a default", "${name:=x}", "web"],
    ["an empty value, not the default", "${empty:=x}", ""],
    ["in lists and mappings", [{ a: ["${name}"] }], [{ a: ["web"] }]],
    ["an escape", "$${name} $${name:=x}", "${name} ${name:=x}"],
    [
      "what is no variable",
      "${a.b} ${a-b} $name $(name) ${name:-x} ${name%%x} ${}",
      "${a.b} ${a-b} $name $(name) ${name:-x} ${name%%x} ${}",
    ],
    ["keys stay", { "${name}": "${name}" }, { "${name}": "web" }],
    ["an integer", "${replicas:int}", 3],
    ["an integer by default", "${other:int:=5}", 5],
    ["a boolean", "${other:bool:=false}", false],
    ["a number", "${other:number:=2.5}", 2.5],
    ["64 bits", "${other:int:=9223372036854775807}", 9223372036854775807n],
  ])("%s", (_, before, after) => {
    expect(spec(before)).toEqual(after);
  });

  test.each(["yes", "0999991", "71111111117", "2.4", "1e3", "0x10", "~", "null", "true", "a: 1\n- b\n", "{}", "12:30"])(
    "E35: the value %j stays text, in the spec and in annotations",
    (value) => {
      const one = object({ spec: { a: "${v}", b: "x ${v}" } }, "Deployment", { c: "${v}" });
      const done = outcome(one, new Map([["v", { value }]])) as Manifest;
      expect(done["spec"]).toEqual({ a: value, b: `x ${value}` });
      expect(done.metadata.annotations).toEqual({ c: value });
    },
  );

  test.each([
    ["no value", "${other}", "at spec: ${other} has no value; declare it"],
    ["a type within a text", "a ${replicas:int}", "let it stand alone"],
    ["a value of another type", "${name:int}", "is not an integer"],
    ["an integer that is too large", "${other:int:=9223372036854775808}", "is not an integer"],
    ["an octal", "${other:int:=0777}", "is not an integer"],
    ["yes for a boolean", "${other:bool:=yes}", "is not true or false"],
  ])("%s is refused with its place", (_, before, says) => {
    expect(spec(before)).toEqual([{ reason: "SubstitutionFailed", position, message: expect.stringContaining(says) }]);
  });

  test("a set that grows without bounds is refused", () => {
    const large = new Map<string, Variable>([["v", { value: "x".repeat(16_384) }]]);
    expect(spec("${v}".repeat(2000), large)).toEqual([expect.objectContaining({ reason: "TooLarge" })]);
  });
});

describe("E36: what holds scripts", () => {
  const script = "echo ${name} $${name} ${other} ${other:=x} \\\\\\ ${A%%/*}\n";
  const crd: Manifest = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "a" },
    spec: { pattern: "^\\\\\\${name}$" },
  };

  test.each([
    ["a ConfigMap's data", object({ data: { run: script }, binaryData: { b: "${name}" } }, "ConfigMap")],
    ["a Secret's data", object({ data: { run: script }, stringData: { run: script } }, "Secret")],
    ["a CRD", crd],
    ["what says so", object({ spec: script }, "Deployment", { "fairlead.dev/substitute": "disabled", x: "${name}" })],
  ])("%s stays as it is", (_, one) => {
    expect(outcome(one)).toEqual(one);
  });

  test("is replaced where it is asked for; the metadata always", () => {
    const asked = { "fairlead.dev/substitute": "enabled" };
    const done = outcome(object({ data: { a: "${name} $${name}" } }, "ConfigMap", asked)) as Manifest;
    expect(done["data"]).toEqual({ a: "web ${name}" });
    const labelled = outcome({ ...object({ data: { a: "${name}" } }, "ConfigMap"), metadata: { name: "${name}" } });
    expect(labelled).toMatchObject({ metadata: { name: "web" }, data: { a: "${name}" } });
  });
});

describe("A16: values of Secrets", () => {
  test("go into Secrets only, unless the spec says so, and no message holds them", () => {
    expect(spec("${password}")).toEqual([message("comes from a Secret")]);
    expect(JSON.stringify(spec("${password:int}"))).not.toContain("hunter22");
    expect(spec("${shown}")).toBe("shown-to-all");
    const asked = { "fairlead.dev/substitute": "enabled" };
    const secret = object({ stringData: { p: "${password}", n: "${name}" } }, "Secret", asked);
    const done = substitute([{ object: secret, position }], declared);
    expect(done).toMatchObject({
      kind: "Substituted",
      objects: [{ object: { stringData: { p: "hunter22", n: "web" } }, confidential: ["hunter22"] }],
    });
  });

  test("E39: are masked in what servers say", () => {
    const secret = object(
      { data: { a: "c2VjcmV0LXZhbHVl", b: "not base64" }, stringData: { c: "two\nlines!", d: "abc" } },
      "Secret",
    );
    const decode = (text: string) => (text.includes(" ") ? undefined : Buffer.from(text, "base64").toString());
    const encode = (text: string) => Buffer.from(text).toString("base64");
    const content = contentOf(secret, ["put-in-value"], { encode, decode });
    const said =
      'bad: "c2VjcmV0LXZhbHVl", secret-value, not base64, two\\nlines!, lines!, "abc", abcdef, put-in-value, cHV0LWluLXZhbHVl';
    expect(conceal(said, content)).toBe('bad: "***", ***, ***, ***, ***, "***", abcdef, ***, ***');
  });
});

test("A12: keys such as __proto__ pass through", () => {
  const value = JSON.parse('{"__proto__": {"a": "${name}"}, "constructor": "${name}"}') as Json;
  expect(JSON.stringify(spec(value))).toBe('{"__proto__":{"a":"web"},"constructor":"web"}');
});
