import type { JobSeen } from "../../core/rollout/checks.ts";

/** What becomes of the runs of a check: "Never" goes on for ever, as a Job whose image does not exist. */
export interface CheckBehaviour {
  readonly outcome: "Passed" | "Failed" | "Lost" | "Never";
  readonly afterMs: number;
}

interface SimJob {
  readonly check: string;
  readonly startedAt: number;
  /** Fixed when it ends. */
  ended?: "Passed" | "Failed" | "Lost";
}

/** The Jobs of a simulated rollout's checks. */
export class SimJobs {
  /** By the check's name; one that is not named passes after two seconds. */
  readonly behaviours = new Map<string, CheckBehaviour>();
  /** Runs in the order in which they were started. */
  readonly started: string[] = [];
  readonly passed = new Set<string>();
  readonly #jobs = new Map<string, SimJob>();

  run(check: string, run: string, now: number): void {
    if (this.#jobs.has(run)) return;
    if (!this.started.includes(run)) this.started.push(run);
    this.#jobs.set(run, { check, startedAt: now });
  }

  remove(run: string): void {
    this.#jobs.delete(run);
  }

  /** Somebody deletes what runs. */
  kill(): void {
    for (const [run, job] of this.#jobs) if (job.ended === undefined) this.#jobs.delete(run);
  }

  seen(now: number): readonly JobSeen[] {
    return [...this.#jobs].map(([run, job]) => {
      const { outcome, afterMs } = this.behaviours.get(job.check) ?? { outcome: "Passed", afterMs: 2_000 };
      if (job.ended === undefined && outcome !== "Never" && now - job.startedAt >= afterMs) job.ended = outcome;
      if (job.ended === "Passed") this.passed.add(run);
      const state = job.ended ?? "Running";
      const message = {
        Running: outcome === "Never" ? "its pod waits: ImagePullBackOff" : "",
        Passed: "",
        Failed: "3 of 40 tests",
        Lost: "its pod was evicted",
      }[state];
      return { name: run, run, state, message, createdAt: new Date(job.startedAt).toISOString() };
    });
  }
}
