import type { Cursor } from "../../../api/v1alpha1/cursor.ts";
import { type Because, because } from "../because.ts";
import type { Ready } from "../plan.ts";
import { watched } from "../timing.ts";
import { type Asked, ask, type Told } from "../webhooks.ts";

/** What the gate webhooks of an event make of a rollout; undefined: they let it go on. */
export type Gated =
  | { readonly kind: "Ask"; readonly cursor: Cursor; readonly because: Because }
  | { readonly kind: "Hold"; readonly because: Because; readonly leftMs: number }
  | { readonly kind: "Reject"; readonly because: Because };

/** Asks the gate webhooks of an event, which stands as words in `what`. */
export function gatedBy(seen: Ready, cursor: Cursor, told: Told, what: string, now: number): Gated | undefined {
  const asked: Asked = ask(cursor, seen.spec.webhooks, told, { now, watched: (time) => watched(seen, time, now) });
  switch (asked.kind) {
    case "Open":
      return undefined;
    case "New":
      return {
        kind: "Ask",
        cursor: asked.cursor,
        because: because("AwaitingWebhook", `${asked.names.join(", ")} asked before ${what}`),
      };
    case "Closed": {
      const { webhook, answer, until, left, policy } = asked;
      const after = policy === "Reject" ? "rejected" : "goes on all the same";
      const exit = `goes on when it answers 2xx; ${after} at ${until}`;
      return {
        kind: "Hold",
        because: because("AwaitingWebhook", `webhook ${webhook} is asked before ${what}: ${answer}`, exit),
        leftMs: left,
      };
    }
    case "Denied":
      return { kind: "Reject", because: because("AwaitingWebhook", asked.message) };
  }
}
