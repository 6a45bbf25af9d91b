import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";

/** The addresses of a name; it rejects when there are none. */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** Programs are looked for where git's are. */
const path = "/usr/local/bin:/usr/bin:/bin";
/** A name that has not been resolved by then is not going to be. */
const patienceMs = 20_000;

/**
 * The addresses of a checked name, as git and ssh would resolve it: hosts file, search list and all. Node's own look-up keeps a
 * thread of the pool that also serves files until the DNS has answered: a few names that nobody answers for would halt the
 * whole process. A process of its own can be ended, and keeps nobody waiting.
 */
export function lookUp(name: string, signal: AbortSignal): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const options = { env: { PATH: path, LC_ALL: "C" }, timeout: patienceMs, signal, maxBuffer: 1024 * 1024 };
    execFile("getent", ["ahosts", name], options, (error, output) => {
      if (error !== null && "code" in error && error.code === "ENOENT") resolve(slowly(name));
      else if (error !== null) reject(error);
      else
        resolve([...new Set(output.split("\n").flatMap((line) => line.split(/\s+/, 1)))].filter((one) => one !== ""));
    });
  });
}

/** For machines without getent. */
async function slowly(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** So long an answer of the DNS is taken for true: a host that moves is found again, and a poll costs no process. */
const keptMs = 30_000;
const keptNames = 1_000;

/** Remembers what a look-up found for half a minute; what it did not find is looked for again. */
export function remembering(find: Lookup, now: () => number = Date.now): Lookup {
  const kept = new Map<string, { readonly addresses: readonly string[]; readonly until: number }>();
  return async (name, signal) => {
    const known = kept.get(name);
    if (known !== undefined && known.until > now()) return known.addresses;
    const addresses = await find(name, signal);
    if (kept.size >= keptNames) kept.clear();
    kept.set(name, { addresses, until: now() + keptMs });
    return addresses;
  };
}
