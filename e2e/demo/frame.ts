import type { Sample } from "./sample.ts";

const BAR = 24;

/** The live view of one look: a few lines, each with one thing; a long one goes on below itself. */
export function frame(sample: Sample, width: number): readonly string[] {
  const rows = [
    row("Git", gitLine(sample)),
    row("rollout", rolloutLine(sample)),
    row("pods", podsLine(sample)),
    row("verdicts", verdictsLine(sample)),
    row("answers", answersLine(sample)),
    row("why", `${sample.reason}: ${sample.message}`),
  ];
  return rows.flatMap((line) => wrapped(line, width));
}

/** A look in one line, without what changes all the time: a new line is news. */
export function newsLine(sample: Sample): string {
  const parts = [rolloutLine(sample), podsLine(sample), verdictsLine(sample)].filter((part) => part !== NONE);
  return `${parts.join(" | ")} | ${sample.reason}: ${sample.message}`;
}

const NONE = "none";
const INDENT = 12;

/** A line that the terminal wraps would be two, and the next redraw would leave one of them behind. */
function wrapped(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const end = space > INDENT ? space : width;
    lines.push(rest.slice(0, end));
    rest = " ".repeat(INDENT) + rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(9)} ${text}`;
}

function gitLine({ applied, attempted, subject }: Sample): string {
  if (attempted === undefined) return "not looked at yet";
  if (attempted !== applied) return `main is at ${attempted.slice(0, 7)}, which is under way`;
  return `main is at ${attempted.slice(0, 7)} "${subject ?? ""}", as a whole in the cluster`;
}

function rolloutLine({ status, versionOf }: Sample): string {
  const cursor = status.rollout;
  if (cursor === undefined) return "not begun";
  const version = (revision: string) => versionOf.get(revision) ?? revision;
  const stable = `stable ${version(cursor.stable)}`;
  const other = cursor.candidate ?? (cursor.toward === cursor.stable ? undefined : cursor.toward);
  if (other === undefined) return `${cursor.stage}, ${stable}`;
  const step = status.step ? `, step ${status.step}` : "";
  return `${cursor.stage}, ${stable}, ${cursor.candidate ? "candidate" : "toward"} ${version(other)}${step}, weight ${cursor.weight} %`;
}

function podsLine({ pods }: Sample): string {
  const versions = [...new Set(pods.map(({ version }) => version))].sort();
  const of = (wanted: string) => {
    const its = pods.filter(({ version }) => version === wanted);
    const leaving = its.filter(({ terminating }) => terminating).length;
    const ready = its.filter((pod) => pod.ready && !pod.terminating).length;
    return `${wanted} ${ready}/${its.length - leaving} ready${leaving > 0 ? ` and ${leaving} leaving` : ""}`;
  };
  return versions.map(of).join(", ") || NONE;
}

function verdictsLine({ status }: Sample): string {
  const verdicts = status.rollout?.candidate === undefined ? [] : status.rollout.verdicts;
  return (
    verdicts
      .map(({ name, outcome, value }) => `${name} ${outcome}${value === undefined ? "" : ` (${short(value)})`}`)
      .join(", ") || NONE
  );
}

function short(value: string): string {
  const number = Number(value);
  return Number.isFinite(number) ? String(Math.round(number * 100) / 100) : value;
}

function answersLine({ load }: Sample): string {
  if (load === undefined) return "no load yet";
  const recent = Object.entries(load.recent).filter(([, count]) => count > 0);
  const sum = recent.reduce((total, [, count]) => total + count, 0);
  const shares = recent.sort(([a], [b]) => a.localeCompare(b)).map(([version, count]) => share(version, count / sum));
  return `${shares.join("  ") || "none"}  (last 2 s; ${load.sent} sent, ${load.failed} failed in all)`;
}

function share(version: string, part: number): string {
  return `${version} ${"█".repeat(Math.max(1, Math.round(part * BAR)))} ${Math.round(part * 100)} %`;
}
