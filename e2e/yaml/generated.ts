// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are content of manifests.

import fc from "fast-check";

/** Words that YAML 1.1, its libraries and people read in different ways. */
const words = [
  ..."yes no on off y n Y N true false null ~ True NULL nUll On OFF".split(" "),
  ..."0 -0 +1 -1 0777 0o777 0O17 08 0x1F 0x 0b101 0b2 1_000 _1 1__ +_1 .5 5. .e3 1e3 1E-3 1e+400 -1e-400".split(" "),
  ..."9007199254740991 9007199254740993 9223372036854775807 9223372036854775808 18446744073709551615".split(" "),
  ..."18446744073709551616 -9223372036854775808 -9223372036854775809 123456789012345678901234567890".split(" "),
  ..."2.4 2.40 1.0 100000.0 1e21 1e-7 123456789.123456789 2020-01-01 12:30:45 1:30 190:20:30".split(" "),
  ..."2001-12-14t21:59:43.10-05:00 a b abc web a:b a#b a-b http://x:80/ nginx:1.25 10.0.0.1 1Gi 100m = -a a? ?a ..".split(
    " ",
  ),
  ..."__proto__ constructor prototype toString ä 😀 \u00a0 --- ... <<".split(" "),
  ...["a b", "a  b", "a # b", "a :b", "a\tb", "a\\nb", "a 'b'", 'a "b"', "(a)", "$(a)", "${a}", "{{ a }}"],
];
/** What means something else in most places, and is broken in many. */
const wild = [
  ..."* & ! | > % @ ` ? : - .inf -.INF .nan :a a]b a}b [a {a #a".split(" "),
  "",
  " ",
  "a: b",
  "a, b",
  "\ta",
];

const text = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...words) },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(..."0123456789_+-.eExob"), maxLength: 10 }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
);
const plain = fc.oneof({ weight: 40, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...wild) });
const escapes = 'abc \\n \\t \\0 \\x41 \\u00e9 \\U0001F600 \\_ \\N \\L \\P \\e \\\\ \\" \\\n\u0020 é'.split(" ");
const single = plain.map((inner) => `'${inner.replaceAll("'", "''")}'`);
const double = fc.oneof(
  text.map((inner) => JSON.stringify(inner)),
  fc.array(fc.constantFrom(...escapes), { maxLength: 6 }).map((parts) => `"${parts.join("")}"`),
);
const scalar = fc.oneof(
  { weight: 6, arbitrary: plain },
  { weight: 1, arbitrary: single },
  { weight: 1, arbitrary: double },
);
const marks = "&a &b &c !!str ! !!str &d".split(" ");
const leaf = fc.oneof(
  { weight: 30, arbitrary: scalar },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...marks), scalar).map((parts) => parts.join(" ")) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("!!int 1", "!!int a", "!!float 1", "!!bool yes", "!!null ''", "!!null ~", "!x a"),
  },
  { weight: 2, arbitrary: fc.constantFrom("*one", "*list", "*map", "*a", "*none") },
);

/** A key that stands nowhere else, mostly. */
const key = fc.oneof(
  { weight: 8, arbitrary: fc.nat(9_999).map((n) => `k${n}`) },
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.constantFrom("&e k", "*one ", "!!str 1", "? k\n") },
);
const flowKey = key.filter((name) => !name.startsWith("? "));
const merge = fc.constantFrom("<<: *map", "<<: [*map, {z: 1}]", "<<: {k: v}", "<<: *list", "'<<': 1", "<<: *one");

const flow = fc.letrec<{ value: string; list: string; map: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, { weight: 4, arbitrary: leaf }, tie("list"), tie("map")),
  list: fc
    .tuple(
      fc.array(tie("value"), { maxLength: 4 }),
      fc.constantFrom(",", ", ", " , ", ",\n "),
      fc.constantFrom("", ",", " "),
    )
    .map(([items, comma, end]) => `[${items.join(comma)}${end}]`),
  map: fc
    .tuple(fc.array(fc.tuple(flowKey, tie("value")), { maxLength: 3 }), fc.constantFrom(": ", ": ", ":", " : ", ":\n "))
    .map(([pairs, colon]) => `{${pairs.map(([name, value]) => `${name}${colon}${value}`).join(", ")}}`),
}));

const heads = "| > |- >- |+ >+ |1 |2 >2- |+2 >1+ |0".split(" ");
const lines = ["a", "b b", "  c", "   d", "\te", "", " ", "# f", "- g", "h: i", "---x", "'j", "é 😀", "k  "];
const block = fc
  .tuple(
    fc.constantFrom(...heads),
    fc.constantFrom("", "", " # c", " "),
    fc.array(fc.constantFrom(...lines), { maxLength: 5 }),
  )
  .map(([head, after, body]) => [head + after, ...body.map((line) => `  ${line}`)].join("\n"));

const end = fc.constantFrom("", "", "", "", " # c", "  ", "\n\n", "\n# c", "\n  # c");
const indented = (inner: string): string => inner.replaceAll(/^(?!$)/gm, "  ");

const node = fc.letrec<{ value: string; list: string; map: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 5, arbitrary: leaf },
    { weight: 2, arbitrary: flow.value },
    { weight: 2, arbitrary: block },
    { weight: 2, arbitrary: tie("list") },
    { weight: 2, arbitrary: tie("map") },
  ),
  list: fc
    .array(fc.tuple(tie("value"), end), { minLength: 1, maxLength: 3 })
    .map((items) => items.map(([item, after]) => `- ${indented(item).trimStart()}${after}`).join("\n")),
  map: fc
    .array(
      fc.oneof(
        { weight: 12, arbitrary: fc.tuple(key, tie("value"), end, fc.constantFrom("", "", "", "", " &c")).map(pair) },
        { weight: 1, arbitrary: merge },
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((pairs) => pairs.join("\n")),
}));

function pair([name, value, after, mark]: readonly [string, string, string, string]): string {
  const collection = /^(?:- |[^\s|>[{"'][^\n]*:(?: |\n))/.test(value);
  return collection ? `${name}:${mark}\n${indented(value)}${after}` : `${name}: ${value}${after}`;
}

/** What the aliases name. */
const named = "one: &one 1\nlist: &list [1, two]\nmap: &map {k1: v, k2: 0777}\n";

/** Small damage, as people do it: a line end, an indent, a character more or less. */
const damages = [" ", "  ", "\t", "\n", ":", "-", "#", "'", '"', ",", "]", "}", "|", "&", "\r", "?", "\ufeff", ""];
const damaged = fc.tuple(node.map, fc.nat(), fc.constantFrom(...damages)).map(([inner, at, by]) => {
  const place = at % (inner.length + 1);
  return inner.slice(0, place) + by + inner.slice(place + (at % 2));
});

/** A mapping as people, programs and accidents write it: valid and broken YAML of every kind. */
export const anyDocument: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      { weight: 5, arbitrary: node.map },
      { weight: 1, arbitrary: flow.map.map((inner) => `flow: ${inner}`) },
      { weight: 2, arbitrary: damaged },
    ),
    fc.constantFrom("", "\n", "\n\n", "\n...\n"),
    fc.constantFrom("", "", "", "", "# c\n", "---\n", "\ufeff", "\r"),
  )
  .map(([inner, after, before]) => {
    const all = named + inner + after;
    return before === "\r" ? all.replaceAll("\n", "\r\n") : before + all;
  });
