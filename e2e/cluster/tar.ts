import { createReadStream } from "node:fs";

/** One member of a tar archive. */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "text"; readonly path: string; readonly mode: number; readonly text: string }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: number;
      readonly from: string;
      readonly size: number;
    };

const block = 512;

/** The bytes of a tar archive; equal entries give equal bytes, since owner and times are always 0. */
export async function* tarArchive(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (entry.kind === "text") {
      const content = Buffer.from(entry.text);
      yield* header(entry.path, "0", entry.mode, content.length, "");
      yield content;
      yield padding(content.length);
    } else if (entry.kind === "file") {
      yield* header(entry.path, "0", entry.mode, entry.size, "");
      let written = 0;
      for await (const chunk of createReadStream(entry.from, { highWaterMark: 1 << 20 })) {
        const bytes = chunk as Buffer;
        written += bytes.length;
        yield bytes;
      }
      if (written !== entry.size) throw new Error(`${entry.from} changed while it was read`);
      yield padding(entry.size);
    } else if (entry.kind === "link") yield* header(entry.path, "2", 0o777, 0, entry.target);
    else yield* header(`${entry.path}/`, "5", entry.mode, 0, "");
  }
  yield Buffer.alloc(2 * block);
}

function* header(path: string, type: string, mode: number, size: number, target: string): Generator<Buffer> {
  const long = Buffer.byteLength(path) > 100 || Buffer.byteLength(target) > 100;
  if (long) {
    const records = [record("path", path), ...(target ? [record("linkpath", target)] : [])].join("");
    const content = Buffer.from(records);
    yield plainHeader("pax", "x", 0o644, content.length, "");
    yield content;
    yield padding(content.length);
  }
  yield plainHeader(path, type, mode, size, target);
}

function plainHeader(path: string, type: string, mode: number, size: number, target: string): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  bytes.write(path, 0, 100);
  bytes.write(octal(mode, 8), 100);
  bytes.write(octal(0, 8), 108);
  bytes.write(octal(0, 8), 116);
  bytes.write(octal(size, 12), 124);
  bytes.write(octal(0, 12), 136);
  bytes.write("        ", 148); // the checksum counts its own field as spaces
  bytes.write(type, 156);
  bytes.write(target, 157, 100);
  bytes.write("ustar\x0000", 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

/** A pax record says its own length, which counts the digits that say it. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (length !== Buffer.byteLength(rest) + String(length).length)
    length = Buffer.byteLength(rest) + String(length).length;
  return `${length}${rest}`;
}

function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}
