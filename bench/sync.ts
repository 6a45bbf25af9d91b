// npm run bench:sync: what a sync costs the API server, held against what the API server can do. `-- 40 5` runs 40 apps and 5 changes.
import process from "node:process";
import { appNames } from "./sync/app.ts";
import { type Bar, isMet, median, table } from "./sync/bars.ts";
import {
  type BareRates,
  besidesAnswers,
  measureBare,
  measureChanges,
  measureCheck,
  measureSync,
} from "./sync/measure.ts";
import { once, total } from "./sync/requests.ts";
import { Stage } from "./sync/stage.ts";

const [count = 300, samples = 20] = process.argv.slice(2).map(Number);
const apps = appNames(count);
const [first = ""] = apps;

await using stage = await Stage.open(apps, (line) => console.error(line));
console.log(`${count} GitSyncs of one repository, an app each: Deployment, ServiceAccount, Service, Ingress`);
const before = await measureBare(stage, apps, "before");
const { syncRate, firstSync } = await measureSync(stage, apps);
console.log("first sync:", firstSync);
// Twice, as a machine with other work on it is not the same from one minute to the next.
const after = await measureBare(stage, apps, "after");
const mean = (rate: keyof BareRates) => (before[rate] + after[rate]) / 2;
const { changeMs, changes } = await measureChanges(stage, first, samples);
console.log("one change:", changes.at(-1));
const { checkMs, check } = await measureCheck(stage, apps);
console.log("forced check:", check);

const bars: readonly Bar[] = [
  ...bareBars("bare server-side apply, 16 in flight, before", before),
  ...bareBars("the same after the first sync", after),
  { what: "first sync of all, until the controllers have seen them", measured: syncRate, unit: "objects/s" },
  {
    what: "  of the bare rate up to the same point (the mean of both)",
    measured: (100 * syncRate) / mean("observed"),
    unit: "%",
    bar: { least: 60 },
  },
  { what: "  of the bare rate by answers alone", measured: (100 * syncRate) / mean("answered"), unit: "%" },
  {
    what: "  API requests an app",
    measured: (total(firstSync) - once(firstSync)) / count,
    unit: "requests",
    bar: { most: 8 },
  },
  { what: "  API requests that are made once", measured: once(firstSync), unit: "requests" },
  { what: "one change, push to ready (median)", measured: median(changeMs) / 1000, unit: "s", bar: { most: 1.5 } },
  { what: "  slowest", measured: Math.max(...changeMs) / 1000, unit: "s" },
  { what: "  API requests (most)", measured: Math.max(...changes.map(total)), unit: "requests", bar: { most: 12 } },
  { what: "forced check of all at rest", measured: checkMs / 1000, unit: "s" },
  {
    what: "  API requests beside the write that answers",
    measured: besidesAnswers(check, count),
    unit: "requests",
    bar: { most: 0 },
  },
];
for (const line of table(bars)) console.log(line);

function bareBars(what: string, { answered, observed }: BareRates): readonly Bar[] {
  return [
    { what, measured: answered, unit: "objects/s" },
    { what: "  until the controllers have seen them", measured: observed, unit: "objects/s" },
  ];
}

process.exitCode = bars.every(isMet) ? 0 : 1;
