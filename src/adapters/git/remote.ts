import { type SimpleGit, simpleGit } from "simple-git";
import { GitError, type GitSource } from "../../ports/git.ts";
import { openAccess, secretsOf } from "./access.ts";
import { type About, classify } from "./errors.ts";
import { endProcesses } from "./orphans.ts";
import { gitEnvironment } from "./settings.ts";
import type { Remote } from "./validate.ts";

/** Where and how git processes run. */
export interface Surroundings {
  readonly tempRoot: string;
  readonly protocols: readonly string[];
  /** Handed to every git process, such as PATH and HTTPS_PROXY. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One conversation with a remote. */
export interface Call {
  readonly dir: string;
  readonly remote: Remote;
  readonly source: GitSource;
  /** `branch "main"`, for the message of a failure. */
  readonly ref: string;
  readonly signal: AbortSignal;
}

/** Talks to a remote through simple-git, with the credentials in place for just as long. */
export async function callRemote<T>(
  { dir, remote, source, ref, signal: outer }: Call,
  { protocols, tempRoot, environment }: Surroundings,
  use: (git: SimpleGit) => PromiseLike<T>,
): Promise<T> {
  const { credentials, timeoutMs } = source;
  const about: About = { host: remote.host, url: remote.url, ref, secrets: secretsOf(credentials) };
  await using access = await openAccess(tempRoot, remote, credentials, { protocols, timeoutMs });
  const late = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([outer, late]);
  signal.throwIfAborted();
  const env = gitEnvironment(dir, access.home, protocols, environment);
  const git = simpleGit({
    baseDir: dir,
    abort: signal,
    // The one setting on the command line; the file that it names overrides all other configuration.
    config: [`include.path=${access.config}`],
    unsafe: { allowUnsafeInclude: true },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith("GIT_")),
    // Exit and close both: a short grace after the exit would cut the output of a busy machine.
    completion: { onClose: true, onExit: 5_000 },
    // Without this a git that is killed and says nothing would count as an empty answer.
    errors: (error, { exitCode, stdErr }) => {
      if (error !== undefined || exitCode === 0) return error;
      return stdErr.length > 0 ? Buffer.concat(stdErr) : Buffer.from("git was ended");
    },
  }).env(env);
  // git leaves its helpers behind when it is ended, and they hold its pipes: end them too, and wait for none.
  const ended = Promise.withResolvers<never>();
  const end = (): void => {
    endProcesses(access.home);
    ended.reject(signal.reason);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([use(git), ended.promise]);
  } catch (error) {
    if (late.aborted && !outer.aborted) {
      const message = `${about.host} did not answer within ${timeoutMs} ms; try again, or set a larger timeout`;
      throw new GitError("Timeout", message);
    }
    outer.throwIfAborted();
    throw classify(error instanceof Error ? error.message : String(error), about);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
