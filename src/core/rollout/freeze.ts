import type { Freeze } from "../../api/v1alpha1/freeze.ts";
import { type Because, because } from "./because.ts";

const DAYS: readonly string[] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES = 24 * 60;

/** Why nothing may start or go on now, and when to look again; undefined while no window is open. `now` is epoch milliseconds. */
export function frozenBy(
  freezes: readonly Freeze[],
  now: number,
): { readonly because: Because; readonly recheckInMs: number } | undefined {
  for (const freeze of freezes) {
    const local = localTime(now, freeze.timeZone);
    // Whoever mistypes a zone means to freeze: nothing starts until it is corrected.
    if (local !== undefined && !holds(freeze, local)) continue;
    const message =
      local === undefined
        ? `the time zone ${freeze.timeZone} of a freeze is not known`
        : `changes are frozen: ${titleOf(freeze)}`;
    const exit = local === undefined ? "correct spec.freezes" : "goes on when it is over; a revert is never frozen";
    return { because: because("Frozen", message, exit), recheckInMs: 60_000 - (now % 60_000) };
  }
  return undefined;
}

/** Minutes since Monday, 00:00. */
function holds({ days, from, to }: Freeze, minutes: number): boolean {
  const start = minutesOf(from);
  const length = ((minutesOf(to) - start + DAY_MINUTES - 1) % DAY_MINUTES) + 1;
  return days.some((day) => {
    const since = minutes - (DAYS.indexOf(day) * DAY_MINUTES + start);
    // The last window of the week may reach into the next one.
    return (since + 7 * DAY_MINUTES) % (7 * DAY_MINUTES) < length;
  });
}

function titleOf({ days, from, to, timeZone, reason }: Freeze): string {
  const when = `${days.length === DAYS.length ? "daily" : days.join(", ")} ${from} to ${to} ${timeZone}`;
  return reason === undefined ? when : `${reason} (${when})`;
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

/** Building one takes a hundred times as long as using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** Minutes since Monday, 00:00, by the clock on the wall of a zone; undefined: there is no such zone. */
function localTime(now: number, timeZone: string): number | undefined {
  let format = formats.get(timeZone);
  if (format === undefined) {
    try {
      const parts = { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
      format = new Intl.DateTimeFormat("en-GB", { timeZone, ...parts });
    } catch {
      return undefined;
    }
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf(parts.get("weekday") ?? "");
  return (day * 24 + Number(parts.get("hour"))) * 60 + Number(parts.get("minute"));
}
