import { at, isObject, type JsonObject, listAt, stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";

/** The ConfigMap that those Deployments take their variables from. */
export const SETTINGS = "settings";

/** The Deployment with variables, by their name, that come from keys of the ConfigMap. */
export function configured<T extends object>(deployment: T, variables: Readonly<Record<string, string>>): T {
  const template = at(deployment, "spec", "template") as JsonObject;
  const [container] = listAt(template, "spec", "containers");
  const others = listAt(container, "env").filter((one) => variables[stringAt(one, "name") ?? ""] === undefined);
  const env = Object.entries(variables).map(([name, key]) => ({
    name,
    valueFrom: { configMapKeyRef: { name: SETTINGS, key } },
  }));
  const containers = [{ ...(isObject(container) ? container : {}), env: [...others, ...env] }];
  const spec = { ...(template["spec"] as JsonObject), containers };
  return { ...deployment, spec: { ...(at(deployment, "spec") as object), template: { ...template, spec } } };
}

/** The ConfigMap itself. */
export function settingsOf(namespace: string, data: JsonObject): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: SETTINGS, namespace }, data };
}
