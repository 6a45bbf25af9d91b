import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1ConfigMap,
  V1Deployment,
  V1Service,
  V1ServiceAccount,
} from "@kubernetes/client-node";
import { stringify } from "yaml";

/** Where Prometheus runs and from which image; the image's entry point is the prometheus program. */
export interface PrometheusOptions {
  readonly namespace: string;
  readonly image: string;
}

/** One of the objects that make up Prometheus. */
export type PrometheusObject =
  | V1ServiceAccount
  | V1ClusterRole
  | V1ClusterRoleBinding
  | V1ConfigMap
  | V1Deployment
  | V1Service;

const NAME = "prometheus";

/** A real Prometheus that scrapes every annotated pod each second, in the order to apply; it answers at `prometheus:9090`. */
export function prometheusManifests(options: PrometheusOptions): readonly PrometheusObject[] {
  return [...access(options.namespace), configMap(options.namespace), deployment(options), service(options.namespace)];
}

/** The configuration file: the usual pod discovery, and the usual `namespace` and `pod` labels. */
export function prometheusConfig(): string {
  const meta = (name: string) => `__meta_kubernetes_${name}`;
  return stringify({
    // The timeout may not exceed the interval, and its default does.
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    scrape_configs: [
      {
        job_name: "pods",
        kubernetes_sd_configs: [{ role: "pod" }],
        relabel_configs: [
          { source_labels: [meta("pod_annotation_prometheus_io_scrape")], action: "keep", regex: "true" },
          { source_labels: [meta("pod_phase")], action: "drop", regex: "Succeeded|Failed" },
          {
            // Each port of a pod is found as a target of its own; with one address for all they become one again.
            source_labels: [meta("pod_ip"), meta("pod_annotation_prometheus_io_port")],
            action: "replace",
            regex: "([^;]+);([0-9]+)",
            replacement: "$1:$2",
            target_label: "__address__",
          },
          { source_labels: [meta("namespace")], target_label: "namespace" },
          { source_labels: [meta("pod_name")], target_label: "pod" },
        ],
      },
    ],
  });
}

function access(namespace: string): [V1ServiceAccount, V1ClusterRole, V1ClusterRoleBinding] {
  // The role is not of a namespace, so its name must not meet that of another Prometheus.
  const role = `${namespace}-${NAME}-pods`;
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: NAME, namespace } },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: role },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: role },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ kind: "ServiceAccount", name: NAME, namespace }],
    },
  ];
}

function configMap(namespace: string): V1ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: NAME, namespace },
    data: { "prometheus.yml": prometheusConfig() },
  };
}

function deployment({ namespace, image }: PrometheusOptions): V1Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: NAME, namespace, labels: { app: NAME } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: NAME } },
      template: {
        metadata: { labels: { app: NAME } },
        spec: {
          serviceAccountName: NAME,
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: NAME,
              image,
              imagePullPolicy: "Never",
              args: [
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/data",
                "--storage.tsdb.retention.time=1h",
                "--web.listen-address=:9090",
              ],
              ports: [{ name: "http", containerPort: 9090 }],
              readinessProbe: { httpGet: { path: "/-/ready", port: "http" }, periodSeconds: 1 },
              resources: { requests: { cpu: "20m", memory: "64Mi" } },
              volumeMounts: [
                { name: "config", mountPath: "/etc/prometheus" },
                { name: "data", mountPath: "/data" },
              ],
            },
          ],
          volumes: [
            { name: "config", configMap: { name: NAME } },
            { name: "data", emptyDir: {} },
          ],
        },
      },
    },
  };
}

function service(namespace: string): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: NAME, namespace, labels: { app: NAME } },
    spec: { selector: { app: NAME }, ports: [{ name: "http", port: 9090, targetPort: "http" }] },
  };
}
