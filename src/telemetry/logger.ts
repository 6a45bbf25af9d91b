import { type DestinationStream, destination, type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import { redact, scrub } from "./redact.ts";

/** From the most to the least that is written. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a line tells besides its message. Secrets are taken out by their keys, at any depth. */
export type Fields = Readonly<Record<string, unknown>>;

/** Writes one line of JSON for each call. An error belongs in the field `error`. */
export interface Logger {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  fatal(fields: Fields, message: string): void;
  /** A logger whose lines carry these fields too. */
  child(fields: Fields): Logger;
}

/** Tells whether a text names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text);
}

/**
 * Starts a logger on stdout, or on `to`. It writes before it returns and uses no worker thread:
 * the line that tells why the process died is the one that counts.
 */
export function createLogger(options: { readonly level?: LogLevel; readonly to?: DestinationStream } = {}): Logger {
  const root = pino(
    {
      level: options.level ?? "info",
      base: null,
      errorKey: "error",
      // An error is a plain object by now; pino's own serializer would take it for an error again and rename it.
      serializers: { error: (error: unknown) => error },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redact },
      // The finished line is looked at as well: a message or a stack may quote a URL with its password.
      hooks: { streamWrite: scrub },
    },
    options.to ?? destination({ dest: 1, sync: true }),
  );
  return wrap(root);
}

/** pino asks its formatter only for the fields of a line, not for those of a child. */
function wrap(base: PinoLogger): Logger {
  return {
    debug: (fields, message) => base.debug(fields, message),
    info: (fields, message) => base.info(fields, message),
    warn: (fields, message) => base.warn(fields, message),
    error: (fields, message) => base.error(fields, message),
    fatal: (fields, message) => base.fatal(fields, message),
    child: (fields) => wrap(base.child(redact(fields))),
  };
}

const nothing = (): void => undefined;

/** Writes nothing: the default of what may be used without a logger. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => silentLogger,
};
