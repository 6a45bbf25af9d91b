import { registerHooks } from "node:module";
import { isObject, type Json } from "../../src/api/json.ts";

/**
 * Loaded into an operator with `node --import`, it makes that a later version on a later Kubernetes: its schema has more
 * optional fields with defaults, pods have fields that nobody knows yet, and keys come and go in another order.
 */
const ADDITIONS: Readonly<Record<string, readonly [before: string, addition: string]>> = {
  "/src/api/v1alpha1/progressiverollout.ts": [
    "paused: z.boolean()",
    'pace: z.object({ kind: z.enum(["Calm", "Brisk"]).default("Calm") }).default({ kind: "Calm" }), ',
  ],
  "/src/api/v1alpha1/cursor.ts": ["enteredAt: time.describe", "pace: z.int().min(0).max(9).default(3), "],
};

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    const [, change] = Object.entries(ADDITIONS).find(([file]) => url.endsWith(file)) ?? [];
    if (change === undefined) return loaded;
    const source = String(loaded.source);
    const [before, addition] = change;
    if (!source.includes(before)) throw new Error(`${url} has no "${before}": this is no newer version of it`);
    return { ...loaded, source: source.replace(before, `${addition}${before}`) };
  },
});

const { parse, stringify } = JSON;
JSON.parse = ((text, reviver) => newer(parse(text, reviver) as Json)) as typeof parse;
JSON.stringify = ((value: unknown, replacer: never, space: never) =>
  stringify(reordered(value), replacer, space)) as typeof stringify;

/** What a later API server would have answered: defaults of its own in every pod's spec, keys in another order. */
function newer(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => newer(item));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, newer(inner ?? null)] as const);
  const podSpec = Array.isArray(value["containers"]) && value["restartPolicy"] !== undefined;
  const defaults = podSpec ? ([["futurePolicy", { mode: "Always", seconds: 30 }]] as const) : [];
  return Object.fromEntries([...defaults, ...entries.reverse()]);
}

function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (!isObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reordered(inner)]),
  );
}
