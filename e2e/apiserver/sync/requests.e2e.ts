import { afterAll, beforeAll, expect, it } from "vitest";
import { appNames } from "../../../bench/sync/app.ts";
import { besidesAnswers, measureChanges, measureCheck, measureSync } from "../../../bench/sync/measure.ts";
import { once, total } from "../../../bench/sync/requests.ts";
import { Stage } from "../../../bench/sync/stage.ts";

const apps = appNames(30);
const [first = ""] = apps;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open(apps, () => undefined);
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

// The rates are measured by npm run bench:sync; the counts hold on any machine.
it("costs the API server a bounded number of requests: first sync, one change, and a forced check at rest", async () => {
  const { firstSync } = await measureSync(stage, apps);
  expect(total(firstSync) - once(firstSync), JSON.stringify(firstSync)).toBeLessThanOrEqual(8 * apps.length);
  const { changes } = await measureChanges(stage, first, 2);
  for (const change of changes) expect(total(change), JSON.stringify(change)).toBeLessThanOrEqual(12);
  const { check } = await measureCheck(stage, apps);
  expect(besidesAnswers(check, apps.length), JSON.stringify(check)).toBe(0);
});
