import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { goProgram } from "../cluster/binaries.ts";

/** What kubectl makes of one document: its JSON as text, or null where it refuses. */
export type Answer = string | null;

/** Asks sigs.k8s.io/yaml about many files in one process. The answer to a file has an entry for each of its documents. */
export async function askKubectl(files: readonly (string | Uint8Array)[]): Promise<readonly (readonly Answer[])[]> {
  const program = await goProgram(join(import.meta.dirname, "oracle"), ".");
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`the oracle ended with ${code}`))));
  });
  child.stdin.end(files.map((file) => `${Buffer.from(file).toString("base64")}\n`).join(""));
  await ended;
  const lines = Buffer.concat(said).toString("utf8").trimEnd().split("\n");
  if (lines.length !== files.length) throw new Error(`${files.length} files have ${lines.length} answers`);
  return lines.map((line) => JSON.parse(line) as Answer[]);
}
