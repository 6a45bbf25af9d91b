import { type Git, GitError } from "../ports/git.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Telemetry } from "./metrics.ts";

/** Counts what is asked of Git by how it ended, whoever implements it. */
export function countedGit(git: Git, telemetry: Telemetry): Git {
  const counted = async <T>(verb: keyof Git, signal: AbortSignal, run: () => Promise<T>): Promise<T> => {
    try {
      const answer = await run();
      telemetry.gitRequest(verb, "Done");
      return answer;
    } catch (error) {
      telemetry.gitRequest(verb, error instanceof GitError ? error.reason : signal.aborted ? "Aborted" : "Other");
      throw error;
    }
  };
  return {
    resolve: (source, signal, since) => counted("resolve", signal, () => git.resolve(source, signal, since)),
    descends: (source, newer, older, signal) =>
      counted("descends", signal, () => git.descends(source, newer, older, signal)),
    since: (source, sha, trusted, signal) => counted("since", signal, () => git.since(source, sha, trusted, signal)),
    tag: (source, sha, tag, signal) => counted("tag", signal, () => git.tag(source, sha, tag, signal)),
    look: (source, sha, paths, signal) => counted("look", signal, () => git.look(source, sha, paths, signal)),
    read: (source, sha, paths, wants, signal) =>
      counted("read", signal, () => git.read(source, sha, paths, wants, signal)),
  };
}

/** Counts the queries sent to Prometheus by what they brought. */
export function countedMetrics(metrics: Metrics, telemetry: Telemetry): Metrics {
  return {
    async query(address, question, signal) {
      const sample = await metrics.query(address, question, signal);
      telemetry.metricQuery(sample.kind);
      return sample;
    },
    async series(address, question, signal) {
      const series = await metrics.series(address, question, signal);
      telemetry.metricQuery(series.kind);
      return series;
    },
  };
}
