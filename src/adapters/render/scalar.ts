/** What a plain scalar stands for. `Text` is no other type; `Unfit` is a float that JSON cannot say. */
export type Scalar =
  | { readonly kind: "Text" }
  | { readonly kind: "Null" }
  | { readonly kind: "Bool"; readonly value: boolean }
  | { readonly kind: "Int"; readonly value: bigint }
  | { readonly kind: "Float"; readonly value: number }
  | { readonly kind: "Unfit" };

const text: Scalar = { kind: "Text" };
const words = new Map<string, Scalar>([
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map(word(true)),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map(word(false)),
  ...["", "~", "null", "Null", "NULL"].map((w): [string, Scalar] => [w, { kind: "Null" }]),
  ...["nan", "NaN", "NAN"].map((w): [string, Scalar] => [`.${w}`, { kind: "Unfit" }]),
  ...["", "+", "-"].flatMap((sign) =>
    ["inf", "Inf", "INF"].map((w): [string, Scalar] => [`${sign}.${w}`, { kind: "Unfit" }]),
  ),
]);
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const [minInt64, maxInt64, maxUint64] = [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n];

/**
 * Reads a plain scalar as kubectl's YAML library does: YAML 1.1 words, `_` inside numbers, `0` and `0o` as octal,
 * 64-bit integers exactly, and no base-60 numbers and no dates.
 */
export function readPlain(source: string): Scalar {
  const known = words.get(source);
  if (known !== undefined) return known;
  if (source.startsWith(".")) {
    const digits = source.replaceAll(/(?<=[0-9])_(?=[0-9])/g, "");
    return float.test(digits) ? finite(digits) : text;
  }
  if (!/^[-+0-9]/.test(source)) return text;
  const digits = source.replaceAll("_", "");
  const value = integer(digits);
  if (value !== undefined && value >= minInt64 && value <= (/^[-+]/.test(digits) ? maxInt64 : maxUint64)) {
    return { kind: "Int", value };
  }
  return float.test(digits) ? finite(digits) : text;
}

/** An integer as JSON carries it: a number while that is exact, a bigint beyond. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The text of a scalar that stands as a key, as kubectl writes it; undefined for what cannot be one. */
export function keyText(scalar: Scalar, source: string): string | undefined {
  switch (scalar.kind) {
    case "Text":
      return source;
    case "Bool":
      return String(scalar.value);
    case "Int":
      return scalar.value > maxInt64 ? undefined : scalar.value.toString();
    case "Float":
      return floatKey(scalar.value);
    case "Null":
    case "Unfit":
      return undefined;
  }
}

function word(value: boolean): (w: string) => [string, Scalar] {
  return (w) => [w, { kind: "Bool", value }];
}

function finite(source: string): Scalar {
  const value = Number(source);
  return Number.isFinite(value) ? { kind: "Float", value } : text;
}

function integer(digits: string): bigint | undefined {
  // The library reads the sign after 0b once more; so must we, or the same file would mean two things.
  const odd = /^0b([-+])([01]{1,64})$/.exec(digits);
  if (odd !== null) return BigInt(`0b${odd[2]}`) * (odd[1] === "-" ? -1n : 1n);
  const [, sign = "", prefix = "", rest = ""] = /^([-+]?)(0[xX]|0[oO]|0[bB]|0(?=.)|)(.+)$/.exec(digits) ?? [];
  const base = prefix.toLowerCase();
  const [allowed, start] =
    base === "0x"
      ? [/^[0-9a-fA-F]+$/, "0x"]
      : base === "0b"
        ? [/^[01]+$/, "0b"]
        : base === ""
          ? [/^[0-9]+$/, ""]
          : [/^[0-7]+$/, "0o"];
  // An integer of thousands of digits would take long to read and is out of range anyway.
  if (!allowed.test(rest) || rest.length > 100) return undefined;
  const value = BigInt(start + rest);
  return sign === "-" ? -value : value;
}

/** The library prints such a key with the precision of a 32-bit float, in exponent form from a million on. */
function floatKey(value: number): string | undefined {
  const single = Math.fround(value);
  if (!Number.isFinite(single)) return undefined;
  if (Object.is(single, -0)) return "-0";
  let digits = 1;
  while (digits < 9 && Math.fround(Number(single.toPrecision(digits))) !== single) digits += 1;
  const [mantissa = "", exponent = "0"] = single.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(single.toPrecision(digits)));
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return `${short}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
