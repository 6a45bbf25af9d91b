import { sideBySide } from "../../e2e/harness/sideBySide.ts";
import { appObjects, OBJECTS_PER_APP } from "./app.ts";
import { type Requests, total } from "./requests.ts";
import { hasAnswered, isApplied, type Stage } from "./stage.ts";

/** Calls that an idle client has in flight. */
const IN_FLIGHT = 16;
const LIMIT_MS = 600_000;

/** What the whole bench has found. Rates are objects a second, times milliseconds. */
export interface Findings {
  readonly syncRate: number;
  readonly firstSync: Requests;
  readonly changeMs: readonly number[];
  readonly changes: readonly Requests[];
  readonly checkMs: number;
  readonly check: Requests;
}

/** Objects a second: until the API server has answered, and until the controllers have seen what it stored. */
export interface BareRates {
  readonly answered: number;
  readonly observed: number;
}

/**
 * How fast the API server takes the objects of all apps when a client does nothing else. A sync is ready when the
 * controllers have seen its Deployments, and they share the machine with it: the second rate goes up to the same point.
 */
export async function measureBare(stage: Stage, apps: readonly string[], namespace: string): Promise<BareRates> {
  const objects = apps.flatMap((app) => appObjects(app));
  await stage.kube.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  // The first calls of a fresh API server are slow; they would flatter everything that comes after.
  const warm = appObjects("warm").map((object) => () => stage.kube.apply(inNamespace(object, namespace)));
  await inFlight(warm);
  const started = performance.now();
  await inFlight(objects.map((object) => () => stage.kube.apply(inNamespace(object, namespace))));
  const answered = rate(objects.length, performance.now() - started);
  await stage.untilObserved(namespace, LIMIT_MS);
  return { answered, observed: rate(objects.length, performance.now() - started) };
}

/** From the first GitSync that is made until the last is ready. */
export async function measureSync(
  stage: Stage,
  apps: readonly string[],
): Promise<Pick<Findings, "syncRate" | "firstSync">> {
  let ms = Number.NaN;
  const firstSync = await stage.requestsDuring(async () => {
    const started = performance.now();
    await inFlight(apps.map((app) => () => stage.sync(app)));
    await stage.untilSyncs("ready", apps.length, (sync) => isApplied(sync), LIMIT_MS);
    ms = performance.now() - started;
  });
  return { syncRate: rate(apps.length * OBJECTS_PER_APP, ms), firstSync };
}

/** One app changes, again and again: from the begin of each push until its GitSync is ready at that commit. */
export async function measureChanges(
  stage: Stage,
  app: string,
  times: number,
): Promise<Pick<Findings, "changeMs" | "changes">> {
  stage.hook(app);
  const changeMs: number[] = [];
  const changes: Requests[] = [];
  for (let n = 2; n < times + 2; n++) {
    changes.push(
      await stage.requestsDuring(async () => {
        const { sha, pushedAt } = await stage.release(app, `registry.example.com/app:${n}`);
        await stage.untilSyncs(`at ${sha}`, 1, (sync) => isApplied(sync, sha), LIMIT_MS);
        changeMs.push(performance.now() - pushedAt);
      }),
    );
  }
  return { changeMs, changes };
}

/** Everything is asked for a check while nothing has changed. */
export async function measureCheck(
  stage: Stage,
  apps: readonly string[],
): Promise<Pick<Findings, "checkMs" | "check">> {
  let checkMs = Number.NaN;
  const checkAll = async (request: string): Promise<void> => {
    const started = performance.now();
    await inFlight(apps.map((app) => () => stage.check(app, request)));
    await stage.untilSyncs("checked", apps.length, (sync) => hasAnswered(sync, request), LIMIT_MS);
    checkMs = performance.now() - started;
  };
  // The first round tells all of them of the commits that changed one.
  await checkAll("bench-1");
  const check = await stage.requestsDuring(() => checkAll("bench-2"));
  return { checkMs, check };
}

/** The requests of a forced check beside the one write that answers it. */
export function besidesAnswers(check: Requests, apps: number): number {
  return total(check) - Math.min(check["patch gitsyncs"] ?? 0, apps);
}

function inNamespace(object: ReturnType<typeof appObjects>[number], namespace: string) {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function inFlight(calls: readonly (() => Promise<unknown>)[]): Promise<void> {
  return sideBySide(calls, IN_FLIGHT, (call) => call());
}

function rate(count: number, ms: number): number {
  return (count * 1000) / ms;
}
