import { expect, test } from "vitest";
import type { Manifest } from "../../api/objects.ts";
import { parseRollout } from "../../api/v1alpha1/progressiverollout.ts";
import { type Call, type Webhook, webhook } from "../../api/v1alpha1/webhooks.ts";
import { NOTICE_TRIES } from "../../core/rollout/webhooks.ts";
import type { WebhookAnswer, WebhookPost } from "../../ports/webhooks.ts";
import { Caller } from "./caller.ts";
import type { Observed } from "./reconcile.ts";

const KEY = "shop/web";
const HOOK = webhook.parse({ name: "desk", url: "https://desk", events: ["Step"], secretRef: { name: "desk" } });
const object: Manifest = {
  apiVersion: "fairlead.dev/v1alpha1",
  kind: "ProgressiveRollout",
  metadata: { name: "web", namespace: "shop", uid: "u1" },
  spec: { workloadRef: { name: "web" }, serviceRef: { name: "web" } },
};
// A caller looks at nothing else of what is observed.
const observed = { rollout: parseRollout(object) } as Observed;

function call(change: Partial<Call> = {}): Call {
  const told = { event: "Step", revision: "v2", attempt: 1, step: 1, steps: 2, weight: 50 } as const;
  return { webhook: "desk", kind: "Gate", ...told, at: "2026-01-01T00:00:00Z", passed: false, tries: 0, ...change };
}

function secret(data: Record<string, string>): Manifest {
  return { apiVersion: "v1", kind: "Secret", metadata: { name: "desk", namespace: "shop" }, data };
}

function scene(found: Manifest | "none" = secret({ token: "czNjcmV0" })) {
  const posts: WebhookPost[] = [];
  const woken: string[] = [];
  const notes: string[] = [];
  const pending: ((answer: WebhookAnswer) => void)[] = [];
  const parts = {
    webhooks: {
      post: (post: WebhookPost) => {
        posts.push(post);
        return new Promise<WebhookAnswer>((resolve) => pending.push(resolve));
      },
    },
    secrets: {
      read: async () => (found === "none" ? { kind: "Missing" as const } : { kind: "Found" as const, secret: found }),
    },
    events: {
      note: (_about: Manifest, { reason, message }: { reason: string; message: string }) =>
        notes.push(`${reason}: ${message}`),
    },
    wake: (key: string) => woken.push(key),
    signal: new AbortController().signal,
  };
  const caller = () => new Caller(parts);
  const answer = async (given: WebhookAnswer) => {
    pending.shift()?.(given);
    await settled();
  };
  return { caller, posts, woken, notes, answer };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const due = (one: Call, hook: Webhook = HOOK) => [{ call: one, webhook: hook }];

test("calls once, wakes the rollout with the answer, and gives it until it is stored", async () => {
  const { caller, posts, woken, answer } = scene();
  const one = caller();
  expect(one.take(KEY, observed, due(call()))).toEqual([]);
  await settled();
  expect(one.take(KEY, observed, due(call()))).toEqual([]);
  await answer({ accepted: false, text: "HTTP 503" });
  expect(posts).toHaveLength(1);
  expect(woken).toEqual([KEY]);
  const given = [{ call: call(), accepted: false, text: "HTTP 503" }];
  expect(one.take(KEY, observed, due(call()))).toEqual(given);
  // The status could not be stored: the answer is still there, and nobody is called again for it.
  expect(one.take(KEY, observed, due(call()))).toEqual(given);
  expect(one.take(KEY, observed, due(call({ tries: 1 })))).toEqual([]);
  await settled();
  expect(posts).toHaveLength(2);
});

test("a new process repeats what has no answer, under the same key and with the same body", async () => {
  const { caller, posts } = scene();
  caller().take(KEY, observed, due(call()));
  await settled();
  caller().take(KEY, observed, due(call({ tries: 1, triedAt: "2026-01-01T00:00:05Z", answer: "HTTP 503" })));
  await settled();
  expect(posts.map(({ idempotencyKey }) => idempotencyKey)).toEqual(["u1/v2/1/Step/1/desk", "u1/v2/1/Step/1/desk"]);
  expect(posts[0]?.body).toBe(posts[1]?.body);
  expect(JSON.parse(posts[0]?.body ?? "")).toEqual({
    kind: "Gate",
    event: "Step",
    webhook: "desk",
    rollout: { namespace: "shop", name: "web", uid: "u1" },
    revision: "v2",
    attempt: 1,
    step: 2,
    steps: 2,
    weight: 50,
    at: "2026-01-01T00:00:00Z",
  });
  expect(posts[0]).toMatchObject({ secret: "s3cret", timeoutMs: 10_000 });
});

test.each<[string, Manifest | "none"]>([
  ["no Secret", "none"],
  ["a Secret without the key", secret({ other: "eA==" })],
])("calls nobody with %s to sign by", async (_what, found) => {
  const { caller, posts } = scene(found);
  const one = caller();
  one.take(KEY, observed, due(call()));
  await settled();
  expect(posts).toEqual([]);
  expect(one.take(KEY, observed, due(call()))).toMatchObject([
    { accepted: false, text: "Secret desk has no key token" },
  ]);
});

test("an Event tells of a notice that was given up, and of no gate", async () => {
  const { caller, notes, answer } = scene();
  const one = caller();
  one.take(KEY, observed, due(call({ tries: NOTICE_TRIES - 1 })));
  await settled();
  await answer({ accepted: false, text: "HTTP 503" });
  expect(notes).toEqual([]);
  one.take(KEY, observed, due(call({ kind: "Notice", webhook: "chat", tries: NOTICE_TRIES - 1 })));
  await settled();
  await answer({ accepted: false, text: "HTTP 503" });
  expect(notes).toEqual(["WebhookFailed: webhook chat was told of Step of revision v2 in vain: HTTP 503"]);
});
