import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeAddress } from "./claims.ts";
import { type Component, type Place, startComponent } from "./components.ts";
import { containerdSocket, podRange } from "./containerd.ts";
import { dnsServiceAddress } from "./dns.ts";

/** Name of the one node. */
export const nodeName = "node";

/** Starts the kubelet, which registers the node. */
export function startKubelet(place: Place, kubelet: string, kubeconfig: string, cgroupRoot: string): Component {
  const { directory, slot } = place.claim;
  const config = join(directory, "kubelet.json");
  mkdirSync(join(directory, "kubelet"), { recursive: true });
  writeFileSync(config, JSON.stringify(kubeletConfig(directory, nodeAddress(slot), cgroupRoot), null, 2));
  return startComponent(place, "kubelet", [
    kubelet,
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${join(directory, "kubelet")}`,
    `--cert-dir=${join(directory, "kubelet", "pki")}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${nodeAddress(slot)}`,
  ]);
}

/** Starts kube-proxy, which makes Services reachable. */
export function startProxy(place: Place, proxy: string, kubeconfig: string): Component {
  return startComponent(place, "kube-proxy", [
    proxy,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--cluster-cidr=${podRange}`,
    "--proxy-mode=iptables",
    "--nodeport-addresses=primary",
    "--iptables-min-sync-period=100ms",
    "--conntrack-max-per-core=0", // a limit of the whole machine: not ours to set
  ]);
}

function kubeletConfig(directory: string, address: string, cgroupRoot: string): object {
  const resolvConf = join(directory, "resolv.conf");
  writeFileSync(resolvConf, `nameserver ${address}\n`);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    // Only this machine and the cluster's own pods reach the kubelet; the API server comes without a certificate.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    cgroupRoot,
    clusterDNS: [dnsServiceAddress],
    clusterDomain: "cluster.local",
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    evictionHard: { "memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    failCgroupV1: false,
    failSwapOn: false,
    fileCheckFrequency: "1h",
    imageGCHighThresholdPercent: 100,
    imageMaximumGCAge: "0s",
    kubeAPIQPS: 100,
    kubeAPIBurst: 200,
    maxPods: 250,
    podLogsDir: join(directory, "pod-logs"),
    registerNode: true,
    resolvConf,
    volumePluginDir: join(directory, "volume-plugins"),
  };
}
