/** One POST. Values are told to whoever the resource names; the secret never is. */
export interface WebhookPost {
  readonly url: string;
  /** The same on each try. */
  readonly idempotencyKey: string;
  readonly event: string;
  /** JSON text. */
  readonly body: string;
  /** Signs the body. */
  readonly secret?: string;
  readonly timeoutMs: number;
}

/** What came of a call: 2xx is accepted. `text` is one short sentence and holds nothing of the answer's body. */
export interface WebhookAnswer {
  readonly accepted: boolean;
  readonly text: string;
}

/** Calls webhooks. Never throws: what went wrong is part of the answer. */
export interface Webhooks {
  post(call: WebhookPost, signal: AbortSignal): Promise<WebhookAnswer>;
}
