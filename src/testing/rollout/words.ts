import type { Json } from "../../api/json.ts";
import type { Reading } from "../../core/analysis/judge.ts";
import type { Happening } from "./simulate.ts";
import { SimWorld } from "./world.ts";

/** A story that a person can review: its golden log is the review. */
export interface Scenario {
  readonly name: string;
  readonly world: () => SimWorld;
  readonly happenings: readonly Happening[];
  readonly seconds: number;
}

export const GOOD: Reading = { kind: "Value", value: 100 };
export const BAD: Reading = { kind: "Value", value: 95 };
const STEPS: Json = [
  { weight: 20, hold: "10s" },
  { weight: 50, hold: "10s" },
];
export const ANALYSIS = {
  prometheus: { address: "http://prometheus:9090" },
  interval: "5s",
  deadline: "30s",
  metrics: [{ name: "errors", successRate: { min: 99.5 } }],
};
export const BASE: Record<string, Json> = {
  strategy: { canary: { steps: STEPS } },
  settleSeconds: 3,
  scaleDownDelaySeconds: 30,
  progressDeadlineSeconds: 20,
};
export const JUDGED: Record<string, Json> = { ...BASE, analysis: ANALYSIS };
export const ROLLING: Record<string, Json> = { ...BASE, strategy: { rolling: { batch: 1, hold: "3s" } } };
export const BLUE_GREEN: Record<string, Json> = { ...JUDGED, strategy: { blueGreen: { hold: "5s", watch: "10s" } } };
export const ROUTED: Record<string, Json> = { ...JUDGED, routeRefs: [{ name: "web" }] };

export function world(spec: Record<string, Json>, change: (world: SimWorld) => void = () => {}): () => SimWorld {
  return () => {
    const made = new SimWorld({ template: "v1", replicas: 4, spec, lags: { nodes: 1_000 } });
    change(made);
    return made;
  };
}

export function push(at: number, template: string, word = "push"): Happening {
  return { at, what: `${word} ${template}`, act: (w) => w.push(template) };
}

export function set(at: number, what: string, spec: Record<string, Json>): Happening {
  return { at, what, act: (w) => Object.assign(w, { spec: { ...w.spec, ...spec } }) };
}

export function reads(template: string, reading: Reading): (w: SimWorld) => void {
  return (w) => w.behaviours.set(template, { readyAfter: 2_000, reading });
}

export function starts(template: string, readyAfter: number): (w: SimWorld) => void {
  return (w) => w.behaviours.set(template, { readyAfter, reading: GOOD });
}

export const remove = (at: number): Happening => ({
  at,
  what: "delete the ProgressiveRollout",
  act: (w) => Object.assign(w, { deleting: true }),
});
