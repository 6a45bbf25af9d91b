import fc from "fast-check";
import { isObject, type Json, type JsonObject } from "../../../src/api/json.ts";
import type { Manifest } from "../../../src/api/objects.ts";

/** One call of a generated sequence. `object` names one of two objects of a kind. */
export type MemoryCall =
  | {
      readonly do: "apply";
      readonly object: Manifest;
      readonly manager: string;
      readonly force: boolean;
      readonly dryRun: boolean;
      readonly version: "none" | "current" | "stale";
    }
  | {
      readonly do: "patch";
      readonly of: Target;
      readonly patch: JsonObject;
      readonly manager: string;
      readonly status: boolean;
    }
  | {
      readonly do: "remove";
      readonly of: Target;
      readonly uid: "none" | "current" | "wrong";
      readonly version: "none" | "current" | "stale";
    };

/** An object by its kind and the last part of its name. */
export interface Target {
  readonly kind: Kind;
  readonly name: string;
}

/** The kinds that both servers are asked for. */
export const KINDS = {
  ConfigMap: "v1",
  ServiceAccount: "v1",
  Service: "v1",
  Deployment: "apps/v1",
  Widget: "example.com/v1",
} as const;
type Kind = keyof typeof KINDS;

const part = <T>(values: Record<string, fc.Arbitrary<T>>) => fc.record(values, { requiredKeys: [] });
const texts = fc.constantFrom("1", "2");
const labels = part({ one: texts, two: texts });
const finalizers = fc.constantFrom<Json | undefined>(undefined, undefined, undefined, ["example.com/hold"]);

const container = fc.record(
  {
    image: fc.constantFrom("registry.example.com/a:1", "registry.example.com/a:2", "registry.example.com/a"),
    env: fc
      .subarray(["A", "B"], { minLength: 1 })
      .chain((names) => fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), value: texts })))),
    ports: fc.constantFrom<Json>([{ containerPort: 80 }], [{ containerPort: 80, name: "http" }, { containerPort: 81 }]),
    resources: fc.record({ limits: part({ cpu: fc.constantFrom("1", "2"), memory: fc.constant("1Gi") }) }),
    command: fc.constantFrom<Json>(["a"], ["a", "b"]),
  },
  { requiredKeys: ["image"] },
);
const containers = fc
  .subarray(["side", "web"], { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((name) => container.map((rest) => ({ name, ...rest })))));

const SPECS: Readonly<Record<Kind, (app: string) => fc.Arbitrary<object>>> = {
  ConfigMap: () =>
    part<Json>({ data: part<Json>({ a: texts, b: texts, c: texts }), immutable: fc.constantFrom(false, false, true) }),
  ServiceAccount: () =>
    part<unknown>({
      automountServiceAccountToken: fc.boolean(),
      imagePullSecrets: fc.subarray([{ name: "s1" }, { name: "s2" }], { minLength: 1 }),
    }),
  Service: (app) =>
    fc.record({
      spec: fc.record(
        {
          ports: fc.subarray(
            [
              { name: "http", port: 80 },
              { name: "tls", port: 443, targetPort: "tls" },
            ],
            { minLength: 1 },
          ),
          selector: fc.constantFrom({ app }, { app, tier: "web" }),
        },
        { requiredKeys: ["ports"] },
      ),
    }),
  Deployment: (app) =>
    fc.record({
      spec: fc.record(
        {
          replicas: fc.constantFrom(0, 2),
          minReadySeconds: fc.constant(3),
          selector: fc.constant({ matchLabels: { app } }),
          strategy: fc.constantFrom<Json>({ type: "Recreate" }, { rollingUpdate: { maxSurge: 1 } }),
          template: fc.record({
            metadata: part<Json>({ annotations: labels }).map((rest) => ({ labels: { app }, ...rest })),
            spec: fc.record({ containers }),
          }),
        },
        { requiredKeys: ["selector", "template"] },
      ),
    }),
  Widget: () =>
    part<unknown>({
      spec: part<unknown>({
        size: fc.constantFrom(1, 2),
        tags: fc.subarray(["x", "y"]),
        nested: part({ x: texts, y: texts }),
      }),
    }),
};

const kind = fc.constantFrom(...(Object.keys(KINDS) as Kind[]));
const version = fc.constantFrom("none", "none", "none", "current", "stale" as const) as fc.Arbitrary<
  "none" | "current" | "stale"
>;

/** Without what is undefined; and without empty maps, unless they are wanted: typed kinds drop them, and the memory does not know where. */
function full(value: object, empty: boolean): JsonObject {
  const dropped = (below: unknown) => !empty && isObject(below) && Object.keys(below).length === 0;
  return JSON.parse(JSON.stringify(value), (_key, below: unknown) =>
    dropped(below) ? undefined : below,
  ) as JsonObject;
}

function object(of: Kind, name: string): fc.Arbitrary<Manifest> {
  const metadata = part<Json | undefined>({
    labels: labels as fc.Arbitrary<Json>,
    annotations: labels as fc.Arbitrary<Json>,
    finalizers,
  });
  return fc
    .tuple(metadata, SPECS[of](name))
    .map(
      ([meta, rest]) =>
        full(
          { apiVersion: KINDS[of], kind: of, metadata: { ...meta, name }, ...rest },
          of === "Widget",
        ) as unknown as Manifest,
    );
}

const PATCHES: Readonly<Record<Kind, readonly JsonObject[]>> = {
  ConfigMap: [{ data: { a: "9" } }, { data: { b: null } }, { data: { d: "9" } }],
  ServiceAccount: [{ automountServiceAccountToken: true }, { imagePullSecrets: [{ name: "s9" }] }],
  Service: [{ spec: { selector: { app: "other" } } }, { spec: { publishNotReadyAddresses: true } }],
  Deployment: [
    { spec: { replicas: 5 } },
    { spec: { paused: true } },
    { spec: { template: { metadata: { annotations: { one: "9" } } } } },
  ],
  Widget: [{ spec: { size: 9 } }, { spec: { nested: { x: "9" } } }, { spec: { nested: null } }],
};
const MARKS: readonly JsonObject[] = [
  { metadata: { labels: { one: "9" } } },
  { metadata: { annotations: { mine: "9" } } },
  { metadata: { finalizers: null } },
];

function callOn(of: Kind, name: string): fc.Arbitrary<MemoryCall> {
  const target = { kind: of, name };
  const status = { status: { observedGeneration: 1, replicas: 2 } };
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("apply" as const),
        object: object(of, name),
        manager: fc.constantFrom("fairlead", "fairlead", "helm"),
        force: fc.constantFrom(true, true, false),
        dryRun: fc.constantFrom(false, false, false, false, true),
        version,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("patch" as const),
        of: fc.constant(target),
        patch: fc.constantFrom(...PATCHES[of], ...MARKS),
        manager: fc.constantFrom("edit", "tool"),
        status: fc.constant(false),
      }),
    },
    ...(of === "Deployment" || of === "Widget"
      ? [
          {
            weight: 1,
            arbitrary: fc.constant({ do: "patch" as const, of: target, patch: status, manager: "tool", status: true }),
          },
        ]
      : []),
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("remove" as const),
        of: fc.constant(target),
        uid: fc.constantFrom("none", "current", "wrong" as const) as fc.Arbitrary<"none" | "current" | "wrong">,
        version,
      }),
    },
  );
}

/** A sequence of calls on one object. */
export function sequence(name: string): fc.Arbitrary<readonly MemoryCall[]> {
  return kind.chain((of) => fc.array(callOn(of, name), { minLength: 2, maxLength: 10 }));
}
