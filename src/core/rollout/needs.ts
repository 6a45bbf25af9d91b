import { at, type Json, listAt, stringAt } from "../../api/json.ts";
import type { ObjectRef } from "../../api/objects.ts";
import { configUses } from "./configUses.ts";

/** Tells whether pods of a template, in the namespace of the object, cannot start without the object. */
export function needs(template: Json | undefined, { apiVersion, kind, name }: ObjectRef): boolean {
  if (apiVersion !== "v1") return false;
  const spec = at(template, "spec");
  const named = (list: string, ...path: readonly string[]) =>
    listAt(spec, list).some((one) => stringAt(one, ...path) === name);
  switch (kind) {
    case "ConfigMap":
      return configUses(template).some((use) => use.kind === kind && use.name === name);
    case "Secret":
      return (
        named("imagePullSecrets", "name") || configUses(template).some((use) => use.kind === kind && use.name === name)
      );
    case "PersistentVolumeClaim":
      return named("volumes", "persistentVolumeClaim", "claimName");
    case "ServiceAccount":
      return stringAt(spec, "serviceAccountName") === name;
    default:
      return false;
  }
}
