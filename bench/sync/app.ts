import type { Manifest } from "../../src/api/objects.ts";

/** Objects that one app consists of. */
export const OBJECTS_PER_APP = 4;

/** The manifests of one app, as a template of a platform team would make them; `image` is what a release changes. */
export function appObjects(name: string, image = "registry.example.com/app:1"): readonly Manifest[] {
  const labels = { "app.kubernetes.io/name": name };
  const resources = { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "128Mi" } };
  const ports = [{ name: "http", containerPort: 8080 }];
  const container = { name: "app", image, ports, resources, readinessProbe: { httpGet: { path: "/", port: "http" } } };
  const backend = { service: { name, port: { name: "http" } } };
  const http = { paths: [{ path: "/", pathType: "Prefix", backend }] };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, labels } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, labels },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { serviceAccountName: name, containers: [container] } },
      },
    },
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name, labels },
      spec: { rules: [{ host: `${name}.example.com`, http }] },
    },
  ];
}

/** Names of apps: `app-000` and so on. */
export function appNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `app-${String(index).padStart(3, "0")}`);
}
