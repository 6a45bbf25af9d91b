import { GitError } from "../../ports/git.ts";
import { Flights } from "./flights.ts";

/** What a remote said, and when it was asked, in epoch milliseconds. */
export interface Answer<T> {
  readonly value: T;
  readonly askedAt: number;
}

interface Round<T> {
  readonly key: string;
  /** undefined: it waits for its turn, and whoever joins is asked for, too. */
  askedAt: number | undefined;
  /** When the question before it was asked: this one keeps a distance from it, in which others join. */
  readonly formerAt: number | undefined;
  /** Once it has ended: also a failure is an answer, or a host that is down would be asked by each sync anew. */
  result: Promise<T> | undefined;
}

/** So many answers are remembered; they are one for each repository and ref. */
const MOST = 5_000;

/**
 * Lets all who follow the same ref share the answers of its remote: one question serves everybody who is content with
 * an answer of that age, those that come while it is asked and those that come later.
 */
export class Polls<T> {
  readonly #flights = new Flights();
  readonly #rounds = new Map<string, Round<T>>();
  readonly #distanceMs: number;
  #count = 0;

  /** Two questions of the same ref are so far apart at least: many syncs that come one by one are answered together. */
  constructor(distanceMs: number) {
    this.#distanceMs = distanceMs;
  }

  /**
   * An answer that was asked for after `since`, in epoch milliseconds: one that is known already, one that is under way,
   * or a new one. `work` calls `begin` when it asks.
   */
  async ask(
    key: string,
    since: number,
    signal: AbortSignal,
    work: (signal: AbortSignal, begin: () => void) => Promise<T>,
  ): Promise<Answer<T>> {
    let round = this.#rounds.get(key);
    if (round === undefined || !isFresh(round, since)) {
      if (this.#rounds.size >= MOST) this.#rounds.clear();
      round = { key: `${key} ${this.#count++}`, askedAt: undefined, formerAt: round?.askedAt, result: undefined };
      this.#rounds.set(key, round);
    }
    const mine = round;
    const value = await (mine.result ??
      this.#flights.share(mine.key, signal, async (shared) => {
        const begin = (): void => {
          mine.askedAt = Date.now();
        };
        const wait = this.#waitOf(mine);
        const result =
          wait === 0
            ? work(shared, begin)
            : new Promise((resolve) => setTimeout(resolve, wait)).then(() => work(shared, begin));
        const keep = (): void => {
          mine.result = result;
        };
        // What was broken off, or failed in a way that nobody foresaw, is no answer.
        const drop = (error: unknown): void => {
          if (error instanceof GitError) keep();
          else if (this.#rounds.get(key) === mine) this.#rounds.delete(key);
        };
        await result.then(keep, drop);
        return result;
      }));
    return { value, askedAt: mine.askedAt ?? Date.now() };
  }

  /** In milliseconds. A clock that was set back must not keep anybody waiting for longer than the distance. */
  #waitOf({ formerAt }: Round<T>): number {
    if (formerAt === undefined) return 0;
    return Math.max(0, this.#distanceMs - Math.max(0, Date.now() - formerAt));
  }
}

/** An answer from the future is none: the clock was set back since. */
function isFresh({ askedAt }: Round<unknown>, since: number): boolean {
  return askedAt === undefined || (askedAt > since && askedAt <= Date.now());
}
