import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Claim, ownerVariable } from "./claims.ts";
import { searchPath } from "./requirements.ts";

/** Where programs of a claim run: on this machine as it is, or inside the claim's namespaces. */
export interface Place {
  readonly claim: Claim;
  /** Words to put before a command line so that it runs there. */
  readonly enter: readonly string[];
}

/** A long-running program of a cluster. */
export interface Component {
  readonly name: string;
  readonly logFile: string;
  /** Says how it ended, or undefined while it runs. */
  ended(): string | undefined;
}

/** Starts a long-running program in a place; its output goes to a log file in the claim's directory. */
export function startComponent(
  place: Place,
  name: string,
  command: readonly string[],
  env: Record<string, string> = {},
): Component {
  const { claim, enter } = place;
  const logs = join(claim.directory, "logs");
  mkdirSync(logs, { recursive: true });
  const logFile = join(logs, `${name}.log`);
  const output = openSync(logFile, "a");
  // The shell writes its number down before it becomes the program: no moment in which it runs and nobody knows it.
  const noteAndBecome = 'echo $$ >> "$0" && exec "$@"';
  const child = spawn("/bin/sh", ["-c", noteAndBecome, join(claim.directory, "pids"), ...enter, ...command], {
    stdio: ["ignore", output, output],
    cwd: "/",
    detached: true, // Ctrl-C in the terminal is for the launcher, which takes everything down in order
    env: { ...environment(claim), ...env },
  });
  closeSync(output);
  child.unref();
  return { name, logFile, ended: endOf(child) };
}

/** Runs a short program in a place and resolves to what it printed. */
export function runIn(
  place: Place,
  command: readonly string[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const [file = "", ...args] = [...place.enter, ...command];
  const { signal } = options;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { env: environment(place.claim), cwd: "/", maxBuffer: 64 << 20, ...(signal ? { signal } : {}) },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${command.join(" ")}: ${stderr.trim() || error.message}`, { cause: error }));
        else resolve(stdout);
      },
    );
  });
}

/** The ends of the log files of components, for error messages. */
export function logTails(components: readonly Component[], lines = 15): string {
  return components
    .map(({ name, logFile, ended }) => {
      const end = ended();
      const text = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lines);
      return [`--- ${name}${end ? ` (${end})` : ""}`, ...text.map((line) => line.slice(0, 400))].join("\n");
    })
    .join("\n");
}

/** Environment for programs of a claim: none of the caller's proxies and kubeconfigs, and the mark of the owner. */
export function environment(claim: Claim): Record<string, string> {
  return {
    PATH: searchPath(),
    HOME: claim.directory,
    [ownerVariable]: claim.id,
  };
}

function endOf(child: ChildProcess): () => string | undefined {
  let end: string | undefined;
  child.on("error", (error) => {
    end = error.message;
  });
  child.on("exit", (code, signal) => {
    end = signal ? `killed by ${signal}` : `exit code ${code}`;
  });
  return () => end;
}
