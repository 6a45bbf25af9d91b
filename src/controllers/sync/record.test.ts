import { expect, test } from "vitest";
import { type Manifest, refOf } from "../../api/objects.ts";
import { firstPlanText } from "../../api/v1alpha1/firstPlan.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { API_VERSION, Mark } from "../../api/v1alpha1/names.ts";
import { entryFor } from "../../core/sync/inventory.ts";
import { ownerMark } from "../../core/sync/owner.ts";
import { ApiError } from "../../ports/cluster.ts";
import type { PruneParts } from "./prune.ts";
import { recordOf, recover } from "./record.ts";
import { SyncStates } from "./state.ts";

const never = new AbortController().signal;

/** A ConfigMap that bears the mark of a sync, or none. */
function live(name: string, owner?: string): Manifest {
  const object: Manifest = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop", uid: name } };
  if (owner === undefined) return object;
  const mark = ownerMark({ namespace: "shop", name: owner }, refOf(object));
  return { ...object, metadata: { ...object.metadata, annotations: { [Mark.owner]: mark } } };
}

const STORED = [live("mine", "app"), live("theirs", "other"), live("nobodys")];
const PLANNED = ["mine", "theirs", "nobodys", "gone", "silent"].map((name) => entryFor(refOf(live(name))));

const parts = {
  managed: { complete: () => undefined, open: () => undefined },
  cluster: {
    get: async ({ name }: { name: string }) => {
      if (name === "silent") throw new ApiError("Unavailable", "no answer");
      return STORED.find(({ metadata }) => metadata.name === name);
    },
  },
} as unknown as PruneParts;

function planned(status: object) {
  const object = { apiVersion: API_VERSION, kind: "GitSync", metadata: { name: "app", namespace: "shop", uid: "u" } };
  const annotations = { [Mark.firstPlan]: firstPlanText(object, PLANNED) ?? "" };
  const metadata = { ...object.metadata, annotations };
  return parseGitSync({ ...object, metadata, spec: { url: "https://git.example.com/x.git" }, status } as Manifest);
}

test("of a plan that a former process left, what bears the mark is on record, and what cannot be read", async () => {
  const state = new SyncStates().of("shop/app");
  await recover(planned({}), state, parts, never);
  expect(recordOf(planned({}), state).map(({ id }) => id)).toEqual(["/ConfigMap/shop/mine", "/ConfigMap/shop/silent"]);
});

test("an inventory in the status is the record, be it an empty one", async () => {
  const state = new SyncStates().of("shop/app");
  await recover(planned({ inventory: [] }), state, parts, never);
  expect(state.planned).toBeUndefined();
  expect(recordOf(planned({ inventory: [] }), state)).toEqual([]);
});

test("what this process has planned needs no proof", async () => {
  const state = Object.assign(new SyncStates().of("shop/app"), { planned: PLANNED });
  await recover(planned({}), state, parts, never);
  expect(recordOf(planned({}), state)).toBe(PLANNED);
});
