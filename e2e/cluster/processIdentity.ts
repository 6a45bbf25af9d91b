import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** A process, told apart from a later one with the same number by the time it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot as Linux counts them; empty where /proc is not there. */
  readonly started: string;
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly started: string;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command name in parentheses may hold spaces and parentheses itself: count from the last one.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", parent: Number(fields[1]), started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/** Names a running process for good. */
export function identify(pid: number): ProcessIdentity {
  return { pid, started: readStat(pid)?.started ?? "" };
}

/** Whether that very process still runs; a zombie does not. */
export function isAlive(identity: ProcessIdentity | undefined): boolean {
  if (!identity) return false;
  if (process.platform === "linux") {
    const stat = readStat(identity.pid);
    return stat !== undefined && stat.state !== "Z" && stat.started === identity.started;
  }
  try {
    process.kill(identity.pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Numbers of all processes on this machine (none where /proc is not there). */
export function allProcesses(): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** Numbers of the direct children of a process. */
export function childrenOf(parent: number): number[] {
  return allProcesses().filter((pid) => readStat(pid)?.parent === parent);
}

/** Numbers of the processes that carry an environment variable with that value. */
export function processesWithVariable(name: string, value: string): number[] {
  const wanted = `${name}=${value}`;
  return allProcesses().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(wanted);
    } catch {
      return false;
    }
  });
}
