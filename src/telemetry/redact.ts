const REDACTED = "[redacted]";
const DEEPEST = 8;
const MOST_ENTRIES = 200;

/** Keys whose value is a secret, in lower case and without `-`, `_` and `.`; a Secret's own members are among them. */
const SECRET_KEYS: ReadonlySet<string> = new Set(["data", "stringdata", "binarydata", "tlskey", "clientkey", "passwd"]);
const SECRET_ENDINGS = [
  "password",
  "passphrase",
  "token",
  "secret",
  "privatekey",
  "apikey",
  "keydata",
  "credentials",
  "authorization",
  "cookie",
  "signature256",
] as const;

/** Secrets that stand inside text, as a library's error may quote them. Each pattern ends at the quote that ends a JSON string. */
const IN_TEXT: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/:\/\/[^\s/"\\]*@/g, "://***@"],
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^"]*/g, REDACTED],
  [/(authorization\\?"?\s{0,4}[:=]\s{0,4}\\?"?)(?:(?:bearer|basic|token)\s{1,4})?[^\s"\\,]+/gi, "$1***"],
  [/\b(bearer|basic)\s{1,4}[\w.~+/=-]{20,}/gi, "$1 ***"],
  [/\bgh[a-z]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}/g, "***"],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g, "***"],
];

/** Tells whether a key promises a secret: `password`, `bearerToken`, `private_key`, a Secret's `data`. */
function isSecretKey(key: string): boolean {
  const plain = key.toLowerCase().replaceAll(/[-_.]/g, "");
  return SECRET_KEYS.has(plain) || SECRET_ENDINGS.some((ending) => plain.endsWith(ending));
}

/** Takes credentials out of text: those in URLs and headers, private keys, and tokens of known shape. */
export function scrub(text: string): string {
  let clean = text;
  for (const [pattern, by] of IN_TEXT) clean = clean.replaceAll(pattern, by);
  return clean;
}

/**
 * A copy of log fields without secrets, at any depth. pino's own redaction takes paths of a fixed depth,
 * and one object logged a level deeper would be a leak.
 */
export function redact(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return members(fields, 0);
  } catch {
    // A getter or a toJSON that throws must not make the line's writer fail.
    return { unreadable: Object.keys(fields) };
  }
}

function members(value: object, depth: number): Record<string, unknown> {
  const told = (key: string, member: unknown): unknown =>
    isSecretKey(key) && member !== undefined && member !== null ? REDACTED : clean(member, depth + 1);
  // Unlike an assignment, this makes a key `__proto__` a plain member.
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST_ENTRIES)
      .map(([key, member]) => [key, told(key, member)]),
  );
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return typeof value === "function" ? "[function]" : value;
  if (depth > DEEPEST) return "[deeper]";
  if (value instanceof Error) return failure(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((item: unknown) => clean(item, depth + 1));
  if (value instanceof Set) return clean([...value], depth);
  if (value instanceof Map) return members(Object.fromEntries(value), depth);
  if ("toJSON" in value && typeof value.toJSON === "function") return clean(value.toJSON(), depth + 1);
  return members(value, depth);
}

/** Only these members of an error are written: others, such as a response with its body, hold what nobody looked at. */
function failure(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const told: Record<string, unknown> = { type: name, message };
  for (const key of ["kind", "reason", "code"] as const) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === "string" || typeof value === "number") told[key] = value;
  }
  if (stack !== undefined) told["stack"] = stack;
  if (cause !== undefined) told["cause"] = clean(cause, depth + 1);
  if (error instanceof AggregateError) told["errors"] = clean(error.errors, depth + 1);
  return told;
}
