import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { isolatedGitEnv } from "../../e2e/apps/git.ts";

const BLOB = 1024 * 1024;
/** Blobs that one commit adds. */
const EACH = 25;

/** Adds commits with so many megabytes of random files to the branch main of a bare repository, uncompressed for speed. */
export async function grow(directory: string, megabytes: number): Promise<void> {
  const args = ["-c", "pack.compression=0", "-c", "core.compression=0", "fast-import", "--quiet", "--force"];
  const git = spawn("git", args, { cwd: directory, env: isolatedGitEnv(), stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(git, "close");
  const write = async (data: string | Buffer): Promise<void> => {
    if (!git.stdin.write(data)) await once(git.stdin, "drain");
  };
  for (let made = 0; made < megabytes; made += EACH) {
    await write("commit refs/heads/main\ncommitter Bench <bench@example.com> 1767323045 +0000\ndata 5\nGrow\n\n");
    if (made === 0) await write("from refs/heads/main^0\n");
    for (let n = made; n < Math.min(made + EACH, megabytes); n += 1) {
      await write(`M 100644 inline assets/${n % 40}/${n}.bin\ndata ${BLOB}\n`);
      await write(randomFillSync(Buffer.allocUnsafe(BLOB)));
      await write("\n");
    }
  }
  git.stdin.end();
  const [code] = await ended;
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}
