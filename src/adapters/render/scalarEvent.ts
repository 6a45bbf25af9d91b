import { getScalarValue, type MappingEvent, SCALAR_STYLE, type ScalarEvent, type SequenceEvent } from "js-yaml";
import type { Json } from "../../api/json.ts";
import { invalid } from "./flaw.ts";
import { narrow, type Scalar as Plain, readPlain } from "./scalar.ts";

/** The text that a scalar stands for. Throws where YAML 1.1 and the parser read it in different ways. */
export function sourceOf(text: string, event: ScalarEvent, inFlow: boolean): string {
  if (event.valueStart < 0) return "";
  if (inFlow && event.style === SCALAR_STYLE.PLAIN) checkPlain(text, event);
  if (event.style === SCALAR_STYLE.DOUBLE_QUOTED && !event.fast) checkDoubleQuoted(text, event);
  return getScalarValue(text, event);
}

/** The parser loses such an empty line, which stands for a line end. */
function checkDoubleQuoted(text: string, { valueStart, valueEnd }: ScalarEvent): void {
  if (!/(?<!\\)(?:\\\\)*\\\r?\n[ \t]*\r?\n/.test(text.slice(valueStart, valueEnd))) return;
  throw invalid(valueStart - 1, "an empty line follows one that ends in a backslash; write \\n instead");
}

/** Between braces and brackets, YAML 1.1 and 1.2 read `?` and `:` in different ways. */
function checkPlain(text: string, { valueStart, valueEnd }: ScalarEvent): void {
  const unclear = /^:|\?/.test(text.slice(valueStart, valueEnd));
  if (unclear || /^[ \t]*:[,[\]{}]/.test(text.slice(valueEnd, valueEnd + 100))) {
    throw invalid(valueStart, "? and : are read in two ways here; quote the text, or put a space after the colon");
  }
}

/** What a scalar stands for, by its tag, its quotes and its text. */
export function typed(text: string, event: ScalarEvent, source: string): Plain {
  const tag = tagOf(text, event);
  if (tag === undefined) return event.style === SCALAR_STYLE.PLAIN ? readPlain(source) : { kind: "Text" };
  if (tag === "str" || tag === "!") return { kind: "Text" };
  const read = readPlain(source);
  if (tag === "float" && read.kind === "Int") return { kind: "Float", value: Number(read.value) };
  const wanted = { null: "Null", bool: "Bool", int: "Int", float: "Float" }[tag];
  if (wanted === undefined) throw invalid(event.tagStart, "the tag is not known; remove it");
  if (wanted !== read.kind) throw invalid(event.tagStart, `what the tag says to be ${tag} is none; remove the tag`);
  return read;
}

/** A scalar as JSON. */
export function toJson(typed: Exclude<Plain, { kind: "Unfit" }>, source: string): Json {
  switch (typed.kind) {
    case "Text":
      return source;
    case "Null":
      return null;
    case "Bool":
    case "Float":
      return typed.value;
    case "Int":
      return narrow(typed.value);
  }
}

/** The name of a core tag, `!` for the tag that says no more than "not plain", or the tag as it is written. */
export function tagOf(
  text: string,
  { tagStart, tagEnd }: ScalarEvent | SequenceEvent | MappingEvent,
): string | undefined {
  if (tagStart < 0) return undefined;
  const tag = text.slice(tagStart, tagEnd);
  // YAML 1.1 takes these signs into the tag.
  if (/^[,[\]{}]/.test(text.slice(tagEnd, tagEnd + 1))) return `${tag},`;
  return /^(?:!!|!<tag:yaml\.org,2002:)(\w+)>?$/.exec(tag)?.[1] ?? tag;
}
