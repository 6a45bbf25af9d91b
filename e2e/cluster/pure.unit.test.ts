import { describe, expect, it } from "vitest";
import { parseHierarchies } from "./cgroups.ts";
import { importedNames } from "./containerd.ts";
import { chooseProvider } from "./provider.ts";
import { parseLdd } from "./sharedLibraries.ts";

describe("parseHierarchies", () => {
  it("tells version 1 with its controllers from version 2", () => {
    const mounts = [
      "tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0",
      "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0",
      "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0",
      "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime,nsdelegate 0 0",
      "",
    ].join("\n");
    expect(parseHierarchies(mounts)).toEqual([
      { path: "/sys/fs/cgroup/cpu,cpuacct", version: 1, controllers: ["cpu", "cpuacct"] },
      { path: "/sys/fs/cgroup/systemd", version: 1, controllers: ["name=systemd"] },
      { path: "/sys/fs/cgroup/unified", version: 2, controllers: [] },
    ]);
  });
});

describe("parseLdd", () => {
  it("picks libraries and the program loader, and leaves out what is no file", () => {
    const output = [
      "\tlinux-vdso.so.1 (0x00007ffd5d5f2000)",
      "\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f0e3b3c6000)",
      "\t/lib64/ld-linux-x86-64.so.2 (0x00007f0e3b3fb000)",
    ].join("\n");
    expect(parseLdd(output)).toEqual(["/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"]);
  });

  it("refuses an executable whose library is missing on this machine", () => {
    expect(() => parseLdd("\tlibfoo.so.1 => not found")).toThrow("libfoo.so.1");
  });
});

describe("importedNames", () => {
  it("reads the output of several versions of ctr", () => {
    const name = "fairlead.local/shop:0a1b";
    expect(importedNames(`unpacking ${name} (sha256:00)...done\n`)).toEqual([name]);
    expect(importedNames(`${name}  saved\napplication/vnd.oci.image 1.0 s\n`)).toEqual([name]);
    expect(importedNames("Importing\telapsed: 1.0 s\ttotal: 0.0 B\n")).toEqual([]);
  });
});

describe("chooseProvider", () => {
  const linux = { context: undefined, platform: "linux", isRoot: true, dockerRuns: async () => true };

  it.each([
    ["a context that the user names", { ...linux, context: "mine" }, "context"],
    ["a local cluster for root on Linux", linux, "local"],
    ["kind for others, where Docker runs", { ...linux, isRoot: false }, "kind"],
    ["kind on other systems", { ...linux, platform: "darwin" }, "kind"],
  ] as const)("prefers %s", async (_, here, expected) => {
    expect(await chooseProvider(here)).toBe(expected);
  });

  it("says what would help when there is nothing", async () => {
    const nothing = chooseProvider({ ...linux, isRoot: false, dockerRuns: async () => false });
    await expect(nothing).rejects.toThrow(/root on Linux.*Docker.*FAIRLEAD_KUBE_CONTEXT/);
  });
});
