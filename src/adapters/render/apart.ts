import { Worker } from "node:worker_threads";
import type { Json } from "../../api/json.ts";
import type { ParsedFile } from "./parse.ts";

/** What a thread may take that reads one file. */
const memoryMb = 64;
const limitMs = 60_000;

/** One at a time: several at once would take as many times the memory. */
let before: Promise<unknown> = Promise.resolve();

/**
 * Parses a text in a thread of its own, so that a big document neither holds up the others nor takes the process's memory.
 * undefined: it takes more memory or time than it may.
 */
export function parseApart(text: string, signal: AbortSignal): Promise<ParsedFile | undefined> {
  const parsed = before.then(() => inThread(text, signal));
  before = parsed.catch(() => undefined);
  return parsed;
}

async function inThread(text: string, signal: AbortSignal): Promise<ParsedFile | undefined> {
  signal.throwIfAborted();
  // Node runs the sources themselves, or what they were built to.
  const program = import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js";
  const worker = new Worker(new URL(program, import.meta.url), {
    workerData: text,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ParsedFile | undefined>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => resolve(undefined), limitMs);
  worker.once("message", resolve);
  worker.once("error", (error: Error) => {
    const spent = "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
    if (spent) resolve(undefined);
    else reject(error);
  });
  try {
    const parsed = await promise;
    for (const { value } of parsed?.documents ?? []) freeze(value);
    return parsed;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    await worker.terminate();
  }
}

/** What comes from another thread is a copy, which is not frozen. */
function freeze(value: Json): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member ?? null);
}
