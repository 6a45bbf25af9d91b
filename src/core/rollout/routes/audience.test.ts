import { describe, expect, test } from "vitest";
import { audienceOf, cookieMatch } from "./audience.ts";

describe("a cookie of the audience", () => {
  const { name, type, value } = cookieMatch("a.b", "(y\\(e\\)s|2)");

  test.each<[string, boolean]>([
    ["a.b=y(e)s", true],
    ["x=1; a.b=2", true],
    ["x=1;a.b=2;z=3", true],
    ["a.b=22", false],
    ["aXb=2", false],
    ["xa.b=2", false],
    ["x=a.b=2", false],
    ["a.b=yes", false],
    ["", false],
  ])("is found in %j: %s", (header, found) => {
    expect([name, type]).toEqual(["Cookie", "RegularExpression"]);
    // Traefik looks for the pattern, Envoy holds it against the whole header: both must say the same.
    expect(new RegExp(value).test(header)).toBe(found);
    expect(new RegExp(`^(?:${value})$`).test(header)).toBe(found);
  });
});

test("an audience is the strategy's, in its order", () => {
  const header = { name: "x-beta", type: "Exact", value: "yes" } as const;
  const audience = [{ header }, { cookie: { name: "beta", value: "1" } }];
  const full = "Full" as const;
  const both = [header, cookieMatch("beta", "1")];
  expect(audienceOf({ strategy: { canary: { audience, steps: [{ weight: 1 }], stableCapacity: full } } })).toEqual(
    both,
  );
  expect(audienceOf({ strategy: { blueGreen: { audience, hold: "0s", watch: "0s" } } })).toEqual(both);
  expect(audienceOf({ strategy: {} })).toEqual([]);
});
