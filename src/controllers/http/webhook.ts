import type { IncomingMessage } from "node:http";
import type { Key } from "../../api/objects.ts";
import { type Clock, systemClock } from "../../ports/clock.ts";
import { type Logger, silentLogger } from "../../telemetry/logger.ts";
import type { Schedule } from "../queue.ts";
import { type Answer, plain } from "./answer.ts";
import { HookLookups, type HookOf } from "./lookups.ts";
import { Debounce, RateBound } from "./pace.ts";
import type { HookHandler } from "./server.ts";
import { offersProof, proofOf, Verifier } from "./signature.ts";

/** How a hook was answered. */
export type HookOutcome =
  | "Accepted"
  | "Unauthorized"
  | "TooLarge"
  | "TooMany"
  | "WrongMethod"
  | "WrongEncoding"
  | "Incomplete";

/** What webhooks need and how they are bounded; times are in milliseconds. */
export interface WebhookOptions {
  readonly hookOf: HookOf;
  /** Asks for a check of the sync now: all that a hook can do. */
  readonly notify: (key: Key) => void;
  readonly onOutcome?: (outcome: HookOutcome) => void;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly schedule?: Schedule;
  readonly maxBytes?: number;
  /** Of a burst for one repository within this window the first and the last are told. */
  readonly windowMs?: number;
  /** How many hooks of one sync are accepted in a minute. */
  readonly perMinute?: number;
  /** How long a token is remembered: a new one counts after this time at the latest. */
  readonly keepHookMs?: number;
}

/** The handler of hooks. Close it to drop what it would have told later. */
export interface Webhook {
  readonly handle: HookHandler;
  close(): void;
}

const timers: Schedule = (callback, ms) => {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
};

/**
 * Makes the handler of `/hooks/<namespace>/<name>`. The body is only hashed, as it arrives: it is never parsed or kept,
 * so what it says can have no effect. All that strangers can learn is 401.
 */
export function createWebhook(options: WebhookOptions): Webhook {
  const { clock = systemClock, schedule = timers, log = silentLogger, maxBytes = 1_048_576 } = options;
  const hooks = new HookLookups(options.hookOf, {
    clock,
    keepMs: options.keepHookMs ?? 10_000,
    timeoutMs: 5_000,
    most: 2_000,
  });
  // Only proven hooks are counted: a stranger cannot use up a sync's budget.
  const rate = new RateBound(options.perMinute ?? 600, 60_000, clock);
  const debounce = new Debounce(
    (key) => {
      try {
        options.notify(key);
      } catch (error) {
        log.error({ error, sync: key }, "a webhook could not be passed on");
      }
    },
    options.windowMs ?? 1_000,
    schedule,
  );

  const hookFor = async (key: Key) => {
    try {
      return await hooks.get(key);
    } catch (error) {
      log.warn({ error, sync: key }, "a webhook is refused, because its token cannot be read");
      return undefined;
    }
  };

  const judge = async (key: Key, request: IncomingMessage): Promise<Verdict> => {
    const early = refusal(request, maxBytes);
    if (early !== undefined) return { outcome: early };
    const hook = await hookFor(key);
    const verifier = new Verifier(hook?.token);
    const read = await readBody(request, maxBytes, (chunk) => verifier.update(chunk));
    if (read !== "Complete") return { outcome: read };
    const proven = verifier.holds(proofOf(hook?.provider ?? "Generic", request.headers));
    if (hook === undefined || !proven) return { outcome: "Unauthorized" };
    const waitMs = rate.take(key);
    if (waitMs > 0) return { outcome: "TooMany", waitMs };
    debounce.add(hook.repository, key);
    return { outcome: "Accepted" };
  };

  return {
    async handle(key, request) {
      const verdict = await judge(key, request);
      options.onOutcome?.(verdict.outcome);
      log.debug({ sync: key, outcome: verdict.outcome }, "webhook");
      return answerTo(verdict);
    },
    close: () => debounce.close(),
  };
}

interface Verdict {
  readonly outcome: HookOutcome;
  readonly waitMs?: number;
}

/** What the headers alone rule out; the same for every sync, known or not. */
function refusal({ method, headers }: IncomingMessage, maxBytes: number): HookOutcome | undefined {
  if (method !== "POST") return "WrongMethod";
  if ((headers["content-encoding"] ?? "identity") !== "identity") return "WrongEncoding";
  if (Number(headers["content-length"] ?? 0) > maxBytes) return "TooLarge";
  return offersProof(headers) ? undefined : "Unauthorized";
}

/** Passes the body on piece by piece and stops reading beyond the limit. */
function readBody(
  request: IncomingMessage,
  maxBytes: number,
  sink: (chunk: Buffer) => void,
): Promise<"Complete" | "TooLarge" | "Incomplete"> {
  return new Promise((resolve) => {
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= maxBytes) {
        sink(chunk);
        return;
      }
      request.off("data", onData);
      request.pause();
      resolve("TooLarge");
    };
    request.on("data", onData);
    request.once("end", () => resolve("Complete"));
    request.once("close", () => resolve("Incomplete"));
    if (request.destroyed) resolve("Incomplete");
  });
}

function answerTo({ outcome, waitMs = 0 }: Verdict): Answer {
  switch (outcome) {
    case "Accepted":
      return plain(202, "accepted");
    case "Unauthorized":
      return plain(401, "unauthorized");
    case "TooLarge":
      return plain(413, "body too large");
    case "TooMany":
      return plain(429, "too many requests", { "retry-after": String(Math.ceil(waitMs / 1_000)) });
    case "WrongMethod":
      return plain(405, "use POST", { allow: "POST" });
    case "WrongEncoding":
      return plain(415, "send the body without Content-Encoding", { "accept-encoding": "identity" });
    case "Incomplete":
      return plain(400, "incomplete body");
  }
}
