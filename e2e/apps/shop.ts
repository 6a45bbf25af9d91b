import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { stringify } from "yaml";

/** What the shop's environment can set; see e2e/apps/go/cmd/shop/config.go. */
export interface ShopEnv {
  readonly FAILURE_RATE?: string;
  readonly DELAY?: string;
  readonly READY_DELAY?: string;
  readonly FAIL_READY?: "true" | "false";
  readonly EXIT_AT_ONCE?: "true" | "false";
  readonly GRACE?: string;
}

/** One version of the shop, as a developer would have it in Git. */
export interface ShopOptions {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly replicas?: number;
  readonly env?: ShopEnv;
  /** The reference of the shop's image: `appImages()` gives it. */
  readonly image: string;
}

/** The Deployment and the Service of one version of the shop, in the order to apply them. */
export function shopManifests(options: ShopOptions): [V1Deployment, V1Service] {
  return [shopDeployment(options), shopService(options)];
}

function shopDeployment({ namespace, name, version, replicas, env, image }: ShopOptions): V1Deployment {
  const variables = Object.entries({ VERSION: version, ...env }).map(([key, value]) => ({ name: key, value }));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      // Absent, not 1: whether replicas is in Git decides who owns it.
      ...(replicas === undefined ? {} : { replicas }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: {
          labels: { app: name },
          annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
        },
        spec: {
          terminationGracePeriodSeconds: 15,
          containers: [
            {
              name: "shop",
              image,
              imagePullPolicy: "Never",
              ports: [{ name: "http", containerPort: 8080 }],
              env: variables,
              readinessProbe: { httpGet: { path: "/readyz", port: "http" }, periodSeconds: 1 },
              resources: { requests: { cpu: "5m", memory: "8Mi" } },
            },
          ],
        },
      },
    },
  };
}

function shopService({ namespace, name }: ShopOptions): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: { app: name } },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
  };
}

/** Writes objects as the documents of one YAML file, as they would stand in a Git repository. */
export function toYaml(objects: readonly object[]): string {
  return objects.map((one) => stringify(one, { aliasDuplicateObjects: false })).join("---\n");
}
