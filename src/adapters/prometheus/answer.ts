import { isObject, type Json, listAt, stringAt } from "../../api/json.ts";
import { clip, oneLine } from "../../core/status/text.ts";
import type { NoSample, Sample, Series } from "../../ports/metrics.ts";

/** What the HTTP server said: its status and as much of the body as was read. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

const oneValue = "make the query return one value, with sum(), max() or a more exact selector";

/** Reads the answer to an instant query. Only one number is a value: nothing is guessed from anything else. */
export function readAnswer(answer: Answer): Sample {
  const result = readResult(answer);
  if (result.kind === "Scalar") return readPoint(result.point);
  return result.kind === "Vector" ? readVector(result.series) : result;
}

/** Reads the answer to an instant query that has several numbers; NaN is none of them. */
export function readSeries(answer: Answer): Series | NoSample {
  const result = readResult(answer);
  if (result.kind === "Scalar") return invalid("the query returns a number without labels");
  if (result.kind !== "Vector") return result;
  const points = result.series.map((series) => ({ series, point: readVector([series]) }));
  const found = points.flatMap(({ series, point }) =>
    point.kind === "Value" ? [{ labels: labelsOf(series), value: point.value, at: point.at }] : [],
  );
  const [first] = found;
  const failed = points.find(({ point }) => point.kind === "Invalid" || point.kind === "ProviderError")?.point;
  if (failed !== undefined && failed.kind !== "Value") return failed;
  if (first === undefined) return NO_SERIES;
  return { kind: "Series", series: found.map(({ labels, value }) => ({ labels, value })), at: first.at };
}

type Result =
  | { readonly kind: "Scalar"; readonly point: readonly Json[] }
  | { readonly kind: "Vector"; readonly series: readonly Json[] }
  | NoSample;

function readResult({ status, body }: Answer): Result {
  const parsed = parse(body);
  if (parsed === undefined || !isPrometheus(parsed)) {
    return providerError(`the answer (HTTP ${status}) is none of Prometheus' query API; check the address`);
  }
  if (stringAt(parsed, "status") !== "success") return readError(status, parsed);
  if (status < 200 || status > 299) return providerError(`Prometheus answered HTTP ${status}; it is asked again`);
  const type = stringAt(parsed, "data", "resultType") ?? "";
  switch (type) {
    case "scalar":
      return { kind: "Scalar", point: listAt(parsed, "data", "result") };
    case "vector":
      return { kind: "Vector", series: listAt(parsed, "data", "result") };
    case "matrix":
      return invalid(
        "the query returns a range (matrix); take the range away, or put rate() or avg_over_time() around it",
      );
    case "string":
      return invalid(`the query returns a text; ${oneValue}`);
    default:
      return providerError("the answer has a result type that is not known");
  }
}

/** What else answers at the address of somebody's choice is never quoted: it may be an API that only the operator reaches. */
function isPrometheus(parsed: Json): boolean {
  const status = stringAt(parsed, "status");
  return status === "success" || (status === "error" && ERROR_TYPES.includes(stringAt(parsed, "errorType") ?? ""));
}

const ERROR_TYPES: readonly string[] = [
  "timeout",
  "canceled",
  "execution",
  "bad_data",
  "internal",
  "unavailable",
  "not_found",
  "not_acceptable",
];

const NO_SERIES: NoSample = {
  kind: "NoData",
  message: "the query matches no series now; check its selector, or wait for the first samples",
};

function readVector(series: readonly Json[]): Sample {
  const [first, second] = series;
  if (first === undefined) return NO_SERIES;
  if (second !== undefined) {
    const shown = series.slice(0, 3).map(named).join(", ");
    return invalid(
      `the query returns ${series.length} series (${shown}${series.length > 3 ? ", …" : ""}); ${oneValue}`,
    );
  }
  if (isObject(first) && first["histogram"] !== undefined) {
    return invalid("the query returns a histogram; put histogram_quantile() or histogram_count() around it");
  }
  return readPoint(listAt(first, "value"));
}

function readPoint([time, text]: readonly Json[]): Sample {
  if (typeof time !== "number" || typeof text !== "string")
    return providerError("the answer has no value where one belongs");
  const at = Math.round(time * 1000);
  if (text === "NaN") {
    return { kind: "NoData", message: "the query gives NaN, as 0/0 does without traffic; it counts as no data" };
  }
  const infinite = /^([+-]?)Inf$/.exec(text);
  if (infinite !== null) return { kind: "Value", value: infinite[1] === "-" ? -Infinity : Infinity, at };
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value)
    ? providerError("the answer has something else where a number belongs")
    : { kind: "Value", value, at };
}

/** What the query itself is guilty of stays wrong however often it is asked; all else may pass. */
function readError(status: number, parsed: Json): NoSample {
  const type = stringAt(parsed, "errorType") ?? "unknown";
  const text = `${type}: ${clean(stringAt(parsed, "error") ?? "no message")}`;
  if ((status === 400 || status === 422) && (type === "bad_data" || type === "execution")) {
    return invalid(`Prometheus refuses the query (${text}); correct it`);
  }
  return providerError(`Prometheus could not answer (HTTP ${status}, ${text}); it is asked again`);
}

/** A message for what may pass with time. */
export function providerError(message: string): NoSample {
  return { kind: "ProviderError", message };
}

function invalid(message: string): NoSample {
  return { kind: "Invalid", message };
}

function labelsOf(series: Json): Readonly<Record<string, string>> {
  const metric = isObject(series) && isObject(series["metric"]) ? series["metric"] : {};
  return Object.fromEntries(
    Object.entries(metric).flatMap(([key, value]) => (typeof value === "string" ? [[key, value]] : [])),
  );
}

function named(series: Json): string {
  const { __name__: name, ...others } = labelsOf(series);
  const pairs = Object.entries(others).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return clean(`${name ?? ""}{${pairs.join(",")}}`).slice(0, 120);
}

function clean(text: string): string {
  return clip(oneLine(text), 500);
}

function parse(body: string): Json | undefined {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return undefined;
  }
}
