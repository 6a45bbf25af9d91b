/** How a shop is rolled out, in the words of a ProgressiveRollout. */
export const STRATEGIES = ["canary", "blueGreen", "rolling"] as const;
/** How requests reach it. */
export const WAYS = ["pod share", "Gateway"] as const;
/** What its program does on SIGTERM; none has a preStop hook. */
export const APPS = ["exits at once", "stops in order"] as const;

/** What one life of a shop is lived under. */
export interface Setting {
  readonly strategy: (typeof STRATEGIES)[number];
  readonly way: (typeof WAYS)[number];
  readonly app: (typeof APPS)[number];
  /** Whether the operator is killed and started again in the middle of everything that happens. */
  readonly restarts: boolean;
}

/** A setting in words, as `--only` takes them. */
export function titleOf({ strategy, way, app, restarts }: Setting): string {
  return [strategy, way, app, ...(restarts ? ["restarts"] : ["undisturbed"])].join(", ");
}

/** Every setting whose title has all these words. */
export function settingsWith(words: readonly string[]): readonly Setting[] {
  const all = [false, true].flatMap((restarts) =>
    STRATEGIES.flatMap((strategy) =>
      APPS.flatMap((app) => WAYS.map((way): Setting => ({ strategy, way, app, restarts }))),
    ),
  );
  return all.filter((setting) => words.every((word) => titleOf(setting).toLowerCase().includes(word.toLowerCase())));
}

/**
 * Settings that run side by side: of one strategy, so that they take about as long, and never one with restarts beside one
 * without, since they share the operator.
 */
export function wavesOf(settings: readonly Setting[], size: number): readonly (readonly Setting[])[] {
  const waves: Setting[][] = [];
  for (const setting of settings) {
    const last = waves.at(-1);
    const [first] = last ?? [];
    const fits = first?.strategy === setting.strategy && first.restarts === setting.restarts;
    if (last !== undefined && fits && last.length < size) last.push(setting);
    else waves.push([setting]);
  }
  return waves;
}
