import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeAddress } from "./claims.ts";
import { type Component, type Place, startComponent } from "./components.ts";
import { type Access, create } from "./rest.ts";

/** Service address under which pods find the name server. */
export const dnsServiceAddress = "10.96.0.10";

const ports = [
  { name: "dns", protocol: "UDP", port: 53 },
  { name: "dns-tcp", protocol: "TCP", port: 53 },
];

/** Starts CoreDNS as a process on the node (no image needed) and makes the `kube-dns` Service lead to it. */
export async function startDns(place: Place, coredns: string, kubeconfig: string, access: Access): Promise<Component> {
  const address = nodeAddress(place.claim.slot);
  const corefile = join(place.claim.directory, "Corefile");
  writeFileSync(corefile, corefileText(address, kubeconfig));
  const component = startComponent(place, "coredns", [coredns, "-conf", corefile]);
  await create(access, "/api/v1/namespaces/kube-system/services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kube-dns", labels: { "k8s-app": "kube-dns" } },
    spec: { clusterIP: dnsServiceAddress, ports },
  });
  await create(access, "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "kube-dns-node", labels: { "kubernetes.io/service-name": "kube-dns" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports,
  });
  return component;
}

function corefileText(address: string, kubeconfig: string): string {
  return `.:53 {
    bind ${address}
    errors
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa {
        kubeconfig ${kubeconfig}
        pods insecure
        ttl 1
    }
}
`;
}
