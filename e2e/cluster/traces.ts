import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Claim, cgroupName, linkName, listClaims, ownerVariable } from "./claims.ts";
import { allProcesses, identify, isAlive, type ProcessIdentity, processesWithVariable } from "./processIdentity.ts";

/** State of this machine that clusters must leave as they found it, whichever of them run meanwhile. */
export interface MachineState {
  readonly mounts: string;
  readonly links: string;
  readonly iptables: string;
  readonly cgroups: string;
  readonly settings: string;
  readonly directories: string;
}

/** Directories under fixed names in which container tools leave files. */
const wellKnown = [
  "/var/lib/cni",
  "/var/lib/kubelet",
  "/var/lib/containerd",
  "/var/log/pods",
  "/var/log/containers",
  "/run/containerd/s",
  "/run/netns",
  "/run/flannel",
  "/run/xtables.lock",
  "/usr/libexec/kubernetes",
  "/etc/cni/net.d",
  "/etc/kubernetes",
  "/opt/cni",
  "/opt/containerd",
];

const settings = [
  "vm/overcommit_memory",
  "vm/panic_on_oom",
  "kernel/panic",
  "kernel/panic_on_oops",
  "net/ipv4/ip_forward",
];

/** Takes down the state of this machine, leaving out what belongs to clusters by its name. */
export function machineState(): MachineState {
  const rules = (command: string) => execFileSync(command, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const withoutComments = (text: string) => text.replace(/^#.*$/gm, "").replace(/\[\d+:\d+\]/g, "");
  return {
    mounts: readFileSync("/proc/mounts", "utf8"),
    links: linkNames()
      .filter((name) => !/^fairlead\d+$/.test(name))
      .join("\n"),
    iptables: withoutComments(rules("iptables-save") + rules("ip6tables-save")),
    cgroups: cgroupPaths()
      .filter((path) => !/\/fairlead-[0-9a-f]{8}(\/|$)/.test(path))
      .join("\n"),
    settings: settings.map((name) => `${name}=${readFileSync(`/proc/sys/${name}`, "utf8").trim()}`).join("\n"),
    directories: wellKnown.map((path) => `${path} ${existsSync(path) ? readdirOrFile(path) : "absent"}`).join("\n"),
  };
}

/** Every process of a cluster, containers and keeper included, found by the PID namespace that they share. */
export function processesOf(claim: Claim): ProcessIdentity[] {
  const namespace = claim.init ? pidNamespace(claim.init.pid) : undefined;
  const pids = new Set(processesWithVariable(ownerVariable, claim.id));
  for (const pid of allProcesses()) if (namespace && pidNamespace(pid) === namespace) pids.add(pid);
  return [...[...pids].map(identify), ...(claim.keeper ? [claim.keeper] : [])];
}

/** What is left of a cluster on this machine, one line each; nothing when it is gone without a trace. */
export function tracesOf(claim: Claim, processes: readonly ProcessIdentity[]): string[] {
  const alive = processes.filter(isAlive);
  const marked = processesWithVariable(ownerVariable, claim.id);
  const mounted = allProcesses().filter((pid) => mentions(`/proc/${pid}/mountinfo`, `${claim.directory}/`));
  const slotIsFree = !listClaims().some(({ slot, id }) => slot === claim.slot && id !== claim.id);
  return [
    ...alive.map(({ pid }) => `process ${pid} ${commandLine(pid)}`),
    ...marked.map((pid) => `marked process ${pid} ${commandLine(pid)}`),
    // Another cluster may have taken the slot, with its directory and its link, the moment it was free.
    ...(slotIsFree ? mounted.map((pid) => `mount below ${claim.directory} in process ${pid}`) : []),
    ...(slotIsFree && existsSync(claim.directory) ? [`directory ${claim.directory}`] : []),
    ...(slotIsFree && linkNames().includes(linkName(claim.slot)) ? [`link ${linkName(claim.slot)}`] : []),
    ...readdirSync(tmpdir()).filter((name) => name.includes(claim.id)),
    ...cgroupPaths()
      .filter((path) => path.includes(cgroupName(claim)))
      .map((path) => `cgroup ${path}`),
  ];
}

/** The claim of a cluster, found by its kubeconfig. */
export function claimOf(kubeconfig: string): Claim {
  const directory = dirname(dirname(kubeconfig));
  const claim = listClaims().find((candidate) => candidate.directory === directory);
  if (!claim) throw new Error(`no claim in ${directory}`);
  return claim;
}

function linkNames(): string[] {
  return readdirSync("/sys/class/net").sort();
}

function cgroupPaths(): string[] {
  const walk = (directory: string): string[] => {
    try {
      return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .flatMap(({ name }) => [join(directory, name), ...walk(join(directory, name))]);
    } catch {
      return []; // it went away while we looked
    }
  };
  return walk("/sys/fs/cgroup").sort();
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").slice(0, 120);
  } catch {
    return "";
  }
}

function mentions(file: string, text: string): boolean {
  try {
    return readFileSync(file, "utf8").includes(text);
  } catch {
    return false;
  }
}

function readdirOrFile(path: string): string {
  try {
    return readdirSync(path).sort().join(" ");
  } catch {
    return "file";
  }
}
