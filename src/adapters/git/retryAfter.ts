/** Longest wait that a server may ask for: what it says must not switch a sync off. */
const longestMs = 3_600_000;

/** Milliseconds that a Retry-After header asks for, as seconds or as a date; at most an hour. */
export function retryAfter(header: string, now: number): number | undefined {
  const text = header.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, longestMs) : undefined;
}

/** The wait that the last answer in a trace of curl asked for. git itself drops the header. */
export function retryAfterInTrace(trace: string, now: number): number | undefined {
  const found = [...trace.matchAll(/<= recv header: retry-after: *([^\r\n]*)/gi)].at(-1)?.[1];
  return found === undefined ? undefined : retryAfter(found, now);
}
