import { readFile } from "node:fs/promises";
import { type SimpleGit, simpleGit } from "simple-git";
import { type GitCredentials, GitError, type GitSource } from "../../ports/git.ts";
import { type Access, openAccess } from "./access.ts";
import type { AppTokens } from "./appTokens.ts";
import { secretsOf } from "./credentials.ts";
import { type About, classify } from "./errors.ts";
import type { Hosts } from "./hosts.ts";
import { endProcesses } from "./orphans.ts";
import { isProxied } from "./proxy.ts";
import { retryAfterInTrace } from "./retryAfter.ts";
import { gitEnvironment } from "./settings.ts";
import type { Remote } from "./validate.ts";

/** Where and how git processes run. */
export interface Surroundings {
  readonly tempRoot: string;
  readonly protocols: readonly string[];
  /** Handed to every git process, such as PATH and HTTPS_PROXY. */
  readonly environment: Readonly<Record<string, string>>;
  /** Most bytes of memory that a git process that talks to a remote may map. */
  readonly processBytes: number;
  readonly hosts: Hosts;
  readonly tokens: AppTokens;
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

/** Most bytes that a remote may say in words: a list of references, or progress. */
const spokenBytes = 32 * 1024 * 1024;

/** Talks to a remote through simple-git, with the credentials in place for just as long. */
export async function callRemote<T>(
  { dir, remote, source, ref, signal: outer }: Call,
  surroundings: Surroundings,
  use: (git: SimpleGit) => PromiseLike<T>,
): Promise<T> {
  const { protocols, tempRoot, environment, processBytes } = surroundings;
  const { timeoutMs } = source;
  const late = AbortSignal.timeout(timeoutMs);
  const tooMuch = new AbortController();
  const signal = AbortSignal.any([outer, late, tooMuch.signal]);
  const tooLate = () =>
    new GitError("Timeout", `${remote.host} did not answer within ${timeoutMs} ms; try again, or set a larger timeout`);
  try {
    const { credentials, addresses } = await before(remote, source.credentials, surroundings, signal);
    const locked = credentials.sshPassphrase !== undefined;
    const about: About = { host: remote.host, url: remote.url, ref, locked, secrets: secretsOf(credentials) };
    await using access = await openAccess(tempRoot, remote, credentials, {
      protocols,
      timeoutMs,
      processBytes,
      addresses,
    });
    signal.throwIfAborted();
    const env = {
      ...gitEnvironment(dir, access.home, protocols, environment),
      GIT_ALLOC_LIMIT: String(Math.ceil(processBytes / 4)),
      GIT_TRACE_CURL: access.trace,
      GIT_TRACE_CURL_NO_DATA: "1",
    };
    const git = simpleGit({
      baseDir: dir,
      binary: ["sh", access.boundedGit],
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
    })
      .env(env)
      .outputHandler((_command, stdout, stderr) => {
        let heard = 0;
        for (const stream of [stdout, stderr]) {
          stream.on("data", (chunk: Buffer) => {
            heard += chunk.length;
            if (heard > spokenBytes) tooMuch.abort(saidTooMuch(remote));
          });
        }
      });
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
      signal.throwIfAborted();
      const failure = classify(textOf(error), { ...about, ...(await waitOf(access)) });
      if (failure.reason === "AuthFailed" && source.credentials.app !== undefined) {
        surroundings.tokens.forget(source.credentials.app);
      }
      throw failure;
    } finally {
      signal.removeEventListener("abort", end);
    }
  } catch (error) {
    outer.throwIfAborted();
    if (tooMuch.signal.aborted) throw tooMuch.signal.reason;
    throw late.aborted ? tooLate() : error;
  }
}

/** What comes before git: the host is let through by its addresses, and an app's key is traded for a token. */
async function before(
  remote: Remote,
  given: GitCredentials,
  { hosts, tokens, environment }: Surroundings,
  signal: AbortSignal,
): Promise<{ readonly credentials: GitCredentials; readonly addresses: readonly string[] }> {
  if (remote.protocol === "file") return { credentials: given, addresses: [] };
  const proxied = remote.protocol !== "ssh" && isProxied(given, environment);
  const addresses = await hosts.admit(remote, { proxied }, signal);
  if (given.app === undefined || remote.protocol === "ssh") return { credentials: given, addresses };
  const password = await tokens.token(given.app, given, signal);
  return { credentials: { ...given, username: "x-access-token", password }, addresses };
}

async function waitOf({ trace }: Access): Promise<{ readonly retryAfterMs?: number }> {
  const text = await readFile(trace, "latin1").catch(() => "");
  const retryAfterMs = retryAfterInTrace(text.slice(-65_536), Date.now());
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function saidTooMuch({ url }: Remote): GitError {
  return new GitError(
    "TooLarge",
    `${url} lists more references than fit into ${spokenBytes} bytes; delete old ones, or follow a branch`,
  );
}
