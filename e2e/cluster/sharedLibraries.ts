import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";

/** Picks the absolute paths of libraries out of what `ldd` prints. */
export function parseLdd(output: string): string[] {
  return output.split("\n").flatMap((line) => {
    if (line.includes("=> not found")) throw new Error(`ldd: ${line.trim()}`);
    const path = /(?:=>\s+)?(\/\S+)\s+\(0x/.exec(line)?.[1];
    return path ? [path] : [];
  });
}

/** Shared libraries (the program loader among them) that an executable needs; none if it is static or a script. */
export function sharedLibraries(file: string): string[] {
  if (!isElf(file)) return [];
  try {
    return parseLdd(execFileSync("ldd", [file], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }));
  } catch (error) {
    // ldd ends with 1 for a static program, and says so.
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    if (/not a dynamic executable/.test(stderr)) return [];
    throw error;
  }
}

function isElf(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    const magic = Buffer.alloc(4);
    readSync(descriptor, magic, 0, 4, 0);
    return magic.toString("latin1") === "\x7fELF";
  } finally {
    closeSync(descriptor);
  }
}
