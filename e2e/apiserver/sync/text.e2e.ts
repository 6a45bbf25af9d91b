// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are content of manifests.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringAt } from "../../../src/api/json.ts";
import { until } from "../../apps/until.ts";
import { openPlaneScene, type PlaneScene } from "../../harness/planeScene.ts";

const CANARY = "c4nary-5ubst1tuted";
/** Values that YAML would take for something else. */
const odd = ["yes", "0999991", "71111111117", "2.4", "1e3", "0x10", "~", "a: 1\n- b\n"];
const script = 'echo ${NAME} $${NAME} "${X:=y}" \\\\\\ ${A%%/*}\n';

const files = {
  "odd.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: odd
  annotations: { ${odd.map((_, n) => `v${n}: "\${ODD_${n}}"`).join(", ")} }
data: { run: ${JSON.stringify(script)} }
`,
  "asked.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: asked, annotations: { fairlead.dev/substitute: enabled } }
data: { name: "\${NAME}", text: "$\${NAME}" }
`,
  "secret.yaml": `apiVersion: v1
kind: Secret
metadata: { name: filled, annotations: { fairlead.dev/substitute: enabled } }
stringData: { password: "\${PASSWORD}" }
`,
  "web.yaml": `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: "\${APP:=web}" }
  ports: [{ name: http, port: "\${PORT:int}" }]
`,
  "keys.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: keys, labels: { constructor: a, prototype: b } }
data: { __proto__: one, constructor: two, prototype: three, toString: four }
`,
};

let scene: PlaneScene;

beforeAll(async () => {
  scene = await openPlaneScene();
});

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]();
});

/** Every place where a person may look. */
async function shown(): Promise<readonly string[]> {
  return [
    await scene.operator.logs(),
    await scene.operator.metrics(),
    JSON.stringify(await scene.kube.list("fairlead.dev/v1alpha1", "GitSync")),
    JSON.stringify(await scene.kube.list("v1", "Event")),
  ];
}

it("E35, E36, A12, A16: puts values into manifests: texts stay texts, scripts stay scripts, Secrets stay secret", async () => {
  const namespace = await scene.namespace("text");
  const of = (kind: string, name: string) => ({ apiVersion: "v1", kind, namespace, name });
  const put = (kind: string, name: string, more: object) =>
    scene.kube.apply({ apiVersion: "v1", kind, metadata: { name, namespace }, ...more });
  await put("ConfigMap", "values", { data: { NAME: "shop", PORT: "8080", "not-a.name": "x" } });
  await put("Secret", "hidden", { stringData: { PASSWORD: CANARY } });
  const values = Object.fromEntries(odd.map((value, n) => [`ODD_${n}`, value]));
  const from = [
    { kind: "ConfigMap", name: "values" },
    { kind: "Secret", name: "hidden" },
    { kind: "ConfigMap", name: "absent", optional: true },
  ];
  // After the first look only a changed value brings the next one.
  const project = await scene.project({ namespace, files, spec: { interval: "1h", substitute: { values, from } } });
  await project.untilApplied(await project.copy.head());

  const live = await scene.kube.get(of("ConfigMap", "odd"));
  expect(odd.map((_, n) => stringAt(live, "metadata", "annotations", `v${n}`))).toEqual(odd);
  expect(stringAt(live, "data", "run")).toBe(script);
  expect((await scene.kube.get(of("ConfigMap", "asked")))["data"]).toEqual({ name: "shop", text: "${NAME}" });
  const secret = await scene.kube.get(of("Secret", "filled"));
  expect(Buffer.from(stringAt(secret, "data", "password") ?? "", "base64").toString()).toBe(CANARY);
  const web = await scene.kube.get(of("Service", "web"));
  expect(web["spec"]).toMatchObject({ selector: { app: "web" }, ports: [{ port: 8080 }] });
  const keys = await scene.kube.get(of("ConfigMap", "keys"));
  expect(JSON.stringify(keys["data"])).toBe(
    '{"__proto__":"one","constructor":"two","prototype":"three","toString":"four"}',
  );
  expect(keys.metadata.labels).toMatchObject({ constructor: "a", prototype: "b" });

  await scene.kube.patch(of("ConfigMap", "values"), { data: { NAME: "market" } });
  const changed = await scene.kube.waitFor(
    of("ConfigMap", "asked"),
    "the new value",
    (now) => stringAt(now, "data", "name") === "market",
  );
  expect(stringAt(changed, "data", "text")).toBe("${NAME}");

  await project.change({ interval: "1s" });
  await project.push("Show it", {
    "keys.yaml": files["keys.yaml"].replace("labels: {", "labels: { p: '${PASSWORD}', "),
  });
  const message = await project.untilReady("False", "SubstitutionFailed", "deploy/keys.yaml:1:1");
  expect(message).toContain("comes from a Secret");
  await project.push("Misspell it", {
    "keys.yaml": files["keys.yaml"].replace("labels: {", "labels: { p: '${NMAE}', "),
  });
  expect(await project.untilReady("False", "SubstitutionFailed", "NMAE")).toContain("declare it in spec.substitute");
  await project.untilApplied(await project.push("Mend it", { "keys.yaml": files["keys.yaml"] }));

  await scene.kube.delete(of("ConfigMap", "values"));
  const missing = await project.untilReady("False", "ValuesMissing", "ConfigMap");
  expect(missing).toContain(`${namespace}/values of spec.substitute does not exist; create it`);
  // What was applied stays.
  await scene.kube.get(of("ConfigMap", "asked"));
});

it("E39: decrypts what sops encrypted, and never applies cipher text or shows a word of it", async () => {
  const testdata = new URL("../../../src/adapters/render/testdata/sops/", import.meta.url);
  const text = readFileSync(new URL("secret.yaml", testdata), "utf8");
  const agekey = readFileSync(new URL("test.agekey", testdata), "utf8");
  const project = await scene.project({ name: "sops", files: { "db.yaml": text }, spec: { interval: "1h" } });
  const message = await project.untilReady("False", "DecryptionFailed", "deploy/db.yaml:1:1");
  expect(message).toContain("spec.decryption.secretRef");
  expect(await scene.kube.find(project.refTo("v1", "Secret", "db"))).toBeUndefined();

  await project.change({ decryption: { secretRef: { name: "sops-age" } } });
  await project.untilReady("False", "SecretMissing", "create it");
  const { namespace } = project;
  const metadata = { name: "sops-age", namespace };
  await scene.kube.apply({ apiVersion: "v1", kind: "Secret", metadata, stringData: { "test.agekey": agekey } });
  await project.untilApplied(await project.copy.head());
  const live = await scene.kube.get(project.refTo("v1", "Secret", "db"));
  expect(Buffer.from(stringAt(live, "data", "password") ?? "", "base64").toString()).toBe("pl4in-t3xt");

  await project.change({ interval: "1s" });
  await project.push("Change it by hand", { "db.yaml": text.replace("name: db", "name: dc") });
  await project.untilReady("False", "DecryptionFailed", "the MAC differs");
  expect(await scene.kube.find(project.refTo("v1", "Secret", "dc"))).toBeUndefined();
  const key = /AGE-SECRET-KEY-\S+/.exec(agekey)?.[0] ?? "";
  for (const place of await shown()) {
    for (const hidden of ["pl4in-t3xt", Buffer.from("pl4in-t3xt").toString("base64"), key]) {
      expect(place).not.toContain(hidden);
    }
  }
});

it("E39: what a policy quotes of a Secret is masked", async () => {
  const meta = { name: "quotes-secrets.example.com" };
  const admission = "admissionregistration.k8s.io/v1";
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["secrets"] }];
  await scene.kube.apply({
    apiVersion: admission,
    kind: "ValidatingAdmissionPolicy",
    metadata: meta,
    spec: {
      failurePolicy: "Fail",
      matchConstraints: { resourceRules: rules },
      matchConditions: [{ name: "named", expression: "object.metadata.name == 'quoted'" }],
      validations: [{ expression: "false", messageExpression: "'it holds ' + string(object.data['key'])" }],
    },
  });
  await scene.kube.apply({
    apiVersion: admission,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: meta,
    spec: { policyName: meta.name, validationActions: ["Deny"] },
  });
  const namespace = await scene.namespace("quoted");
  const quoted = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "quoted", namespace },
    stringData: { key: "a" },
  };
  await until("the policy is in force", async () => {
    try {
      await scene.kube.create(quoted);
    } catch (error) {
      return String(error).includes("it holds");
    }
    await scene.kube.delete({ apiVersion: "v1", kind: "Secret", namespace, name: "quoted" });
    return undefined;
  });
  const text = `apiVersion: v1\nkind: Secret\nmetadata: { name: quoted }\nstringData: { key: ${CANARY}-quoted }\n`;
  const project = await scene.project({ namespace, files: { "secret.yaml": text } });
  const message = await project.untilReady("False", "ApplyFailed", "it holds");
  expect(message).toContain("***");
  for (const place of await shown()) {
    expect(place).not.toContain(CANARY);
    expect(place).not.toContain(Buffer.from(`${CANARY}-quoted`).toString("base64").slice(0, 20));
  }
});
