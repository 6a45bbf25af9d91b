import { expect, test } from "vitest";
import { lines } from "./lines.ts";

async function split(...chunks: readonly Uint8Array[]): Promise<readonly string[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const found: string[] = [];
  for await (const line of lines(source())) found.push(line);
  return found;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a line may come in many chunks, and many lines in one", async () => {
  expect(await split(bytes("a"), bytes("b\nc\nd"), bytes("\n"))).toEqual(["ab", "c", "d"]);
});

test("a character may be split between chunks", async () => {
  const whole = bytes("größe→🚀\n");
  const single = [...whole].map((byte) => Uint8Array.of(byte));
  expect(await split(...single)).toEqual(["größe→🚀"]);
});

test("a half line at the end is dropped", async () => {
  expect(await split(bytes('{"a":1}\n{"b"'))).toEqual(['{"a":1}']);
});

test("only a newline ends a line", async () => {
  expect(await split(bytes("a\u2028b\rc\n\n"))).toEqual(["a\u2028b\rc"]);
});
