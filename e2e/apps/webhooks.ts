import { createHmac, randomUUID } from "node:crypto";
import { git } from "./git.ts";
import type { RefUpdate } from "./gitEvents.ts";

/** Where to tell of pushes, and the secret that signs the telling. */
export interface Webhook {
  readonly url: string;
  readonly secret: string;
}

/** What came of one delivery: a status code, or why there was none. */
export interface Delivery {
  readonly repo: string;
  readonly url: string;
  readonly outcome: number | string;
}

/** The parts of the payload that the repository's server knows. */
export interface PushContext {
  readonly path: string;
  readonly cloneUrl: string;
  readonly sshUrl: string;
}

/** Tells the webhooks of a repository of each push, as GitHub does: one signed POST for each ref. */
export class Webhooks {
  readonly #hooks = new Map<string, Webhook[]>();
  readonly #pending = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  readonly #deliveries: Delivery[] = [];

  /** Adds a webhook to a repository. */
  add(repo: string, hook: Webhook): void {
    this.#hooks.set(repo, [...(this.#hooks.get(repo) ?? []), hook]);
  }

  /** All deliveries so far, in the order in which they ended. */
  get deliveries(): readonly Delivery[] {
    return [...this.#deliveries];
  }

  /** Begins to deliver; a receiver that fails is noted, not tried again. */
  send(update: RefUpdate, context: PushContext): void {
    for (const hook of this.#hooks.get(update.repo) ?? []) {
      const sent = this.#deliver(hook, update, context).then((outcome) => {
        this.#deliveries.push({ repo: update.repo, url: hook.url, outcome });
        this.#pending.delete(sent);
      });
      this.#pending.add(sent);
    }
  }

  /** Ends the deliveries under way. */
  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#pending);
  }

  async #deliver(hook: Webhook, update: RefUpdate, context: PushContext): Promise<number | string> {
    try {
      const body = JSON.stringify(await pushPayload(update, context));
      const response = await fetch(hook.url, {
        method: "POST",
        body,
        headers: {
          "Content-Type": "application/json",
          "X-GitHub-Event": "push",
          "X-GitHub-Delivery": randomUUID(),
          "X-Hub-Signature-256": signature(hook.secret, body),
        },
        redirect: "manual",
        signal: AbortSignal.any([this.#ended.signal, AbortSignal.timeout(10_000)]),
      });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      return String(error instanceof Error && error.cause instanceof Error ? error.cause : error);
    }
  }
}

/** The X-Hub-Signature-256 of a body. */
export function signature(secret: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

async function pushPayload(update: RefUpdate, context: PushContext): Promise<object> {
  const { repo, ref, before, after } = update;
  const created = /^0+$/.test(before);
  const deleted = /^0+$/.test(after);
  const [owner = repo, name = owner] = repo.split("/");
  const inRepo = (...args: readonly string[]) => git(args, { cwd: context.path });
  const head = deleted ? undefined : await inRepo("log", "-1", "--format=%H%n%T%n%cI%n%an%n%ae%n%B", after);
  const [id, tree, timestamp, author, email, ...message] = head?.split("\n") ?? [];
  const forced =
    !created &&
    !deleted &&
    (await inRepo("merge-base", "--is-ancestor", before, after).then(
      () => false,
      () => true,
    ));
  return {
    ref,
    before,
    after,
    created,
    deleted,
    forced,
    repository: { name, full_name: repo, clone_url: context.cloneUrl, ssh_url: context.sshUrl, default_branch: "main" },
    pusher: { name: "tests", email: "tests@example.com" },
    head_commit:
      head === undefined
        ? null
        : { id, tree_id: tree, timestamp, message: message.join("\n"), author: { name: author, email } },
  };
}
