import { at, canonical, isObject, type Json } from "../../api/json.ts";

/** How a place in an object is merged by server-side apply. */
export type Type =
  /** Replaced as a whole: a scalar, or an atomic list or map. */
  | { readonly kind: "Atom" }
  /** `fields` are the named ones; others have the type of `rest`, undefined: as it looks. */
  | { readonly kind: "Map"; readonly fields?: Readonly<Record<string, Type>>; readonly rest?: Type }
  /** Items are told apart by keys, or, without keys, by their value. A key may have a default. */
  | {
      readonly kind: "List";
      readonly keys?: readonly (readonly [name: string, fallback?: Json])[];
      readonly item?: Type;
    };

const atom: Type = { kind: "Atom" };
const texts: Type = { kind: "Map", rest: atom };
const named = (item: Readonly<Record<string, Type>>): Type => ({
  kind: "List",
  keys: [["name"]],
  item: { kind: "Map", fields: { name: atom, ...item } },
});
const struct = (fields: Readonly<Record<string, Type>>): Type => ({ kind: "Map", fields });
const atoms = (...names: readonly string[]): Readonly<Record<string, Type>> =>
  Object.fromEntries(names.map((name) => [name, atom]));

const metadata = struct({
  ...atoms("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
  ...atoms("deletionGracePeriodSeconds"),
  labels: texts,
  annotations: texts,
  finalizers: { kind: "List" },
});
const object = (fields: Readonly<Record<string, Type>>): Type =>
  struct({ ...atoms("apiVersion", "kind"), metadata, ...fields });

const container = named({
  ...atoms("image", "imagePullPolicy", "command", "args", "terminationMessagePath", "terminationMessagePolicy"),
  env: named(atoms("value")),
  ports: {
    kind: "List",
    keys: [["containerPort"], ["protocol", "TCP"]],
    item: struct(atoms("containerPort", "protocol", "name")),
  },
  resources: struct({ limits: texts, requests: texts }),
});
const podSpec = struct({
  containers: container,
  volumes: named({ emptyDir: struct(atoms("medium")), configMap: struct(atoms("name", "defaultMode")) }),
  ...atoms("restartPolicy", "terminationGracePeriodSeconds", "dnsPolicy", "schedulerName", "nodeSelector"),
  securityContext: struct(atoms("runAsUser")),
});

/** Types of the kinds that the in-memory API server knows, by `apiVersion/kind`. Any other kind is a custom one without list keys. */
const TYPES: Readonly<Record<string, Type>> = {
  "v1/ConfigMap": object({ data: texts, binaryData: texts, immutable: atom }),
  "v1/ServiceAccount": object({ automountServiceAccountToken: atom, imagePullSecrets: atom, secrets: named({}) }),
  "v1/Namespace": object({ spec: struct({ finalizers: atom }), status: struct(atoms("phase")) }),
  "v1/Service": object({
    spec: struct({
      ports: {
        kind: "List",
        keys: [["port"], ["protocol", "TCP"]],
        item: struct(atoms("name", "port", "protocol", "targetPort")),
      },
      ...atoms("selector", "type", "clusterIP", "clusterIPs", "sessionAffinity", "ipFamilies", "ipFamilyPolicy"),
      ...atoms("internalTrafficPolicy", "publishNotReadyAddresses"),
    }),
    status: struct({ loadBalancer: struct({}) }),
  }),
  "apps/v1/Deployment": object({
    spec: struct({
      ...atoms("replicas", "selector", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds", "paused"),
      strategy: struct({ type: atom, rollingUpdate: struct(atoms("maxSurge", "maxUnavailable")) }),
      template: struct({ metadata: struct({ labels: texts, annotations: texts }), spec: podSpec }),
    }),
    status: struct({
      ...atoms("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
      conditions: { kind: "List", keys: [["type"]], item: struct(atoms("type", "status", "reason", "message")) },
    }),
  }),
};

/** A custom kind: its fields are merged as they look. */
const CUSTOM: Type = object({});

/** The type of a kind. */
export function typeOf(apiVersion: string, kind: string): Type {
  return TYPES[`${apiVersion}/${kind}`] ?? CUSTOM;
}

/** The type of a member of a map. */
export function memberType(type: Type & { kind: "Map" }, name: string, value: Json): Type {
  const named = type.fields !== undefined && Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
  if (named !== undefined) return named;
  if (type.rest !== undefined) return type.rest;
  return isObject(value) ? { kind: "Map" } : atom;
}

/** The step in a path that stands for an item of a list. */
export function itemKey(item: Json, { keys }: Type & { kind: "List" }): string {
  if (keys === undefined) return `v:${canonical(item)}`;
  const values = keys.map(([name, fallback]) => [name, at(item, name) ?? fallback] as const);
  return `k:${canonical(Object.fromEntries(values.filter(([, value]) => value !== undefined)))}`;
}
