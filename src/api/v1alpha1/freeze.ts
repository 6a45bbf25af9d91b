import { z } from "zod";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

const clock = (last: string) =>
  z
    .string()
    .max(5)
    .regex(new RegExp(`^(([01][0-9]|2[0-3]):[0-5][0-9]|${last})$`));

/** A time of each week in which nothing starts, steps up or is promoted. */
export const freeze = z
  .object({
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .max(7)
      .meta({ "x-kubernetes-list-type": "set" })
      .default([...DAYS])
      .describe("days: on which the window begins. Default: every day."),
    from: clock("00:00").default("00:00").describe("from: hours and minutes, as 18:30."),
    to: clock("24:00").default("24:00").describe("to: exclusive; not later than from, it is of the next day."),
    timeZone: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z][A-Za-z0-9_+/-]*$/)
      .default("UTC")
      .describe("timeZone: an IANA name such as Europe/Berlin; the clock on its walls counts, in summer and winter."),
    reason: z.string().max(200).optional().describe("reason: told while the freeze holds."),
  })
  .meta({
    "x-kubernetes-validations": [
      { rule: "self.from != self.to", message: "a freeze has a length: from and to differ" },
    ],
  });
export type Freeze = Readonly<z.infer<typeof freeze>>;
