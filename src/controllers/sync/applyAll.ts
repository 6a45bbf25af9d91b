import type { Member } from "../../core/sync/desiredSet.ts";
import { stages } from "../../core/sync/order.ts";
import { type Applied, type Applier, type ApplyParts, applyMember, failed } from "./apply.ts";
import { EndingNamespaces } from "./endingNamespaces.ts";

/** Applies under way at once in one sync. */
const IN_FLIGHT = 8;
/** So long after the work on a commit began, a definition of it that is still not served is a failure. */
const DEFINITION_LIMIT_MS = 10_000;

/** Stage after stage; within one, side by side. What fails stops nothing else. `elapsed` is since the work on the commit began. */
export async function applyAll(
  members: readonly Member[],
  applier: Applier,
  parts: ApplyParts,
  clock: { readonly now: () => number; readonly elapsed: number },
  signal: AbortSignal,
): Promise<readonly Applied[]> {
  const results: Applied[] = [];
  const namespaces = new EndingNamespaces(applier.state.ending);
  const one = (member: Member) =>
    namespaces.apply(member, () => applyMember(member, applier, parts, clock.now(), signal));
  for (const { items } of stages(members.filter(({ served }) => served === "Yes"))) {
    results.push(...(await mapLimited(items, one)));
  }
  for (const member of members.filter(({ served }) => served !== "Yes")) {
    results.push(withoutKind(member, clock.elapsed));
  }
  return results;
}

function withoutKind(member: Member, elapsed: number): Applied {
  if (member.served === "AfterItsCRD" && elapsed < DEFINITION_LIMIT_MS) {
    return { kind: "Waiting", member, message: "waits for its definition to be served" };
  }
  if (member.served === "Silent") {
    return failed(member, "ReconcileFailed", `waits for the API of ${member.ref.apiVersion}, which does not answer`);
  }
  const message = `has a kind that the API server does not serve (${member.ref.apiVersion})`;
  return failed(member, "UnknownKind", message);
}

/** Runs side by side, and ends when all have: nothing of a pass goes on behind the back of the next one. */
export async function mapLimited<A, B>(items: readonly A[], run: (item: A) => Promise<B>): Promise<readonly B[]> {
  const results: B[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await run(item);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(IN_FLIGHT, items.length) }, worker));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return results;
}
