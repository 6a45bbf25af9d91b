import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Claim, takeClaim, updateClaim } from "./claims.ts";
import { identify } from "./processIdentity.ts";
import { searchPath } from "./requirements.ts";

/** A claim that lasts as long as this process, and at most until it is let go. */
export interface Hold {
  readonly claim: Claim;
  /** Adds PID 1 of the claim's namespaces, and the pipe that keeps it alive. */
  addNamespaces(initPid: number, lifeline: Writable): void;
  /** Takes everything down; resolves when nothing of it is left on this machine. */
  letGo(): Promise<void>;
}

/** Takes a slot on this machine and starts the keeper that clears it whatever becomes of this process. */
export async function hold(kind: Claim["kind"]): Promise<Hold> {
  let claim = takeClaim(kind);
  const log = openSync(join(claim.directory, "keeper.log"), "a");
  const keeper = spawn(process.execPath, [fileURLToPath(new URL("./keeper.ts", import.meta.url)), claim.directory], {
    stdio: ["pipe", "pipe", log],
    detached: true,
    cwd: "/",
    env: { PATH: searchPath() },
  });
  closeSync(log);
  const { stdin, stdout } = keeper;
  const ended = new Promise<number | null>((resolve) => {
    keeper.on("exit", resolve);
    keeper.on("error", () => resolve(null));
  });
  if (keeper.pid === undefined || !stdin || !stdout) throw new Error(`cannot start the keeper of ${claim.directory}`);
  claim = updateClaim(claim, { keeper: identify(keeper.pid) });
  const lifelines: Writable[] = [stdin];
  await Promise.race([
    new Promise((resolve) => stdout.once("data", resolve)),
    ended.then((code) => Promise.reject(new Error(`the keeper of ${claim.directory} ended with code ${code}`))),
  ]);
  keeper.unref();
  detachStream(stdin);
  detachStream(stdout);
  return {
    get claim() {
      return claim;
    },
    addNamespaces: (initPid, lifeline) => {
      claim = updateClaim(claim, { init: identify(initPid) });
      lifelines.push(lifeline);
      detachStream(lifeline);
    },
    letGo: async () => {
      keeper.ref();
      for (const lifeline of lifelines) lifeline.destroy();
      const code = await ended;
      if (code !== 0) throw new Error(`could not remove all of ${claim.directory}: its keeper ended with code ${code}`);
    },
  };
}

/** Lets the process end although this pipe is open: its closing then is what takes the cluster down. */
function detachStream(stream: object): void {
  if ("unref" in stream && typeof stream.unref === "function") stream.unref();
}
