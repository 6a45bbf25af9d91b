import { createHmac } from "node:crypto";
import { Agent, request } from "undici";
import { httpUrl } from "../../core/net/httpUrl.ts";
import { clip, oneLine } from "../../core/status/text.ts";
import { type HostGuard, HostRefused } from "../../ports/hosts.ts";
import type { WebhookAnswer, Webhooks } from "../../ports/webhooks.ts";

/** How webhooks are reached. */
export interface WebhookOptions {
  /** Which hosts may be called; any unless set. */
  readonly hosts?: HostGuard;
}

/** Bytes of an answer that are taken before its connection is given up; nothing of them is looked at. */
const MOST_BYTES = 64 * 1024;
/** A receiver that means to be quoted says it here: whatever else answers at an address of somebody's choice is not. */
const MESSAGE_HEADER = "fairlead-message";

/** Calls webhooks by HTTP. */
export function createWebhooks({ hosts }: WebhookOptions = {}): Webhooks & AsyncDisposable {
  const connect = hosts === undefined ? {} : { connect: { lookup: hosts.lookup } };
  const agent = new Agent({ connections: 4, pipelining: 1, ...connect });
  return {
    async post({ url: address, idempotencyKey, event, body, secret, timeoutMs }, signal): Promise<WebhookAnswer> {
      const url = httpUrl(address);
      if (url === undefined) return refused("the address is no http or https URL without credentials");
      const late = AbortSignal.timeout(timeoutMs);
      try {
        hosts?.check(url.hostname);
        const {
          statusCode,
          headers,
          body: answer,
        } = await request(url, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "idempotency-key": idempotencyKey,
            "fairlead-event": event,
            ...(secret === undefined ? {} : { "fairlead-signature": signed(secret, body) }),
          },
          body,
          signal: AbortSignal.any([signal, late]),
          dispatcher: agent,
        });
        await answer.dump({ limit: MOST_BYTES });
        const said = headers[MESSAGE_HEADER];
        const words = typeof said === "string" ? `, ${clean(said)}` : "";
        return { accepted: statusCode >= 200 && statusCode < 300, text: `HTTP ${statusCode}${words}` };
      } catch (error) {
        if (error instanceof HostRefused) return refused(error.message);
        if (late.aborted) return refused(`no answer within ${timeoutMs} ms`);
        return refused(`${url.host} cannot be reached (${reason(error)})`);
      }
    },
    async [Symbol.asyncDispose]() {
      await agent.destroy();
    },
  };
}

/** Lower-case hexadecimal, as `openssl dgst -sha256 -hmac` prints it. */
function signed(secret: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

function refused(text: string): WebhookAnswer {
  return { accepted: false, text };
}

function reason(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return clean(typeof code === "string" ? code : String(message ?? error));
}

function clean(text: string): string {
  return clip(oneLine(text), 150);
}
