import { expect, test } from "vitest";
import { reachOf } from "./addresses.ts";

test.each([
  ["8.8.8.8", "Public"],
  ["2606:4700::1111", "Public"],
  ["64:ff9b::808:808", "Public"],
  ["10.0.0.1", "Private"],
  ["172.31.255.255", "Private"],
  ["172.32.0.1", "Public"],
  ["192.168.1.1", "Private"],
  ["100.64.0.1", "Private"],
  ["fd12:3456::1", "Private"],
  ["::ffff:10.0.0.1", "Private"],
  ["64:ff9b::a00:1", "Private"],
  ["127.0.0.1", "Local"],
  ["127.255.0.9", "Local"],
  ["0.0.0.0", "Local"],
  ["::1", "Local"],
  ["::", "Local"],
  ["::ffff:127.0.0.1", "Local"],
  ["::127.0.0.1", "Local"],
  ["64:ff9b::7f00:1", "Local"],
  ["2002:7f00:1::", "Local"],
  ["169.254.169.254", "Local"],
  ["::ffff:169.254.169.254", "Local"],
  ["fd00:ec2::254", "Local"],
  ["100.100.100.200", "Local"],
  ["168.63.129.16", "Local"],
  ["fe80::1", "Local"],
  ["224.0.0.1", "Local"],
  ["255.255.255.255", "Local"],
  ["ff02::1", "Local"],
  ["no address", "Local"],
])("A08: %s is %s", (address, reach) => {
  expect(reachOf(address)).toBe(reach);
});
