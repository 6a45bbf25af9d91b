import { expect, test } from "vitest";
import { matchesSelector } from "./selector.ts";

const labels = { app: "web", "fairlead.dev/managed": "true" };

test.each([
  ["", true],
  ["app=web", true],
  ["app==web", true],
  ["app = web, fairlead.dev/managed=true", true],
  ["app=api", false],
  ["app!=api", true],
  ["tier!=front", true],
  ["app!=web", false],
  ["app", true],
  ["tier", false],
  ["!tier", true],
  ["!app", false],
  ["app in (api, web)", true],
  ["app in (api),app", false],
  ["app notin (api,web)", false],
  ["tier notin (front)", true],
  ["constructor", false],
])("%j fits: %s", (selector, fits) => {
  expect(matchesSelector(selector, labels)).toBe(fits);
});
