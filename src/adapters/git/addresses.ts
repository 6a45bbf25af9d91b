import { BlockList, isIP } from "node:net";

/** Where an address leads: to anyone, to a network of one's own, or to this machine, its link and its cloud. */
export type Reach = "Public" | "Private" | "Local";

type Range = readonly [network: string, prefix: number];

/** This machine, its link, multicast, and what is reserved; among them every metadata service of a cloud. */
const localRanges: readonly Range[] = [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  // Metadata services outside of the link-local range: of Alibaba Cloud, and Azure's host.
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["::", 128],
  ["::1", 128],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
  ["fd00:ec2::", 32],
  // Tunnels that carry an IPv4 address of somebody's choice.
  ["2001::", 32],
  ["2002::", 16],
];
const privateRanges: readonly Range[] = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["198.18.0.0", 15],
  ["fc00::", 7],
];
const [local, own] = [listOf(localRanges), listOf(privateRanges)];

/** Tells where an IP address leads; what is no address counts as Local, the strictest. */
export function reachOf(address: string): Reach {
  const version = isIP(address);
  if (version === 0) return "Local";
  const family = version === 4 ? "ipv4" : "ipv6";
  if (local.check(address, family)) return "Local";
  return own.check(address, family) ? "Private" : "Public";
}

/** An IPv4 address counts in each of its IPv6 clothes: mapped (by BlockList itself), compatible, and behind NAT64. */
function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) {
    if (isIP(network) === 6) {
      list.addSubnet(network, prefix, "ipv6");
      continue;
    }
    list.addSubnet(network, prefix, "ipv4");
    for (const clothes of ["::", "64:ff9b::"]) list.addSubnet(`${clothes}${network}`, 96 + prefix, "ipv6");
  }
  return list;
}
