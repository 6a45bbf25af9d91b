import { execFile } from "node:child_process";
import { readdir, readFile, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { type Claim, cgroupName, isAbandoned, linkName, listClaims, ownerVariable, readClaim } from "./claims.ts";
import { isAlive, processesWithVariable } from "./processIdentity.ts";
import { waitFor } from "./wait.ts";

const execute = promisify(execFile);

/**
 * Removes all that a claim holds, and may be called twice or by two processes at once. Killing PID 1 of the namespaces
 * takes along every process, mount, bridge and iptables rule in them; what is left for us is on this machine itself.
 */
export async function removeClaim(claim: Claim): Promise<void> {
  await killProcesses(claim);
  if (claim.kind === "cluster") {
    await execute("ip", ["link", "delete", linkName(claim.slot)]).catch(() => {}); // usually gone with its other end
    await removeCgroups(claim);
  }
  if (readClaim(claim.directory)?.id !== claim.id) return;
  // A new launcher may take the slot the moment its directory is free: move it out of the way, then take our time.
  const trash = join(dirname(claim.directory), `.fairlead-trash-${claim.id}`);
  await rename(claim.directory, trash).catch(() => {});
  await rm(trash, { recursive: true, force: true, maxRetries: 5 });
}

/** Removes what dead launchers, whose keepers died too, left on this machine; tells how many there were. */
export async function sweep(log: (line: string) => void): Promise<number> {
  const abandoned = listClaims().filter(isAbandoned);
  for (const claim of abandoned) {
    log(`removing what a dead process ${claim.launcher.pid} left in ${claim.directory}`);
    await removeClaim(claim);
  }
  return abandoned.length;
}

async function killProcesses(claim: Claim): Promise<void> {
  await waitFor(
    `the processes of cluster ${claim.id} to end`,
    async () => {
      const pids = new Set([...processesWithVariable(ownerVariable, claim.id), ...(await startedHere(claim))]);
      if (claim.init && isAlive(claim.init)) pids.add(claim.init.pid);
      pids.delete(process.pid);
      for (const pid of pids) kill(pid);
      return pids.size === 0 ? { value: undefined } : { seen: `processes ${[...pids].join(" ")}` };
    },
    { limitMs: 30_000, everyMs: 20 },
  );
}

/** Where /proc cannot tell whose a process is, the numbers that were written down when it started have to do. */
async function startedHere(claim: Claim): Promise<number[]> {
  if (process.platform === "linux") return [];
  const text = await readFile(join(claim.directory, "pids"), "utf8").catch(() => "");
  return text
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 1 && isAlive({ pid, started: "" }));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended first.
  }
}

async function removeCgroups(claim: Claim): Promise<void> {
  for (const root of await cgroupsOf(claim)) {
    await waitFor(
      `cgroup ${root} to be empty`,
      async () => {
        const failure = await removeTree(root);
        return failure ? { seen: failure } : { value: undefined };
      },
      { limitMs: 20_000 },
    );
  }
}

async function cgroupsOf(claim: Claim): Promise<string[]> {
  const name = cgroupName(claim);
  const hierarchies = await readdir("/sys/fs/cgroup").catch(() => []);
  const candidates = ["", ...hierarchies].map((hierarchy) => join("/sys/fs/cgroup", hierarchy, name));
  const found = await Promise.all(
    candidates.map((path) =>
      readdir(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return candidates.filter((_, index) => found[index]);
}

/** A cgroup's files cannot be unlinked and need not be: its directories go one by one, deepest first. */
async function removeTree(directory: string): Promise<string | undefined> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeTree(join(directory, entry.name));
  }
  try {
    await rmdir(directory);
    return undefined;
  } catch (error) {
    const gone = error instanceof Error && "code" in error && error.code === "ENOENT";
    return gone ? undefined : String(error);
  }
}
