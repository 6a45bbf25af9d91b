import { z } from "zod";

const DURATION = "^([0-9]{1,6}(ms|s|m|h))+$";

/** A duration as Go writes it, in whole units: 90s, 5m, 1h30m, 250ms. */
export const duration = z.string().regex(new RegExp(DURATION)).max(32);

/** A duration with a lower bound: a poll without pause would load whatever is asked. */
export function atLeast(least: string) {
  return duration.meta({
    "x-kubernetes-validations": [
      // What is no duration has its own complaint.
      {
        rule: `!self.matches('${DURATION}') || duration(self) >= duration('${least}')`,
        message: `must be at least ${least}`,
      },
    ],
  });
}

/** A DNS label or subdomain: the name of an object. */
export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);

/** RFC 3339 time, written by Fairlead. */
export const time = z.string().max(40).meta({ format: "date-time" });

/** A condition as the Kubernetes API conventions have it. */
export const condition = z
  .object({
    type: z.string().min(1).max(316),
    status: z.enum(["True", "False", "Unknown"]),
    observedGeneration: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    lastTransitionTime: time,
    reason: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[A-Z][A-Za-z0-9]*$/),
    message: z.string().max(32768),
  })
  .describe("An observation: never read back as input.");
export type Condition = Readonly<z.infer<typeof condition>>;

/** The conditions of a resource, one for each type. */
export const conditions = z
  .array(condition)
  .max(16)
  .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] });

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Milliseconds of a duration such as `1h30m`.
 * Throws a RangeError that quotes the text when it is no duration; the schema lets none through.
 */
export function durationMs(text: string): number {
  if (!/^([0-9]+(ms|s|m|h))+$/.test(text))
    throw new RangeError(`"${text}" is no duration; write for example 30s, 5m or 1h30m`);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) {
    total += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return total;
}

/** A share of requests or pods in percent. */
export const share = z.number().min(0).max(100);
