import type { Manifest, Metadata } from "../../src/api/objects.ts";

const STORE = "/var/lib/fairlead";

/** The operator's Deployment: two replicas of which one leads, without any privilege on its node. */
export function operatorDeployment(
  metadata: Metadata,
  selector: Readonly<Record<string, string>>,
  image: string,
  namespace: string,
): Manifest {
  const probe = (path: string, periodSeconds: number) => ({
    httpGet: { path, port: "http" },
    periodSeconds,
    timeoutSeconds: 5,
    failureThreshold: 3,
  });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas: 2,
      selector: { matchLabels: selector },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: metadata.labels },
        spec: {
          serviceAccountName: metadata.name,
          // Time to finish the calls under way and to hand the lease over.
          terminationGracePeriodSeconds: 30,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            seccompProfile: { type: "RuntimeDefault" },
          },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: selector },
            },
          ],
          containers: [
            {
              name: "fairlead",
              image,
              imagePullPolicy: "IfNotPresent",
              args: [
                "run",
                "--store",
                STORE,
                "--listen",
                ":8080",
                "--lease-namespace",
                namespace,
                "--git-addresses",
                "private",
              ],
              // The heap grows up to three quarters of the memory limit; the rest is for buffers and git.
              env: [{ name: "NODE_OPTIONS", value: "--max-old-space-size-percentage=75" }],
              ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
              livenessProbe: probe("/healthz", 10),
              readinessProbe: probe("/readyz", 5),
              resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1Gi" } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [
                { name: "store", mountPath: STORE },
                { name: "tmp", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [
            { name: "store", emptyDir: { sizeLimit: "4Gi" } },
            { name: "tmp", emptyDir: { sizeLimit: "512Mi" } },
          ],
        },
      },
    },
  };
}
