import { type JsonObject, listAt, stringAt } from "../../api/json.ts";
import type { ClusterFacts } from "../../ports/cluster.ts";
import type { Transport } from "./transport.ts";

/** One answer for all groups, kinds included; a server that does not know the form lists the groups alone. */
const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
const MOST = 5_000;

/** Asks the server for its version and for everything that it serves: three requests. */
export async function askFacts(transport: Transport, signal: AbortSignal): Promise<ClusterFacts> {
  const ask = (path: string): Promise<JsonObject> => {
    const what = `ask for what ${path} serves`;
    const headers = path === "/version" ? {} : { headers: { accept: AGGREGATED } };
    return transport.json({ verb: "get", resource: "discovery", path, what, retry: "Always", ...headers }, signal);
  };
  const [version, core, groups] = await Promise.all([ask("/version"), ask("/api"), ask("/apis")]);
  return {
    kubeVersion: stringAt(version, "gitVersion") ?? "",
    apiVersions: [...new Set([...servedBy(core), ...servedBy(groups), "v1"])].sort().slice(0, MOST),
  };
}

/** `group/version`, and `group/version/Kind` where kinds are told. */
function servedBy(answer: JsonObject): readonly string[] {
  const plain = listAt(answer, "groups").flatMap((group) =>
    listAt(group, "versions").flatMap((version) => stringAt(version, "groupVersion") ?? []),
  );
  const aggregated = listAt(answer, "items").flatMap((group) =>
    listAt(group, "versions").flatMap((version) => {
      const name = stringAt(group, "metadata", "name") ?? "";
      const apiVersion = `${name === "" ? "" : `${name}/`}${stringAt(version, "version") ?? ""}`;
      const kinds = listAt(version, "resources").flatMap(
        (resource) => stringAt(resource, "responseKind", "kind") ?? [],
      );
      return [apiVersion, ...kinds.map((kind) => `${apiVersion}/${kind}`)];
    }),
  );
  return [...plain, ...aggregated];
}
