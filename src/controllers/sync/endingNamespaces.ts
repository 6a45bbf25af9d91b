import type { Member } from "../../core/sync/desiredSet.ts";
import type { Applied } from "./apply.ts";

/** What the try of one object says of its namespace. */
type Word = "Ending" | "Open" | "Nothing";

/**
 * Keeps a pass from writing into namespaces that are being deleted: the API server refuses whatever is made there, and each
 * object that goes would ask for all the others again. Where the set has the namespace itself, its end is seen by watch;
 * elsewhere one object of it asks in each pass.
 */
export class EndingNamespaces {
  /** Of former passes, too. */
  readonly #ending: Set<string>;
  readonly #declared = new Set<string>();
  readonly #tries = new Map<string, Promise<Word>>();

  constructor(ending: Set<string>) {
    this.#ending = ending;
  }

  /** Applies a member unless its namespace is being deleted. The members of earlier stages come first. */
  async apply(member: Member, run: () => Promise<Applied>): Promise<Applied> {
    const { kind, namespace, name, apiVersion } = member.ref;
    if (namespace !== undefined) return this.#inside(namespace, member, run);
    const applied = await run();
    if (apiVersion === "v1" && kind === "Namespace") {
      this.#declared.add(name);
      if (isGoing(applied)) this.#ending.add(name);
      else this.#ending.delete(name);
    }
    return applied;
  }

  async #inside(namespace: string, member: Member, run: () => Promise<Applied>): Promise<Applied> {
    while (this.#ending.has(namespace)) {
      if (this.#declared.has(namespace)) return waits(member, namespace);
      const other = this.#tries.get(namespace);
      if (other === undefined) break;
      if ((await other) === "Ending") return waits(member, namespace);
      if (this.#tries.get(namespace) === other) this.#tries.delete(namespace);
    }
    const applied = run();
    const word = applied.then(wordOf, () => "Nothing" as const);
    if (this.#ending.has(namespace)) this.#tries.set(namespace, word);
    const said = await word;
    if (said === "Ending") this.#ending.add(namespace);
    if (said === "Open") this.#ending.delete(namespace);
    return said === "Ending" ? waits(member, namespace) : applied;
  }
}

function isGoing(applied: Applied): boolean {
  return applied.kind === "Waiting" && applied.until === "Gone";
}

/** An object that is left as it is says nothing: it may be the last one there. */
function wordOf(applied: Applied): Word {
  if (applied.kind === "Failed") return /\bbeing terminated\b/.test(applied.failure.message) ? "Ending" : "Nothing";
  return applied.kind === "Written" || applied.kind === "Corrected" ? "Open" : "Nothing";
}

function waits(member: Member, namespace: string): Applied {
  return { kind: "Waiting", member, message: `waits until the namespace ${namespace} is gone`, until: "Gone" };
}
