import type { ServerResponse } from "node:http";
import { vi } from "vitest";
import { KubernetesWatcher, type WatcherOptions } from "../adapters/kubernetes/reflector.ts";
import type { Manifest } from "../api/objects.ts";
import type { ObjectCache, WatchQuery } from "../ports/watch.ts";
import { type ApiRig, startApiRig } from "./apiRig.ts";
import { answer, type Received, stream } from "./fakeApiServer.ts";

/** What the scene watches unless a test says otherwise. */
export const query: WatchQuery = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop" };

/** An object of the watched kind. */
export function object(name: string, resourceVersion: string, uid = `uid-${name}`): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop", uid, resourceVersion } };
}

/** A list as the API server answers one. */
export function list(resourceVersion: string, ...objects: readonly Manifest[]): object {
  // As the API server does: the items of a built-in kind do not say what they are.
  const items = objects.map(({ metadata }) => ({ metadata: { ...metadata, managedFields: [{ manager: "kubectl" }] } }));
  return { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion }, items };
}

/** An ADDED, MODIFIED or DELETED event. */
export const event = (type: string, about: Manifest): object => ({ type, object: about });

/** A BOOKMARK event. */
export const bookmark = (resourceVersion: string): object => ({
  type: "BOOKMARK",
  object: { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion } },
});

/** Answers the nth list or the nth watch, from 1. */
export type Script = (request: Received, response: ServerResponse, nth: number) => void | Promise<void>;

/** One watch against a scripted server, and what it has seen. */
export interface WatchScene extends AsyncDisposable {
  readonly rig: ApiRig;
  readonly cache: ObjectCache;
  /** Each change as `key before>now`. */
  readonly story: readonly string[];
  readonly troubles: readonly string[];
  readonly stop: AbortController;
  lists(): readonly Received[];
  watches(): readonly Received[];
}

/** Plays a list script and a watch script. */
export async function play(
  lists: Script,
  watches: Script = (_request, response) => stream(response),
  options: WatcherOptions = {},
  what: WatchQuery = query,
): Promise<WatchScene> {
  const count = { list: 0, watch: 0 };
  const rig = await startApiRig((request, response) => {
    if (request.query.get("watch") === "true") return watches(request, response, ++count.watch);
    return lists(request, response, ++count.list);
  });
  const stop = new AbortController();
  const story: string[] = [];
  const troubles: string[] = [];
  const watcher = new KubernetesWatcher(rig.transport, rig.discovery, {
    minBackoffMs: 1,
    maxBackoffMs: 10,
    onTrouble: (_query, error) => troubles.push(error.message),
    ...options,
  });
  const cache = watcher.watch(
    what,
    ({ key, before, now }) => {
      story.push(`${key} ${before?.metadata.resourceVersion ?? "-"}>${now?.metadata.resourceVersion ?? "-"}`);
    },
    stop.signal,
  );
  const sent = (watch: boolean): readonly Received[] =>
    rig.server.requests.filter(
      (one) => one.path.endsWith("s") && (one.query.get("watch") === "true") === watch && one.query.size > 0,
    );
  return {
    rig,
    cache,
    story,
    troubles,
    stop,
    lists: () => sent(false),
    watches: () => sent(true),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the test is over"));
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** Answers a list of one object. */
export const oneObject = (_request: Received, response: ServerResponse): void =>
  answer(response, 200, list("10", object("a", "5")));

/** Waits for a condition, and says what it last saw. */
export const until = async (check: () => void): Promise<void> => {
  await vi.waitFor(check, { interval: 2, timeout: 2_000 });
};
