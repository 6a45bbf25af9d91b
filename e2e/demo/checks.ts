import { type FailureCount, failures } from "../apps/load.ts";
import { type Facts, timings } from "./facts.ts";
import type { Sample } from "./sample.ts";
import { ended, onlyFrom, WEIGHTS } from "./story.ts";

/** One thing that should have happened, and what did. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
}

const MEMORY_LIMIT = 150 * 1024 * 1024;
const BACK_WITHIN_MS = 10_000;

/** All checks of the story. */
export function checksOf(facts: Facts): readonly Check[] {
  return [...aboutV2(facts), ...aboutTheWayBack(facts), ...aboutV3(facts), ...aboutAll(facts)];
}

/** The check that is made when everything is down. */
export function nothingLeft(left: readonly string[]): Check {
  return { what: "nothing is left behind", ok: left.length === 0, found: left.join("; ") || "nothing" };
}

function aboutV2({ samples, pushes }: Facts): readonly Check[] {
  const all = during(samples, pushes.v2?.at, pushes.v3?.at);
  const steps = all.filter(({ status }) => status.rollout?.stage === "Stepping");
  // A step that has had its time is left the moment the verdict comes: what the cursor remembers is never missed.
  const passed = WEIGHTS.filter((weight) => all.some(({ status }) => status.rollout?.passed === weight));
  const verdict = steps.some(({ status }) => status.rollout?.verdicts.some(({ outcome }) => outcome === "Pass"));
  const after = samples.findLast(
    (sample) => sample.at < (pushes.v3?.at ?? Infinity) && ended(sample, "Promoted", "v2"),
  );
  const judged = [...uidsOf(steps, "v2")];
  const kept = judged.filter((uid) => after?.pods.some((pod) => pod.uid === uid && pod.ready && pod.restarts === 0));
  return [
    {
      what: `v2 passed ${WEIGHTS.join(" % and ")} %, each by a verdict of Prometheus, and was promoted`,
      ok: passed.length === WEIGHTS.length && verdict && after !== undefined,
      found: `passed ${passed.join(", ") || "none"}; ${after === undefined ? "not promoted" : "promoted"}`,
    },
    {
      what: "the pods that were judged serve on after the promotion, none was restarted",
      ok: judged.length > 0 && kept.length === judged.length && after !== undefined && onlyFrom(after, "v2"),
      found: `${kept.length} of ${judged.length} pods; answers of ${Object.keys(after?.answers ?? {}).join(", ")}`,
    },
  ];
}

function aboutV3({ samples, pushes }: Facts): readonly Check[] {
  const of = during(samples, pushes.v3?.at, pushes.revertOfV2?.at);
  const entry = of.flatMap(({ status }) => status.history ?? []).find(({ outcome }) => outcome === "Rejected");
  const rejected = of.find(({ reason }) => reason === "Rejected");
  const weights = of
    .filter(({ status, versionOf }) => versionOf.get(status.rollout?.candidate ?? "") === "v3")
    .map(({ status }) => status.rollout?.weight ?? 0);
  const highest = Math.max(0, entry?.peakWeight ?? 0, ...weights);
  const again = of.find(
    ({ at, applied, ready }) =>
      at >= (pushes.revertOfV3?.at ?? Infinity) && applied === pushes.revertOfV3?.sha && ready,
  );
  return [
    {
      what: "v3 was rejected, and the resource says why",
      ok: entry !== undefined && /errors/.test(entry.message) && rejected !== undefined,
      found: rejected?.message ?? entry?.message ?? "it was not",
    },
    {
      what: "v3 never had more than the first step's weight",
      ok: weights.length > 0 && highest === WEIGHTS[0],
      found: `at most ${highest} %`,
    },
    { what: "the revert of v3 brought Ready back", ok: again !== undefined, found: again?.message ?? "not Ready" },
  ];
}

function aboutTheWayBack(facts: Facts): readonly Check[] {
  const { samples, pushes } = facts;
  const ms = timings(facts).v1Alone;
  const of = during(samples, pushes.revertOfV2?.at, undefined);
  const last = of.at(-1);
  const steps = of.filter(({ status }) => status.rollout?.stage === "Stepping").length;
  const first = [...uidsOf(during(samples, 0, pushes.v2?.at).slice(-1), "v1")];
  const same = first.filter((uid) => last?.pods.some((pod) => pod.uid === uid && pod.ready && pod.restarts === 0));
  const back = last !== undefined && ended(last, "RolledBack", "v1");
  return [
    {
      what: `all answers were v1's again within ${BACK_WITHIN_MS / 1_000} s of the revert`,
      ok: ms !== undefined && ms < BACK_WITHIN_MS,
      found: ms === undefined ? "not back" : `${(ms / 1_000).toFixed(1)} s`,
    },
    {
      what: "v1 came back by its first pods, without a step and without analysis",
      ok: back && steps === 0 && first.length > 0 && same.length === first.length,
      found: `${same.length} of ${first.length} pods${steps > 0 ? ", after steps" : ""}`,
    },
  ];
}

function aboutAll({ samples, load, rate, differences, memory }: Facts): readonly Check[] {
  const lost = load === undefined ? [] : failures(load, { exceptVersion: "v3" });
  const loaded = samples.filter((sample) => sample.load !== undefined);
  const [first, last] = [loaded[0], loaded.at(-1)];
  const seconds = first && last ? (last.at - first.at) / 1_000 : 0;
  const reached =
    first && last && seconds > 0 ? ((last.load?.answered ?? 0) - (first.load?.answered ?? 0)) / seconds : 0;
  return [
    {
      what: "no request failed, but by v3's own doing",
      ok: load !== undefined && load.answered > 0 && lost.length === 0,
      found: lost.map(describe).join("; ") || `${load?.answered ?? 0} answered`,
    },
    {
      what: "at least 100 requests a second were answered all the time",
      ok: reached >= Math.min(100, rate),
      found: `${reached.toFixed(0)} a second`,
    },
    {
      what: "at rest the cluster says what Git says, the Service's selector too",
      ok: differences?.length === 0,
      found: differences === undefined ? "not looked at" : differences.join(", ") || "no difference",
    },
    {
      what: "the operator's memory is below 150 MiB",
      ok: memory !== undefined && memory < MEMORY_LIMIT,
      found: memory === undefined ? "not measured" : `${(memory / 1024 / 1024).toFixed(0)} MiB`,
    },
  ];
}

function describe({ version, what, count }: FailureCount): string {
  return `${count} of ${version ?? "nobody"}: ${what}`;
}

function during(samples: readonly Sample[], from: number | undefined, to: number | undefined): readonly Sample[] {
  if (from === undefined) return [];
  return samples.filter(({ at }) => at >= from && at < (to ?? Infinity));
}

/** Ready pods of revisions: those of the Deployment itself leave when it is taken over. */
function uidsOf(samples: readonly Sample[], version: string): ReadonlySet<string> {
  const pods = samples
    .flatMap(({ pods }) => pods)
    .filter((pod) => pod.version === version && pod.ready && pod.revision !== undefined);
  return new Set(pods.map(({ uid }) => uid));
}
