import { at } from "../../src/api/json.ts";
import { until } from "../apps/until.ts";
import { isPodReady, type Kube } from "../harness/kube.ts";
import type { Shop } from "../harness/shop.ts";
import { versionOf } from "../harness/stories.ts";

/** Pods that start from now on, of any version but one, looked at again and again. */
export class Readiness {
  readonly #firstSeen = new Map<string, number>();
  readonly #took = new Map<string, number>();
  readonly #ended = new AbortController();
  readonly #looking: Promise<unknown>;

  constructor(kube: Kube, { namespace, name }: Shop, except: string) {
    let known: ReadonlySet<string> | undefined;
    const look = async (): Promise<undefined> => {
      const pods = await kube.list("v1", "Pod", { namespace, labels: `app=${name}` });
      known ??= new Set(pods.map(({ metadata }) => metadata.uid ?? ""));
      const now = performance.now();
      for (const pod of pods) {
        const uid = pod.metadata.uid ?? "";
        if (known.has(uid) || versionOf(at(pod, "spec", "containers")) === except) continue;
        const first = this.#firstSeen.get(uid) ?? now;
        this.#firstSeen.set(uid, first);
        if (isPodReady(pod) && !this.#took.has(uid)) this.#took.set(uid, now - first);
      }
      return undefined;
    };
    const options = { timeoutMs: 600_000, everyMs: 40, signal: this.#ended.signal };
    this.#looking = until("the end of the looks at pods", look, options).catch(() => undefined);
  }

  /** How long the slowest of them took from its start until it was ready, in seconds; undefined when none had to start. */
  async end(): Promise<number | undefined> {
    this.#ended.abort();
    await this.#looking;
    return this.#took.size === 0 ? undefined : Math.max(...this.#took.values()) / 1_000;
  }
}
