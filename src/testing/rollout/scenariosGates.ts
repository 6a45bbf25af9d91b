import type { Json } from "../../api/json.ts";
import type { Turn } from "../../core/rollout/turns.ts";
import type { CheckBehaviour } from "./simJobs.ts";
import type { Happening } from "./simulate.ts";
import { BAD, BASE, JUDGED, push, reads, type Scenario, set, world } from "./words.ts";
import type { SimWorld } from "./world.ts";

function turn(at: number, what: string, now: Turn | undefined): Happening {
  return { at, what, act: (w) => Object.assign(w, { turn: now }) };
}

const afterApi: Turn = { limit: 1, underWay: ["api"], ahead: 1, behind: "shop" };

const GATE: Json = {
  name: "desk",
  url: "https://desk.example.com",
  events: ["Start", "Step", "Promotion"],
  gate: { deadline: "60s" },
};
const NOTICE: Json = {
  name: "chat",
  url: "https://chat.example.com",
  events: ["Start", "Step", "Promotion", "Finished"],
};

function answers(at: number, webhook: string, accepts: boolean): Happening {
  const what = `${webhook} answers ${accepts ? "200" : "503"}`;
  return { at, what, act: (w) => void w.receivers.behaviours.set(webhook, { accepts, afterMs: 0 }) };
}

const SMOKE: Json = { name: "smoke", cronJobRef: { name: "smoke" }, timeout: "10s" };
const EACH: Json = { name: "deep", cronJobRef: { name: "deep" }, when: "EachStep", timeout: "10s" };

function runs(at: number, check: string, outcome: CheckBehaviour["outcome"]): Happening {
  const what = `runs of ${check}: ${outcome}`;
  return { at, what, act: (w) => void w.jobs.behaviours.set(check, { outcome, afterMs: 2_000 }) };
}

function come(check: string, outcome: CheckBehaviour["outcome"]): (w: SimWorld) => void {
  return (w) => runs(0, check, outcome).act(w);
}

function closed(webhook: string): (w: SimWorld) => void {
  return (w) => void w.receivers.behaviours.set(webhook, { accepts: false, afterMs: 0 });
}

/** What holds a rollout from outside of it. */
export const gateScenarios: readonly Scenario[] = [
  {
    name: "its-turn-comes",
    world: world(BASE),
    happenings: [
      turn(14, "api is under way and shop waits", afterApi),
      push(15, "v2"),
      turn(20, "api has ended, shop is under way", { limit: 1, underWay: ["shop"], ahead: 0 }),
      turn(30, "shop has ended", { limit: 1, underWay: [], ahead: 0 }),
      turn(40, "the platform team stops new rollouts", { limit: 0, underWay: [], ahead: 0 }),
    ],
    seconds: 90,
  },
  {
    name: "turn-not-needed-to-go-back",
    world: world(JUDGED),
    happenings: [
      push(15, "v2"),
      turn(60, "the platform team stops new rollouts", { limit: 0, underWay: [], ahead: 0 }),
      push(61, "v3"),
      push(65, "v1", "revert to"),
    ],
    seconds: 90,
  },
  {
    name: "webhooks-asked-and-told",
    world: world({ ...BASE, webhooks: [GATE, NOTICE] }),
    happenings: [push(15, "v2")],
    seconds: 60,
  },
  {
    name: "webhook-holds-each-place-until-it-lets-go",
    world: world({ ...BASE, webhooks: [GATE] }, closed("desk")),
    happenings: [
      push(15, "v2"),
      answers(25, "desk", true),
      answers(33, "desk", false),
      answers(50, "desk", true),
      answers(60, "desk", false),
      answers(72, "desk", true),
    ],
    seconds: 90,
  },
  {
    name: "webhook-never-lets-go-so-rejected",
    world: world({ ...BASE, webhooks: [GATE, NOTICE] }, closed("desk")),
    happenings: [
      push(15, "v2"),
      set(90, "set spec.retry", { retry: "again" }),
      answers(95, "desk", true),
      answers(100, "desk", false),
    ],
    seconds: 180,
  },
  {
    name: "webhook-that-is-away-lets-go-in-the-end",
    world: world(
      { ...BASE, webhooks: [{ ...(GATE as object), gate: { deadline: "10s", afterDeadline: "Continue" } }] },
      closed("desk"),
    ),
    happenings: [push(15, "v2")],
    seconds: 110,
  },
  {
    name: "webhook-holds-no-way-back",
    world: world({ ...JUDGED, webhooks: [GATE, NOTICE] }, reads("v3", BAD)),
    happenings: [
      push(15, "v2"),
      answers(20, "desk", false),
      answers(20, "chat", false),
      push(40, "v1", "revert to"),
      answers(50, "desk", true),
      push(60, "v3"),
      answers(62, "desk", false),
      answers(90, "chat", true),
    ],
    seconds: 120,
  },
  {
    name: "checks-pass-before-traffic-and-in-each-step",
    world: world({ ...BASE, checks: [SMOKE, EACH] }),
    happenings: [push(15, "v2")],
    seconds: 60,
  },
  {
    name: "check-fails-so-no-request-reaches-the-candidate",
    world: world({ ...BASE, checks: [SMOKE] }, come("smoke", "Failed")),
    happenings: [push(15, "v2")],
    seconds: 40,
  },
  {
    name: "check-whose-image-does-not-exist",
    world: world({ ...BASE, checks: [SMOKE] }, come("smoke", "Never")),
    happenings: [push(15, "v2"), runs(120, "smoke", "Passed"), set(125, "set spec.retry", { retry: "with-the-image" })],
    seconds: 170,
  },
  {
    name: "check-inconclusive-and-waived-then-the-next-one-runs",
    world: world({ ...BASE, checks: [{ ...(EACH as object), retries: 0 }] }, come("deep", "Lost")),
    happenings: [
      push(15, "v2"),
      runs(40, "deep", "Passed"),
      set(45, "waive run 1", { checks: [{ ...(EACH as object), retries: 0, waivedRun: "v2/1" }] }),
    ],
    seconds: 80,
  },
  {
    name: "check-deleted-while-it-runs-and-a-revert",
    world: world({ ...BASE, checks: [SMOKE] }, come("smoke", "Never")),
    happenings: [
      push(15, "v2"),
      { at: 20, what: "somebody deletes the Job", act: (w) => w.jobs.kill() },
      push(25, "v1", "revert to"),
    ],
    seconds: 40,
  },
];
