import { crdFileName, customResourceDefinition, RESOURCES } from "../../src/api/crd.ts";
import { installation, installedCrds, ownRights, secretCopies } from "./install.ts";
import { fieldReference, reasonReference } from "./reference.ts";
import { type ExplainedRule, LEASE_RULES, OPERATOR_RULES, READER_RULES, SECRET_COPY_RULES } from "./rules.ts";
import { commentedList, toYaml, YAML_HEADER, yamlFile, yamlStream } from "./yaml.ts";

const CHART = "charts/fairlead";

/** Every generated file by its path from the repository's root, with its whole content. */
export function outputs(version: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const installed = installedCrds();
  for (const [index, resource] of RESOURCES.entries()) {
    const crd = installed[index];
    if (crd === undefined) throw new Error(`${resource.kind} is not installed`);
    files.set(`crds/${crdFileName(resource)}`, yamlFile(customResourceDefinition(resource)));
    files.set(`${CHART}/files/crds/${crdFileName(resource)}`, yamlFile(crd));
    files.set(`docs/reference/${resource.kind.toLowerCase()}.md`, fieldReference(resource));
  }
  files.set("docs/reference/reasons.md", reasonReference());
  files.set("manifests/install.yaml", yamlStream(installation(version)));
  files.set("manifests/syncs-use-own-rights.yaml", yamlStream(ownRights(version)));
  files.set("manifests/copy-secrets.yaml", yamlStream(secretCopies(version)));
  files.set(`${CHART}/files/rules/operator.yaml`, ruleFile(OPERATOR_RULES));
  files.set(`${CHART}/files/rules/reader.yaml`, ruleFile(READER_RULES));
  files.set(`${CHART}/files/rules/secret-copies.yaml`, ruleFile(SECRET_COPY_RULES));
  files.set(`${CHART}/files/rules/leases.yaml`, ruleFile(LEASE_RULES));
  files.set(`${CHART}/Chart.yaml`, `${YAML_HEADER}${toYaml(chart(version))}`);
  return files;
}

function ruleFile(rules: readonly ExplainedRule[]): string {
  return YAML_HEADER + commentedList(rules.map(({ why, ...value }) => ({ why, value })));
}

function chart(version: string): object {
  return {
    apiVersion: "v2",
    name: "fairlead",
    description: "Applies what Git says, step by step, judged by health signals; a revert is the rollback.",
    type: "application",
    version,
    appVersion: version,
    kubeVersion: ">=1.31.0-0",
    keywords: ["gitops", "progressive-delivery", "canary", "operator"],
    annotations: { "artifacthub.io/license": "Apache-2.0", "artifacthub.io/operator": "true" },
  };
}
