import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Manifest, title } from "../../api/objects.ts";
import { immutableFields, isPrecious } from "../../core/sync/immutable.ts";
import { type ApiError, type Cluster, type Identity, isApiError } from "../../ports/cluster.ts";
import { type Applied, failed } from "./apply.ts";
import { failureOf, refusal } from "./failure.ts";
import type { Write } from "./intent.ts";

/** How long a pass waits for a deleted object to be gone; later ones go on. */
const GONE_MS = 5_000;
const LOOK_MS = 100;

/** Gone: it may be made anew now. */
type Recreation = { readonly kind: "Gone"; readonly fields: readonly string[] } | Applied;

/** Why a refused object may be deleted to be made anew, or what is told of it instead. */
type Verdict = { readonly kind: "Proven"; readonly fields: readonly string[]; readonly live: Manifest } | Applied;

interface Parts {
  readonly cluster: Cluster;
}

/**
 * Deletes an object whose change the API server refused, if that is allowed and would help; else tells why not.
 * Everything else of the object's kind of failure is told as any refusal.
 */
export async function recreate(
  intent: Write,
  error: ApiError,
  identity: Identity,
  { cluster }: Parts,
  signal: AbortSignal,
): Promise<Recreation> {
  const verdict = await judge(intent, error, identity, { cluster }, signal);
  if (verdict.kind !== "Proven") return verdict;
  const { member } = intent;
  const { uid = "", resourceVersion } = verdict.live.metadata;
  const precise = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }), ...accountOf(identity) };
  await cluster.remove(member.ref, precise, signal);
  for (let waited = 0; waited < GONE_MS; waited += LOOK_MS) {
    if ((await cluster.get(member.ref, signal)) === undefined) return { kind: "Gone", fields: verdict.fields };
    await setTimeout(LOOK_MS, undefined, { signal });
  }
  return { kind: "Waiting", member, message: "is being deleted, and is made anew once it is gone" };
}

/**
 * An object is deleted only where all of this is true: Git allows it on the object, the API server refuses nothing but the
 * change of fields that may not change, they do differ, and a new object of the same content would be accepted.
 */
export async function judge(
  { member, options, over, shared }: Write,
  error: ApiError,
  identity: Identity,
  { cluster }: Parts,
  signal: AbortSignal,
): Promise<Verdict> {
  const refused = { kind: "Failed", member, failure: failureOf(member, error) } as const;
  const { ref } = member;
  const live = await cluster.get(ref, signal);
  const desired = over(live).object;
  const fields = live === undefined ? undefined : immutableFields(desired, live, error.causes);
  if (live === undefined || fields === undefined) return refused;
  const message = `changes ${fields.join(", ")}, which the API server does not let change`;
  if (!options.recreate) return failed(member, "ImmutableField", message);
  if (isPrecious(ref)) return failed(member, "ImmutableField", `${message}; a ${ref.kind} is never deleted for that`);
  if (shared) return failed(member, "ImmutableField", `${message}; a rollout drives it, so it is not deleted`);
  const trial = over(undefined).object;
  const name = `fairlead-trial-${randomBytes(4).toString("hex")}`;
  const renamed = { ...trial, metadata: { ...trial.metadata, name } };
  try {
    await cluster.apply(renamed, { ...accountOf(identity), dryRun: true }, signal);
  } catch (why) {
    if (!isApiError(why) || why.kind === "Fenced") throw why;
    const said = refusal(why, `cannot apply ${title({ ...ref, name })}: `, "would be refused");
    return failed(member, "ImmutableField", `${message}; it is not deleted, as a new one ${said}`);
  }
  return { kind: "Proven", fields, live };
}

function accountOf({ account }: Identity): Identity {
  return account === undefined ? {} : { account };
}
