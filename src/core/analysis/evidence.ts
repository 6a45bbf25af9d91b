/** Requests of one revision, and how many of them were of the kind that is counted: failed, or slower than a bound. */
export interface Tally {
  readonly requests: number;
  readonly hits: number;
}

/**
 * The evidence that the candidate's share of hits is above stable's by more than `tolerance`, as the logarithm of a bet's
 * wealth: an e-process, whose false alarms stay bounded however often it is looked at.
 *
 * For one revision with true share p, the wealth after n requests with k hits of a bet spread over all shares by the
 * Beta(1/2, 1/2) law is
 *
 *     M(p) = B(k + 1/2, n - k + 1/2) / B(1/2, 1/2) / (p^k (1 - p)^(n - k)),
 *
 * the method of mixtures (Robbins 1970). Against the true p it is a martingale that begins at 1. The two revisions answer
 * different requests, so the product over both is one too, whatever share of requests either gets when. Its least value
 * over every pair of shares with candidate <= stable + tolerance, E, lies below the value at the true pair whenever that is
 * one of them, and Ville's inequality bounds that: the chance that E ever reaches 1 / alpha is at most alpha, over all looks
 * together, at whatever moments they are taken and for whatever reason they end (Howard, Ramdas, McAuliffe and Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2), 2021; Ramdas, Gruenwald,
 * Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38(4), 2023).
 *
 * Only sums count: nothing has to be remembered between two looks.
 */
export function logEvidence(candidate: Tally, stable: Tally, tolerance: number): number {
  const mixed = logMixture(candidate) + logMixture(stable);
  const [own, other] = [candidate, stable].map(({ hits, requests }) => (requests === 0 ? 0 : hits / requests));
  // Where the shares that were seen are within the tolerance themselves, no pair explains them better.
  if (own === undefined || other === undefined || own <= other + tolerance)
    return mixed - logLikelihood(candidate, own ?? 0) - logLikelihood(stable, other ?? 0);
  // Else the best pair is on the border; the likelihood is concave along it, so its slope changes sign once.
  let [low, high] = [0, 1 - tolerance];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (slope(candidate, middle + tolerance) + slope(stable, middle) > 0) low = middle;
    else high = middle;
  }
  const share = (low + high) / 2;
  return mixed - logLikelihood(candidate, share + tolerance) - logLikelihood(stable, share);
}

/** The mean of several wealths is one: whoever spreads a bet over all bounds of a histogram wins with any of them. */
export function logMean(logs: readonly number[]): number {
  const most = Math.max(...logs);
  return most + Math.log(logs.reduce((sum, each) => sum + Math.exp(each - most), 0) / logs.length);
}

function logMixture({ requests, hits }: Tally): number {
  return logGamma(hits + 0.5) + logGamma(requests - hits + 0.5) - logGamma(requests + 1) - Math.log(Math.PI);
}

function logLikelihood({ requests, hits }: Tally, share: number): number {
  const misses = requests - hits;
  return (hits === 0 ? 0 : hits * Math.log(share)) + (misses === 0 ? 0 : misses * Math.log1p(-share));
}

function slope({ requests, hits }: Tally, share: number): number {
  const misses = requests - hits;
  return (hits === 0 ? 0 : hits / share) - (misses === 0 ? 0 : misses / (1 - share));
}

/** Stirling's series, from 8 on; below by the recurrence. Exact to ten digits. */
function logGamma(x: number): number {
  let [shifted, product] = [x, 1];
  while (shifted < 8) product *= shifted++;
  const inverse = 1 / (shifted * shifted);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / shifted;
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}
