import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadManifests } from "./load.ts";
import { prometheusConfig, prometheusManifests } from "./prometheus.ts";
import { shopManifests, toYaml } from "./shop.ts";

test("the shop selects its own pods and tells its version", () => {
  const [deployment, service] = shopManifests({
    namespace: "shop",
    name: "web",
    image: "shop:1",
    version: "v2",
    replicas: 3,
    env: { FAILURE_RATE: "0.05" },
  });
  const template = deployment.spec?.template;
  expect(deployment.spec?.replicas).toBe(3);
  expect(template?.metadata?.labels).toEqual(deployment.spec?.selector.matchLabels);
  expect(service.spec?.selector).toEqual({ app: "web" });
  expect(template?.spec?.containers[0]?.env).toEqual([
    { name: "VERSION", value: "v2" },
    { name: "FAILURE_RATE", value: "0.05" },
  ]);
});

test("replicas that are not given are absent", () => {
  const [deployment] = shopManifests({ namespace: "shop", name: "web", image: "shop:1", version: "v1" });
  expect(deployment.spec).not.toHaveProperty("replicas");
});

test("YAML comes back as the same objects", () => {
  const objects = shopManifests({ namespace: "shop", name: "web", image: "shop:1", version: "1.0", replicas: 2 });
  const back = parseAllDocuments(toYaml(objects)).map((document): unknown => document.toJS());
  expect(back).toEqual(JSON.parse(JSON.stringify(objects)));
});

test("the load pod is not restarted and gets its target", () => {
  const [account, pod] = loadManifests({
    namespace: "shop",
    target: "http://web.shop.svc/",
    rate: 100,
    image: "load:1",
    host: "shop.example",
  });
  expect(pod.spec?.restartPolicy).toBe("Never");
  expect(pod.spec?.serviceAccountName).toBe(account.metadata?.name);
  expect(pod.spec?.containers[0]?.args).toEqual([
    "--target=http://web.shop.svc/",
    "--rate=100",
    "--keepalive=false",
    "--grpc=false",
    "--host=shop.example",
  ]);
});

test("Prometheus may read the pods that its configuration looks for", () => {
  const objects = prometheusManifests({ namespace: "monitoring", image: "example/prometheus:v3" });
  expect(objects.map((one) => one.kind)).toEqual([
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "Deployment",
    "Service",
  ]);
  expect(parse(prometheusConfig())).toMatchObject({
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [{ kubernetes_sd_configs: [{ role: "pod" }] }],
  });
});
