// npm run bench:judge: how often judges are right, on traffic that is made from seeds. `-- 200 20 500 1500` runs 200 seeds of 20
// intervals with 500 requests of the candidate and 1500 of stable each.
import process from "node:process";
import { CASES } from "../src/testing/judges/traffic.ts";
import { byFairlead, byKayenta } from "../src/testing/judges/trial.ts";

const [count = 1_000, intervals = 20, candidate = 500, stable = 1_500] = process.argv.slice(2).map(Number);
const size = { intervals, candidate, stable };
const seeds = Array.from({ length: count }, (_, seed) => seed);
const percent = (some: readonly unknown[], width: number) =>
  `${((100 * some.length) / count).toFixed(1)} %`.padStart(width);

console.log(
  `${count} seeds; ${intervals} intervals with ${candidate} requests of the candidate and ${stable} of stable`,
);
console.log("refused by:".padEnd(44), "Fairlead  mean look  Kayenta once  Kayenta each look");
for (const one of CASES) {
  const ours = seeds.map((seed) => byFairlead(one, size, seed)).filter(({ outcome }) => outcome === "Fail");
  const theirs = seeds.map((seed) => byKayenta(one, size, seed));
  const look = ours.length === 0 ? "" : (ours.reduce((sum, { at }) => sum + at, 0) / ours.length).toFixed(1);
  const [once, each] = [theirs.filter((look) => look.once), theirs.filter((look) => look.each)];
  console.log(
    `${one.name}${one.isWorse ? "" : " (no worse)"}`.padEnd(44),
    `${percent(ours, 8)}${look.padStart(11)}${percent(once, 14)}${percent(each, 19)}`,
  );
}
