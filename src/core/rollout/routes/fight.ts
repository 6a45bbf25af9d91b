import { type Rival, type RouteSeen, sameSaid, type Word } from "./word.ts";

/** So many corrections of a route within a minute are a fight: from then on the oldest must be over before the next one. */
const FIGHT_CORRECTIONS = 5;
const FIGHT_WINDOW_MS = 60_000;

/** What a rollout wrote to a route, and when it put back what someone else had made of that; epoch milliseconds. */
export interface Written {
  readonly word: Word | "Git";
  readonly corrections: readonly number[];
  /** Who changed it last. */
  readonly by: string;
}

/** Tells whether a write only puts back what was written before. */
export function isCorrection(before: Written | undefined, word: Word | "Git"): before is Written {
  return before !== undefined && sameSaid(before.word, word);
}

/** What is known after another write. `by`: who wrote before it. */
export function wrote(before: Written | undefined, word: Word | "Git", by: string, now: number): Written {
  const corrections = before?.corrections.filter((time) => now - time < FIGHT_WINDOW_MS) ?? [];
  return { word, by, corrections: isCorrection(before, word) ? [...corrections, now] : corrections };
}

/** Whoever a route is left to for a while. */
export function rivalIn(written: Written | undefined, now: number): Rival | undefined {
  const recent = written?.corrections.filter((time) => now - time < FIGHT_WINDOW_MS) ?? [];
  const oldest = recent.at(-FIGHT_CORRECTIONS);
  if (written === undefined || oldest === undefined) return undefined;
  return { by: written.by, word: written.word, until: oldest + FIGHT_WINDOW_MS };
}

/** Whoever undoes a word on a route, while it is left to them. */
export function rivalOver({ said, rival }: RouteSeen, word: Word | "Git", now: number): Rival | undefined {
  const left = rival !== undefined && now < rival.until && sameSaid(rival.word, word) && !sameSaid(said, word);
  return left ? rival : undefined;
}
