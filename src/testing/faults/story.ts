import { listAt, numberAt, stringAt } from "../../api/json.ts";
import { identity, type Manifest, refOf } from "../../api/objects.ts";
import { firstPlanOf } from "../../api/v1alpha1/firstPlan.ts";
import { parseGitSync } from "../../api/v1alpha1/gitsync.ts";
import { API_VERSION } from "../../api/v1alpha1/names.ts";
import { conditionIn } from "../../core/sync/healthOf.ts";
import { ownerOf } from "../../core/sync/owner.ts";
import type { Fate } from "./calls.ts";
import { StoryOperator } from "./operator.ts";
import { type Content, StoryRepository } from "./repository.ts";
import type { StoryStore } from "./store.ts";

/** The syncs of every story: two, of one repository, a path each. */
export const SYNCS = ["a", "b"] as const;
export type SyncId = (typeof SYNCS)[number];

/** The world of a story: an API server, a repository, one process of the operator after another, and what must hold of all that. */
export class Story {
  readonly store: StoryStore;
  readonly repository: StoryRepository;
  readonly #namespace: string;
  readonly #fates: Fate[] = [];
  /** Ids that the last good rendering of each sync wants. */
  readonly #wanted = new Map<string, ReadonlySet<string>>();
  readonly #deletions = new Map<string, { readonly total: number; count: number }>();
  #operator: StoryOperator;
  #now = Date.parse("2026-01-01T00:00:00Z");
  #checked: number;
  #lag = 0;
  #gap = false;

  private constructor(store: StoryStore, namespace: string, first: Readonly<Record<SyncId, Content>>) {
    this.store = store;
    this.#namespace = namespace;
    this.repository = new StoryRepository(
      () => this.#now,
      (path, result) => {
        if (result.kind !== "Rendered") return;
        this.#wanted.set(path, new Set(result.objects.map(({ object }) => this.#idOf(object))));
      },
    );
    this.repository.push(first);
    this.#checked = this.store.version;
    this.#operator = this.#start();
  }

  /** Makes the syncs in a namespace of their own, and starts the operator. */
  static async begin(store: StoryStore, namespace: string, first: Readonly<Record<SyncId, Content>>): Promise<Story> {
    await store.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, { manager: "test" });
    for (const name of SYNCS) {
      const spec = { url: "https://git.example.com/shop.git", path: name, interval: "1m" };
      await store.apply(
        { apiVersion: API_VERSION, kind: "GitSync", metadata: { name, namespace }, spec },
        { manager: "test" },
      );
    }
    return new Story(store, namespace, first);
  }

  /** What happens to the next calls to the API server; after them all is fine. */
  trouble(fates: readonly Fate[]): void {
    this.#fates.push(...fates);
  }

  /** Ends all trouble. */
  calm(): void {
    this.#fates.length = 0;
    this.repository.down = false;
    this.#lag = 0;
    this.#operator.watcher.listsFail = false;
  }

  /** Pushes, with or without a webhook. */
  push(
    paths: Readonly<Record<SyncId, Content>>,
    options: { confirmed?: boolean; onto?: number; hook?: boolean } = {},
  ): void {
    // Nobody pushes in the very millisecond of a look.
    this.#now += 1;
    this.repository.push(paths, options);
    if (options.hook === true) for (const name of SYNCS) this.#operator.notify(`${this.#namespace}/${name}`);
  }

  /** The watches tell of nothing for a while; when they do again, they may have missed something. */
  lag(ms: number, gap: boolean): void {
    this.#lag = this.#now + ms;
    this.#gap ||= gap;
  }

  /** First lists of kinds fail, or do again. */
  lists(fail: boolean): void {
    this.#operator.watcher.listsFail = fail;
  }

  /** The process is killed and another one starts. */
  restart(): void {
    this.#operator.kill();
    this.#operator = this.#start();
  }

  /** Lets time pass and the operator work. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await this.#tick();
      await this.#operator.work(() => this.#tick());
      this.#check();
      if (this.#operator.dead) {
        this.#operator = this.#start();
        continue;
      }
      const next = this.#operator.nextAt;
      if (next === undefined || next > end) break;
      this.#now = Math.max(this.#now, next);
    }
    this.#now = end;
    await this.#tick();
    this.#check();
  }

  /** Someone changes, deletes or unmarks an object by hand. */
  async meddle(what: "Change" | "Delete", index: number): Promise<void> {
    const all = this.#managed();
    const object = all[index % Math.max(1, all.length)];
    if (object === undefined) return;
    // What people delete is no deletion of ours.
    this.#check();
    if (what === "Delete") await this.store.remove(refOf(object), {});
    else if (object.kind === "ConfigMap")
      await this.store.patch(refOf(object), { data: { v: "meddled" } }, { manager: "kubectl" });
    else await this.store.patch(refOf(object), { metadata: { labels: { story: "meddled" } } }, { manager: "kubectl" });
    this.#checked = this.store.version;
  }

  /** Holds what is stored against what the head of the branch says; throws when they differ. */
  expectConverged(): void {
    const head = this.repository.head;
    const desired = new Map<string, Manifest>();
    for (const name of SYNCS) {
      const content = head?.paths[name] ?? {};
      if (typeof content === "string") throw new Error("a story ends with a good commit");
      for (const object of Object.values(content)) desired.set(this.#idOf(object), object);
    }
    const live = new Map(this.#managed().map((object) => [this.#idOf(object), object]));
    const problems: string[] = [];
    for (const id of live.keys()) if (!desired.has(id)) problems.push(`${id} is left over`);
    for (const [id, object] of desired) {
      const found = live.get(id);
      if (found === undefined) problems.push(`${id} is missing`);
      else if (saying(found) !== saying(object)) problems.push(`${id} is ${saying(found)}, not ${saying(object)}`);
    }
    for (const name of SYNCS) {
      const sync = this.#sync(name);
      const content = head?.paths[name] ?? {};
      const wanted = Object.values(content).map((object) => this.#idOf(object as Manifest));
      if (JSON.stringify(this.#inventory(name)) !== JSON.stringify(wanted.sort())) {
        problems.push(`the inventory of ${name} is ${this.#inventory(name).join()}`);
      }
      const ready = conditionIn(listAt(sync, "status", "conditions"), "Ready", undefined);
      if (ready.kind !== "True" || stringAt(sync, "status", "appliedRevision") !== head?.sha) {
        problems.push(`${name} is not ready: ${ready.reason} ${ready.message}`);
      }
    }
    if (problems.length > 0) throw new Error(problems.join("\n"));
  }

  #start(): StoryOperator {
    const { store, repository } = this;
    return new StoryOperator({ store, repository, next: () => this.#fates.shift() ?? "Fine", now: () => this.#now });
  }

  /** What goes on beside the operator: controllers report, and watches tell. */
  async #tick(): Promise<void> {
    this.#check();
    for (const deployment of this.store.list("apps/v1", "Deployment")) {
      const { generation = 1 } = deployment.metadata;
      if (numberAt(deployment, "status", "observedGeneration") === generation) continue;
      const conditions = [{ type: "Available", status: "True", reason: "MinimumReplicasAvailable", message: "" }];
      const status = { observedGeneration: generation, conditions };
      await this.store.patch(refOf(deployment), { status }, { manager: "controllers", subresource: "status" });
    }
    if (this.#now < this.#lag) return;
    this.#operator.watcher.deliver(this.#gap);
    this.#gap = false;
  }

  /** Holds every change since the last look against the rules. */
  #check(): void {
    for (const { type, object, version } of this.store.since(this.#checked)) {
      this.#checked = version;
      const owner = ownerOf(object);
      if (owner === undefined) continue;
      if (type === "DELETED") this.#judgeDeletion(object, owner.name);
      else if (!this.#inventory(owner.name).includes(this.#idOf(object))) {
        throw new Error(`orphan: ${this.#idOf(object)} carries the mark of ${owner.name} and is not in its inventory`);
      }
    }
    for (const object of this.#managed()) {
      const owner = ownerOf(object)?.name ?? "";
      if (!this.#inventory(owner).includes(this.#idOf(object)))
        throw new Error(`orphan: ${this.#idOf(object)} of ${owner}`);
    }
  }

  #judgeDeletion(object: Manifest, owner: string): void {
    const id = this.#idOf(object);
    for (const [name, wanted] of this.#wanted) {
      if (wanted.has(id))
        throw new Error(`${id} of ${owner} was deleted, and the last good rendering of ${name} wants it`);
    }
    const commit = this.repository.seenBy(owner);
    if (commit === undefined || commit.confirmed) return;
    const key = `${owner} ${commit.sha}`;
    const total = this.#deletions.get(key)?.total ?? this.#inventory(owner).length;
    const count = (this.#deletions.get(key)?.count ?? 0) + 1;
    this.#deletions.set(key, { total, count });
    if ((count >= 5 && count * 2 > total + count) || (this.#wanted.get(owner)?.size ?? 0) === 0) {
      throw new Error(`${count} of ${total} objects of ${owner} were deleted without a confirmation`);
    }
  }

  #idOf(object: Manifest): string {
    return identity({ ...refOf(object), namespace: this.#namespace });
  }

  #managed(): readonly Manifest[] {
    return this.store.all().filter((object) => ownerOf(object) !== undefined);
  }

  #sync(name: string): Manifest | undefined {
    return this.store.get({ apiVersion: API_VERSION, kind: "GitSync", namespace: this.#namespace, name });
  }

  /** What is stored of what a sync has applied or is about to. */
  #inventory(name: string): readonly string[] {
    const sync = this.#sync(name);
    if (sync === undefined) return [];
    const inventory = parseGitSync(sync).status.inventory ?? firstPlanOf(sync) ?? [];
    return inventory.map(({ id }) => id).sort();
  }
}

/** The part of an object that a commit changes. */
function saying(object: Manifest): string {
  return `${stringAt(object, "data", "v") ?? ""}/${object.metadata.labels?.["story"] ?? ""}`;
}
