import { BACK_WITHIN, type Row } from "./rows.ts";
import { APPS, type Setting, WAYS } from "./settings.ts";

/** Requests and failures by what happened: a part for each application, undisturbed and with restarts. */
export function trafficTable(rows: readonly Row[]): readonly string[] {
  const parts = [false, true].flatMap((restarts) =>
    APPS.map((app) => {
      const of = rows.filter(({ setting }) => setting.app === app && setting.restarts === restarts);
      const disturbed = restarts ? ", the operator killed and started again in the middle of each" : "";
      return { title: `A program that ${app} on SIGTERM, no preStop hook${disturbed}`, of };
    }),
  );
  return parts
    .filter(({ of }) => of.length > 0)
    .flatMap(({ title, of }) => [
      title,
      ...grid(
        ["", ...WAYS.flatMap((way) => [`${way}: sent`, "failed", "seconds"])],
        grouped(of, ({ setting, what }) => `${setting.strategy}: ${what}`).map(([name, group]) => [
          name,
          ...WAYS.flatMap((way) => requestCells(group.filter(({ setting }) => setting.way === way))),
        ]),
      ),
      "",
    ]);
}

/** Each way back: seconds until all answers were stable's, and writes; undisturbed ones only. */
export function backTable(rows: readonly Row[]): readonly string[] {
  const backs = rows.filter(({ back, setting }) => back !== undefined && !setting.restarts);
  if (backs.length === 0) return [];
  const title =
    `From the push of a revert to the last answer of what was reverted; bars: below ${BACK_WITHIN} s, ` +
    `and where pods had to start, below ${BACK_WITHIN} s more than they took to be ready`;
  const body = grouped(backs, ({ setting, what }) => `${setting.strategy}: ${what}`).map(([name, group]) => [
    name,
    ...WAYS.flatMap((way) => backCells(group.filter(({ setting }) => setting.way === way))),
  ]);
  return [title, ...grid(["", ...WAYS.flatMap((way) => [`${way}: seconds`, "pods ready", "writes"])], body), ""];
}

/** What other tools were measured by: requests lost, in all runs, and the longest way back. */
export function comparisonTable(rows: readonly Row[]): readonly string[] {
  const columns = {
    "taking over": /^adopt/,
    release: /^(canary|promotion|blue-green|rolling|supersede)/,
    revert: /^(cancel|roll back)/,
    reject: /^reject/,
    deletion: /^(hand back|after the deletion)/,
  };
  const of = (way: Setting["way"]) => rows.filter(({ setting }) => setting.way === way && !setting.restarts);
  const cells = (group: readonly Row[]) => [
    ...Object.values(columns).map((pattern) =>
      String(
        sum(
          group.filter(({ what }) => pattern.test(what)),
          "failed",
        ),
      ),
    ),
    range(group.flatMap(({ back }) => (back?.readiness === undefined ? (back?.seconds ?? []) : []))),
    range(group.flatMap(({ back }) => (back?.readiness === undefined ? [] : back.seconds))),
  ];
  const body = WAYS.filter((way) => of(way).length > 0).map((way) => [`Fairlead, ${way}`, ...cells(of(way))]);
  const head = ["requests lost by", ...Object.keys(columns), "back, warm (s)", "back, cold (s)"];
  return body.length === 0 ? [] : [...grid(head, body), ""];
}

function requestCells(group: readonly Row[]): readonly string[] {
  if (group.length === 0) return ["-", "-", "-"];
  return [String(sum(group, "sent")), String(sum(group, "failed")), range(group.map(({ seconds }) => seconds))];
}

function backCells(group: readonly Row[]): readonly string[] {
  const backs = group.flatMap(({ back }) => back ?? []);
  if (backs.length === 0) return ["-", "-", "-"];
  const cold = backs.flatMap(({ readiness }) => readiness ?? []);
  return [
    range(backs.map(({ seconds }) => seconds)),
    cold.length === 0 ? "warm" : range(cold),
    range(
      backs.map(({ writes }) => writes),
      0,
    ),
  ];
}

function sum(group: readonly Row[], field: "sent" | "failed"): number {
  return group.reduce((total, row) => total + row[field], 0);
}

/** The least and the most of some numbers; one where they read the same. */
function range(values: readonly number[], digits = 1): string {
  if (values.length === 0) return "-";
  const [least, most] = [Math.min(...values).toFixed(digits), Math.max(...values).toFixed(digits)];
  return least === most ? least : `${least}-${most}`;
}

/** Groups in the order of their first row. */
function grouped(rows: readonly Row[], nameOf: (row: Row) => string): readonly (readonly [string, readonly Row[]])[] {
  return [...Map.groupBy(rows, nameOf)];
}

/** Lines of a table: the first column to the left, all others to the right. */
function grid(head: readonly string[], body: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...body.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  return [head, ...body].map((cells) => `  ${line(cells)}`.trimEnd());
}
