import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Claim, cgroupName } from "./claims.ts";

/** A mounted cgroup hierarchy. */
export interface Hierarchy {
  readonly path: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** Picks the cgroup hierarchies out of the text of /proc/mounts. */
export function parseHierarchies(mounts: string): Hierarchy[] {
  return mounts.split("\n").flatMap((line): Hierarchy[] => {
    const [, path = "", type, options = ""] = line.split(" ");
    if (type === "cgroup2") return [{ path, version: 2, controllers: [] }];
    if (type !== "cgroup") return [];
    const generic = new Set(["rw", "ro", "relatime", "nosuid", "nodev", "noexec", "seclabel", "xattr"]);
    return [{ path, version: 1, controllers: options.split(",").filter((option) => !generic.has(option)) }];
  });
}

/** Makes the cgroup below which all pods of a cluster live, in each hierarchy; returns its path for the kubelet. */
export function makeCgroups(claim: Claim): string {
  const hierarchies = parseHierarchies(readFileSync("/proc/mounts", "utf8"));
  const unifiedOnly = hierarchies.every(({ version }) => version === 2);
  for (const { path, version, controllers } of hierarchies) {
    if (version === 2 && !unifiedOnly) continue; // the hybrid layout's second tree controls nothing
    const own = join(path, cgroupName(claim));
    mkdirSync(own, { recursive: true });
    if (version === 2) delegate(path, own);
    giveProcessors(own, version, controllers);
    if (controllers.includes("cpuset")) {
      // A new cpuset starts empty, and an empty one takes no processes.
      for (const file of ["cpuset.cpus", "cpuset.mems"]) writeFileSync(join(own, file), readFileSync(join(path, file)));
    }
  }
  return `/${cgroupName(claim)}`;
}

/**
 * A kernel that shares the processors out by session gives all pods together as much as one shell: with a build beside
 * them, a probe or a request of theirs then waits for seconds. They count as eight.
 */
function giveProcessors(own: string, version: Hierarchy["version"], controllers: readonly string[]): void {
  if (controllers.includes("cpu")) writeFileSync(join(own, "cpu.shares"), "8192");
  const weight = join(own, "cpu.weight");
  if (version === 2 && existsSync(weight)) writeFileSync(weight, "800");
}

function delegate(root: string, own: string): void {
  const controllers = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
  for (const directory of [root, own]) {
    for (const controller of controllers) {
      try {
        writeFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`);
      } catch {
        // Some cannot be handed down (real-time cpu); the kubelet says so if it needs one of them.
      }
    }
  }
}
