import { expect, test, vi } from "vitest";
import { customResourceDefinition, RESOURCES } from "../api/crd.ts";
import type { JsonObject } from "../api/json.ts";
import type { Manifest } from "../api/objects.ts";
import type { EventNote } from "../ports/events.ts";
import { createLogger } from "../telemetry/logger.ts";
import { watchDefinitions } from "./definitions.ts";

const current = new Map(
  RESOURCES.map((resource) => [`${resource.plural}.fairlead.dev`, customResourceDefinition(resource)]),
);

/** The definition of rollouts as an older version had it: without `retry`. */
function older(): Manifest {
  const definition = structuredClone(current.get("progressiverollouts.fairlead.dev")) as Manifest;
  const { versions } = definition["spec"] as { versions: { schema: { openAPIV3Schema: JsonObject } }[] };
  const schema = versions[0]?.schema.openAPIV3Schema as {
    properties: { spec: { properties: Record<string, unknown> } };
  };
  delete schema.properties.spec.properties["retry"];
  return definition;
}

function rig(get: (name: string) => Manifest | undefined) {
  const gauges = new Map<string, number>();
  const notes: string[] = [];
  let reads = 0;
  const parts = {
    cluster: {
      get: async ({ name }: { name: string }) => {
        reads += 1;
        return get(name);
      },
    },
    events: {
      note: (about: Manifest, { reason, message }: EventNote) =>
        notes.push(`${about.metadata.name} ${reason}: ${message}`),
    },
    log: createLogger({ level: "fatal" }),
    telemetry: { definition: (kind: string, missing: number) => void gauges.set(kind, missing) },
  };
  const stop = new AbortController();
  return { parts, gauges, notes, reads: () => reads, stop };
}

test("P34: definitions of this version are read once, and nothing is said", async () => {
  const { parts, gauges, notes, reads, stop } = rig((name) => current.get(name));
  await watchDefinitions(parts, stop.signal);
  expect([...gauges.values()]).toEqual([0, 0]);
  expect(notes).toEqual([]);
  expect(reads()).toBe(RESOURCES.length);
});

test("P34: an older definition is told with the fields that it drops, until it is replaced", async () => {
  let stored = older();
  const { parts, gauges, notes, stop } = rig((name) => (name.startsWith("progressive") ? stored : current.get(name)));
  const done = watchDefinitions(parts, stop.signal, 1);
  await vi.waitFor(() => expect(gauges.get("ProgressiveRollout")).toBe(1));
  expect(notes[0]).toMatch(
    /^progressiverollouts\.fairlead\.dev CRDOutdated: .*drops \.spec\.retry from every ProgressiveRollout/,
  );
  stored = current.get("progressiverollouts.fairlead.dev") as Manifest;
  await done;
  expect(gauges.get("ProgressiveRollout")).toBe(0);
});

test("P34: definitions that cannot be read hold nothing up", async () => {
  const { parts, notes, stop } = rig(() => {
    throw new Error("forbidden");
  });
  await watchDefinitions(parts, stop.signal);
  expect(notes).toEqual([]);
});
