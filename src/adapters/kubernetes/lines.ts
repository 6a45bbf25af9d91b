const NEWLINE = 0x0a;

/** The longest line that is kept: far beyond what etcd can store, and a bound for a server that never ends a line. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Splits a stream of bytes at newlines. A rest without a newline is dropped: the connection broke inside it.
 * Bytes are decoded line by line, so a character may be split between chunks; U+2028 ends no line, as readline would have it.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      rest.push(chunk.subarray(start, end));
      const line = decoder.decode(rest.length === 1 ? rest[0] : Buffer.concat(rest));
      rest = [];
      size = 0;
      start = end + 1;
      if (line !== "") yield line;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      size += chunk.length - start;
      if (size > MAX_BYTES) throw new Error(`a line is longer than ${MAX_BYTES} bytes`);
    }
  }
}
