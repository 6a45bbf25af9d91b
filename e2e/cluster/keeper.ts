/**
 * Outlives the process that opened a cluster, by moments: waits until the pipe from it closes, which the kernel sees to
 * however that process ends, then removes everything the cluster held and ends too.
 */
import process from "node:process";
import { readClaim } from "./claims.ts";
import { removeClaim } from "./removal.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const directory = process.argv[2] ?? "";
const first = readClaim(directory);
if (!first) throw new Error(`no claim in ${directory}`);
process.stdout.on("error", () => {}); // nobody is left to tell, and then there is work to do
process.stdout.write("watching\n");
process.stdin.resume();
process.stdin.on("close", () => {
  // Read again: the record names more processes by now. (Not another claim's, should a sweep have been faster than us.)
  const latest = readClaim(directory);
  removeClaim(latest?.id === first.id ? latest : first).then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
