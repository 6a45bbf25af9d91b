import type { Check, CheckRun } from "../../api/v1alpha1/checks.ts";
import { durationMs } from "../../api/v1alpha1/common.ts";
import type { Cursor } from "../../api/v1alpha1/cursor.ts";
import { iso } from "./decision.ts";
import type { Seen } from "./seen.ts";
import { watched } from "./timing.ts";

/** A Job of a check. */
export interface JobSeen {
  /** The Job's name. */
  readonly name: string;
  /** The run that it is, by `runId`. */
  readonly run: string;
  /** Lost: it ended without a word of the candidate: never started, killed, or too long. */
  readonly state: "Running" | "Passed" | "Failed" | "Lost";
  /** What its pod says, or waits for. */
  readonly message: string;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Writes for checks. */
export type CheckEffect =
  | { readonly do: "RunCheck"; readonly check: string; readonly run: string; readonly revision: string }
  | { readonly do: "RemoveJob"; readonly job: string };

/** Finished Jobs of one rollout that stay, for their logs. */
const KEPT_JOBS = 5;
/** The job controller ends a Job at its deadline; one that it does not end is given up a little later. */
const GRACE_MS = 30_000;

/** Names a run of the cursor's candidate: no other one has this id, in whatever order things happen. */
function runId(
  { candidate, attempt = 0 }: Cursor,
  { name, step, run }: Pick<CheckRun, "name" | "step" | "run">,
): string {
  return `${name}/${candidate}/${attempt}/${step}/${run}`;
}

/** What the checks of a place come to. */
export type Checked =
  | { readonly kind: "Passed" }
  /** Runs are stored before they are started, and what has passed before anything follows from it. */
  | { readonly kind: "News"; readonly cursor: Cursor; readonly message: string }
  | { readonly kind: "Running"; readonly cursor: Cursor; readonly message: string; readonly leftMs: number }
  | { readonly kind: "Stuck"; readonly cursor: Cursor; readonly message: string; readonly exit: string }
  | { readonly kind: "Failed"; readonly message: string };

/** Holds checks against their Jobs. One that fails decides at once; else each is begun, repeated or waited for. */
export function checksAt(seen: Seen, cursor: Cursor, checks: readonly Check[], step: number, now: number): Checked {
  const runs = checks.map((check) => ({ check, ...advanced(seen, cursor, check, step, now) }));
  const failed = runs.find(({ failure }) => failure !== undefined);
  if (failed?.failure !== undefined) return { kind: "Failed", message: failed.failure };
  const names = new Set(checks.map(({ name }) => name));
  const others = cursor.checks.filter(({ name }) => !names.has(name));
  const next = { ...cursor, checks: [...others, ...runs.flatMap(({ run }) => (run === undefined ? [] : [run]))] };
  for (const { check, run } of runs) {
    if (run === undefined) continue;
    const former = latest(cursor, check);
    if (run.run !== former?.run) return { kind: "News", cursor: next, message: said(check, run, "starts") };
    if (run.state === "Passed" && former.state !== "Passed")
      return { kind: "News", cursor: next, message: said(check, run, "passed") };
  }
  const unfit = runs.find(({ check, run }) => seen.unfitChecks.has(check.name) && !isUnderWay(seen, cursor, run));
  if (unfit !== undefined) {
    const message = `check ${unfit.check.name} cannot run: ${seen.unfitChecks.get(unfit.check.name)}`;
    return { kind: "Stuck", cursor: next, message, exit: "correct it in Git" };
  }
  for (const { check, run } of runs) {
    if (run === undefined || run.state === "Passed" || isWaived(check, cursor, run)) continue;
    if (run.state === "Inconclusive") {
      const exit = `set spec.retry to a new value to run it again, or waivedRun: ${cursor.candidate}/${run.run} of the check to go on without it`;
      return { kind: "Stuck", cursor: next, message: said(check, run, `came to nothing: ${run.message}`), exit };
    }
    const leftMs = durationMs(check.timeout) + GRACE_MS - watched(seen, run.since, now);
    const what = run.message === "" ? "has been started" : run.message;
    return { kind: "Running", cursor: next, message: said(check, run, what), leftMs };
  }
  return { kind: "Passed" };
}

function latest(cursor: Cursor, check: Check): CheckRun | undefined {
  return cursor.checks.find(({ name }) => name === check.name);
}

/** Tells whether a run needs its CronJob no more. */
function isUnderWay(seen: Seen, cursor: Cursor, run: CheckRun | undefined): boolean {
  return run !== undefined && (run.state !== "Running" || seen.jobs.some((job) => job.run === runId(cursor, run)));
}

function isWaived({ waivedRun }: Check, { candidate }: Cursor, { run }: CheckRun): boolean {
  return waivedRun === `${candidate}/${run}`;
}

function said({ name }: Check, { run }: CheckRun, what: string): string {
  return `check ${name}, run ${run}: ${what}`;
}

interface Advanced {
  readonly run?: CheckRun;
  readonly failure?: string;
}

/** Where a check's run is by now, or the next run: a check that cannot run has none. */
function advanced(seen: Seen, cursor: Cursor, check: Check, step: number, now: number): Advanced {
  const run = latest(cursor, check);
  const next = (repeated: number): Advanced => {
    if (seen.unfitChecks.has(check.name)) return run === undefined ? {} : { run };
    const { retry } = seen.spec;
    const count = { step, run: (run?.run ?? 0) + 1, repeated };
    const fresh = { state: "Running", begun: false, message: "", since: iso(now) } as const;
    return { run: { name: check.name, ...count, ...fresh, ...(retry === undefined ? {} : { retry }) } };
  };
  if (run === undefined) return next(0);
  if (run.step !== step) return next(run.repeated);
  if (run.state === "Inconclusive") {
    return run.retry === seen.spec.retry || isWaived(check, cursor, run) ? { run } : next(run.repeated);
  }
  if (run.state === "Passed") return { run };
  const job = seen.jobs.find((one) => one.run === runId(cursor, run));
  const late = watched(seen, run.since, now) >= durationMs(check.timeout) + GRACE_MS;
  const lost = (why: string): Advanced =>
    run.repeated < check.retries
      ? next(run.repeated + 1)
      : { run: { ...run, state: "Inconclusive", message: short(why) } };
  switch (job?.state) {
    case "Passed":
      return { run: { ...run, state: "Passed", begun: true, message: short(job.message) } };
    case "Failed":
      return { failure: said(check, run, `failed${job.message === "" ? "" : `: ${job.message}`}`) };
    case "Lost":
      return lost(job.message);
    case "Running":
      return late
        ? lost([`it took longer than ${check.timeout}`, job.message].filter((text) => text !== "").join(": "))
        : { run: { ...run, begun: true, message: short(job.message) } };
    case undefined:
      if (run.begun) return lost("its Job was deleted before it ended");
      return late ? lost("its Job could not be made") : { run };
  }
}

function short(text: string): string {
  return text.slice(0, 300);
}

/** Jobs to be made, and Jobs that are in nobody's way any more: those of former runs that go on, and all but the latest that ended. */
export function checkEffects(seen: Seen, cursor: Cursor): readonly CheckEffect[] {
  const names = new Set(cursor.stage === "Stepping" ? seen.spec.checks.map(({ name }) => name) : []);
  const running = cursor.checks.filter(({ name, state }) => names.has(name) && state === "Running");
  const ids = new Set(running.map((run) => runId(cursor, run)));
  const missing = running.filter(
    (run) => !run.begun && !seen.unfitChecks.has(run.name) && !seen.jobs.some((job) => job.run === runId(cursor, run)),
  );
  const started = missing.map(
    (run): CheckEffect => ({
      do: "RunCheck",
      check: run.name,
      run: runId(cursor, run),
      revision: cursor.candidate ?? "",
    }),
  );
  const former = seen.jobs.filter(({ run }) => !ids.has(run));
  const newestFirst = [...former].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  const ended = newestFirst.filter(({ state }) => state !== "Running");
  const gone = [...former.filter(({ state }) => state === "Running"), ...ended.slice(KEPT_JOBS)];
  return [...started, ...gone.map(({ name }): CheckEffect => ({ do: "RemoveJob", job: name }))];
}
