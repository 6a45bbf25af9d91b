/**
 * The judge of Kayenta 2.46 for one metric where more is worse, built anew from its description: a two-sided Mann-Whitney test
 * at 98 % confidence, whose lower bound must exceed a quarter of the Hodges-Lehmann estimate, and a ratio of means that must
 * reach what is allowed. It is here to be compared with.
 */
export type KayentaVerdict = "Pass" | "High" | "Nodata";

const CONFIDENCE_Z = 2.3263478740408408;
const TOLERANCE = 0.25;

/** Judges samples of a metric, one for each interval. NaN is removed, as by the strategy "remove". */
export function kayenta(
  control: readonly number[],
  experiment: readonly number[],
  allowedIncrease = 1,
): KayentaVerdict {
  const [before, after] = [control, experiment].map((samples) => samples.filter((sample) => !Number.isNaN(sample)));
  if (before === undefined || after === undefined || before.length === 0 || after.length === 0) return "Nodata";
  if (new Set([...before, ...after]).size === 1) return "Pass";
  const lower = shiftAt(after, before, CONFIDENCE_Z);
  const estimate = shiftAt(after, before, 0);
  const [own, other] = [mean(after), mean(before)];
  const effect = own === 0 || other === 0 ? Number.NaN : own / other;
  const isLarge = Number.isNaN(effect) || effect >= allowedIncrease;
  return lower > TOLERANCE * Math.abs(estimate) && isLarge ? "High" : "Pass";
}

/** The shift between two samples at which the normal approximation of the rank sum has a given score. */
export function shiftAt(after: readonly number[], before: readonly number[], z: number): number {
  let low = Math.min(...after) - Math.max(...before);
  let high = Math.max(...after) - Math.min(...before);
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2;
    if (score(after, before, middle, z) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standardised rank sum of the shifted samples less z, with the correction for continuity at the bounds. */
function score(after: readonly number[], before: readonly number[], shift: number, z: number): number {
  const [m, n] = [after.length, before.length];
  const all = [
    ...after.map((value) => ({ value: value - shift, own: true })),
    ...before.map((value) => ({ value, own: false })),
  ].sort((a, b) => a.value - b.value);
  let [sum, ties] = [0, 0];
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const count = end - start;
    const rank = (start + end + 1) / 2;
    sum += rank * all.slice(start, end).filter(({ own }) => own).length;
    ties += count ** 3 - count;
    start = end;
  }
  const distance = sum - (m * (m + 1)) / 2 - (m * n) / 2;
  const correction = z === 0 ? 0 : Math.sign(distance) * 0.5;
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  return (distance - correction) / sigma - z;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
