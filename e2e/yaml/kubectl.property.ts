import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFile } from "../../src/adapters/render/parse.ts";
import { canonical, type Json } from "../../src/api/json.ts";
import { RUNS, SEED } from "../../src/testing/seed.ts";
import { alike, stricter, wider } from "./corpus.ts";
import { anyDocument } from "./generated.ts";
import { type Answer, askKubectl } from "./oracle.ts";

/** Documents that one process of the oracle is asked about. */
const BATCH = 10_000;

const never = new AbortController().signal;
const recorded = JSON.parse(
  readFileSync(new URL("../../src/adapters/render/testdata/kubectl.json", import.meta.url), "utf8"),
) as [text: string, json: string][];

/** The JSON of each document that says something, or null for a file that is refused. */
type Reading = readonly string[] | null;

async function ours(text: string): Promise<Reading> {
  const { documents, flaws } = await parseFile(Buffer.from(text), never);
  return flaws.length > 0 ? null : documents.map(({ value }) => canonical(value));
}

function theirs(answers: readonly Answer[]): Reading {
  if (answers.includes(null)) return null;
  return answers.map((text) => canonical(exactly(text ?? ""))).filter((text) => text !== "null");
}

/** JSON with its integers exact. */
function exactly(text: string): Json {
  const reviver = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
    typeof value === "number" && /^-?\d+$/.test(source ?? "") && !Number.isSafeInteger(value)
      ? BigInt(source ?? 0)
      : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Json;
}

/** Where Fairlead is known to read more: tabs where they indent nothing, and a colon that begins a line within braces. */
const READS_MORE = /^[ ?:-]*\t|^ *:/m;

describe("E38: as kubectl reads YAML", () => {
  it(`E38: ${alike.length + recorded.length} documents are read alike or refused alike, integers exact`, async () => {
    const answers = await askKubectl(alike);
    expect(await Promise.all(alike.map(ours))).toEqual(answers.map(theirs));
    expect(alike.length + recorded.length).toBeGreaterThanOrEqual(200);
  });

  it("E38: the recorded readings are still the library's", async () => {
    const answers = await askKubectl(recorded.map(([text]) => text));
    // Only a directive's line and the document after it are apart to kubectl, and one to its library.
    const read = answers.map((answer, index) => {
      const [text = ""] = recorded[index] ?? [];
      if (text.startsWith("%")) return recorded[index];
      const reading = theirs(answer);
      return [text, reading === null ? "error" : (reading[0] ?? "null")];
    });
    expect(read).toEqual(recorded);
  });

  it("E38: where Fairlead is stricter, it says where", async () => {
    const answers = await askKubectl(stricter.map(([text]) => text));
    for (const [index, [text, reason, line, column]] of stricter.entries()) {
      expect(theirs(answers[index] ?? []), text).not.toBeNull();
      const { flaws } = await parseFile(Buffer.from(text), never);
      expect(flaws, text).toMatchObject([{ reason, at: { line, column } }]);
    }
  });

  it("E38: where Fairlead reads more, nothing can be meant otherwise", async () => {
    const answers = await askKubectl(wider.map(([text]) => text));
    for (const [index, [text, documents]] of wider.entries()) {
      expect(theirs(answers[index] ?? []), text).toBeNull();
      expect(await ours(text), text).toEqual(documents);
    }
  });

  it(`E38: ${RUNS} generated documents are read alike, or refused (seed ${SEED})`, async () => {
    const tally = { alike: 0, refusedByBoth: 0, refusedByUs: 0 };
    for (let begun = 0; begun < RUNS; begun += BATCH) {
      const texts = fc.sample(anyDocument, { numRuns: Math.min(BATCH, RUNS - begun), seed: SEED + begun });
      const answers = await askKubectl(texts);
      for (const [index, text] of texts.entries()) {
        const [mine, other] = [await ours(text), theirs(answers[index] ?? [])];
        if (mine !== null && other !== null) {
          // What stands behind the end of a document is dropped by kubectl.
          const compared = /^\.\.\.\s/m.test(text) ? mine.slice(0, other.length) : mine;
          if (compared.join("\n") !== other.join("\n")) expect(compared, JSON.stringify(text)).toEqual(other);
          tally.alike += 1;
        } else if (mine !== null) {
          if (!READS_MORE.test(text)) expect.fail(`kubectl refuses ${JSON.stringify(text)}`);
        } else if (other !== null) tally.refusedByUs += 1;
        else tally.refusedByBoth += 1;
      }
    }
    console.log(`as kubectl: ${JSON.stringify(tally)}, seed ${SEED}; repeat with FAIRLEAD_SEED=${SEED}`);
    // To refuse everything would be no reading.
    expect(tally.refusedByUs).toBeLessThan((tally.alike + tally.refusedByUs) / 10);
  });
});
