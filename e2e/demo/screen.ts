import type { WriteStream } from "node:tty";
import { frame, newsLine } from "./frame.ts";
import type { Sample } from "./sample.ts";

/** Where the demo tells its story: on a terminal the live view is redrawn below what was said, elsewhere news are lines. */
export class Screen {
  readonly #out: WriteStream;
  readonly #live: boolean;
  readonly #colour: boolean;
  readonly #started = performance.now();
  #drawn = 0;
  #news = "";

  constructor(out: WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#out = out;
    this.#live = out.isTTY === true && env["TERM"] !== "dumb";
    this.#colour = this.#live && !env["NO_COLOR"];
  }

  /** Says something that stays. */
  say(text: string): void {
    this.#erase();
    this.#out.write(`${text}\n`);
  }

  /** Begins a part of the story. */
  chapter(text: string): void {
    const line = `${this.#clock()} ${text}`;
    this.say(this.#colour ? `\n\u001b[1m${line}\u001b[0m` : `\n${line}`);
  }

  /** A line of progress. */
  progress(line: string): void {
    this.say(`${this.#clock()}   ${line}`);
  }

  /** Shows the latest look. */
  show(sample: Sample): void {
    const width = Math.max(40, (this.#out.columns || 100) - 1);
    if (this.#live) this.#draw(frame(sample, width));
    else this.#tell(newsLine(sample));
  }

  /** Leaves the live view as it is now; what follows stands below it. */
  freeze(): void {
    this.#drawn = 0;
  }

  #tell(news: string): void {
    if (news === this.#news) return;
    this.#news = news;
    this.#out.write(`${this.#clock()}   ${news}\n`);
  }

  #draw(lines: readonly string[]): void {
    this.#erase();
    this.#out.write(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }

  #clock(): string {
    const seconds = Math.floor((performance.now() - this.#started) / 1_000);
    return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}
