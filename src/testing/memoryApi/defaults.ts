import { isObject, type Json, type JsonObject, listAt, stringAt } from "../../api/json.ts";
import type { Manifest } from "../../api/objects.ts";

/** Sets what the API server sets where nobody has: the part of the defaults that objects of tests meet. */
export function defaulted(object: Manifest): Manifest {
  const { apiVersion, kind } = object;
  if (apiVersion === "apps/v1" && kind === "Deployment")
    return { status: {}, ...object, spec: deploymentSpec(map(object["spec"])) };
  if (apiVersion === "v1" && kind === "Service")
    return { status: { loadBalancer: {} }, ...object, spec: serviceSpec(map(object["spec"])) };
  if (apiVersion === "v1" && kind === "Namespace") {
    const labels = { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name };
    const spec = { finalizers: ["kubernetes"], ...map(object["spec"]) };
    return {
      ...object,
      metadata: { ...object.metadata, labels },
      spec,
      status: { phase: "Active", ...map(object["status"]) },
    };
  }
  return object;
}

function deploymentSpec(spec: JsonObject): JsonObject {
  const strategy = map(spec["strategy"]);
  const rolling = { maxUnavailable: "25%", maxSurge: "25%", ...map(strategy["rollingUpdate"]) };
  const type = strategy["type"] ?? "RollingUpdate";
  return {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
    strategy: type === "RollingUpdate" ? { type, rollingUpdate: rolling } : { ...strategy, type },
    template: { ...map(spec["template"]), spec: podSpec(map(map(spec["template"])["spec"])) },
  };
}

function podSpec(spec: JsonObject): JsonObject {
  const volumes = list(spec["volumes"]).map((volume) => {
    const { configMap } = map(volume);
    return configMap === undefined ? volume : { ...map(volume), configMap: { defaultMode: 420, ...map(configMap) } };
  });
  return {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
    ...spec,
    containers: list(spec["containers"]).map((container) => ({
      resources: {},
      terminationMessagePath: "/dev/termination-log",
      terminationMessagePolicy: "File",
      imagePullPolicy: pullPolicy(stringAt(container, "image") ?? ""),
      ...map(container),
      ...("ports" in map(container) ? { ports: protocols(listAt(container, "ports")) } : {}),
    })),
    ...("volumes" in spec ? { volumes } : {}),
  };
}

function pullPolicy(image: string): string {
  return /:(?!latest$)[^/]+$/.test(image) ? "IfNotPresent" : "Always";
}

function serviceSpec(spec: JsonObject): JsonObject {
  const ports = protocols(list(spec["ports"])).map((port) => ({ targetPort: map(port)["port"] ?? null, ...map(port) }));
  return { type: "ClusterIP", sessionAffinity: "None", internalTrafficPolicy: "Cluster", ...spec, ports };
}

function protocols(ports: readonly Json[]): readonly Json[] {
  return ports.map((port) => ({ protocol: "TCP", ...map(port) }));
}

function map(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
