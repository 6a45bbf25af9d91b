import { z } from "zod";

/** What RFC 7230 calls a token: names of headers and cookies. */
const token = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_|~-]+$/);

const header = z.object({
  name: token.describe("name: of the header; upper and lower case are the same."),
  type: z
    .enum(["Exact", "RegularExpression"])
    .default("Exact")
    .describe("type: RegularExpression is read as the Gateway reads it, and not every Gateway reads it."),
  value: z.string().min(1).max(1024),
});

const cookie = z.object({
  name: token,
  value: z
    .string()
    .min(1)
    .max(256)
    .regex(/^[!#-+\--:<-[\]-~]+$/)
    .describe("value: exactly as the client sends it, without quotes."),
});

const member = z.object({ header: header.optional(), cookie: cookie.optional() }).meta({
  "x-kubernetes-validations": [
    { rule: "has(self.header) != has(self.cookie)", message: "name either a header or a cookie" },
  ],
});

/** The requests that reach the candidate whatever its weight is. */
export const audience = z
  .array(member)
  .min(1)
  .max(8)
  .meta({ "x-kubernetes-list-type": "atomic" })
  .describe(
    "audience: requests with any of these go to the candidate as soon as it has its pods, before any pass and at any weight; the others follow the weight. Needs routeRefs.",
  );
