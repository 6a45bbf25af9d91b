import { readdirSync, readFileSync } from "node:fs";

/**
 * Ends every process whose home is the private directory of one call: git and the helpers that it started.
 * git does not end its transport helpers when it is killed; one that waits for a silent server would stay for good.
 * Where there is no /proc the low-speed limit of git ends them later.
 */
export function endProcesses(home: string): void {
  const mark = `\0HOME=${home}\0`;
  for (const pid of list()) {
    try {
      if (`\0${readFileSync(`/proc/${pid}/environ`, "latin1")}\0`.includes(mark)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // it ended meanwhile, or belongs to another user and so is not ours
    }
  }
}

function list(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
}
