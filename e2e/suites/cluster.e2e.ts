import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createServer } from "node:http";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Claim, listClaims } from "../cluster/claims.ts";
import { binary, buildImage, type Cluster, openCluster } from "../cluster/index.ts";
import type { ProcessIdentity } from "../cluster/processIdentity.ts";
import { claimOf, type MachineState, machineState, processesOf, tracesOf } from "../cluster/traces.ts";
import { waitFor } from "../cluster/wait.ts";

const execute = promisify(execFile);
const isLocal = process.platform === "linux" && process.getuid?.() === 0 && !process.env["FAIRLEAD_KUBE_CONTEXT"];
const log = (line: string) => void process.stderr.write(`${line}\n`);

async function timed(what: string): Promise<Cluster> {
  const started = performance.now();
  const cluster = await openCluster({ log });
  log(`${what}: up in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return cluster;
}

async function kubectl(cluster: Cluster, args: readonly string[], input?: object): Promise<string> {
  const child = execute(await binary("kubectl", log), ["--kubeconfig", cluster.kubeconfig, ...args]);
  child.child.stdin?.end(input ? JSON.stringify(input) : "");
  return (await child).stdout;
}

/** A pod that does on request what the operator and its tests do: look up names, fetch, ask the API server. */
const probeProgram = `
import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
const account = "/var/run/secrets/kubernetes.io/serviceaccount/";
const actions = {
  "/": async () => "hello from " + process.env.COLOUR,
  "/lookup": async (query) => (await lookup(query)).address,
  "/fetch": async (query) => (await fetch(query, { signal: AbortSignal.timeout(3000) })).text(),
  "/api": async () => {
    const { request } = await import("node:https");
    return new Promise((resolve, reject) => {
      const headers = { authorization: "Bearer " + readFileSync(account + "token", "utf8") };
      const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
      const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" });
      const target = { host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT };
      const options = { ...target, path, method: "POST", ca: readFileSync(account + "ca.crt"),
        headers: { ...headers, "content-type": "application/json" } };
      request(options, (answer) => {
        let text = "";
        answer.on("data", (chunk) => { text += chunk; }).on("end", () => resolve(text));
      }).on("error", reject).end(body);
    });
  },
};
process.on("SIGTERM", () => process.exit(0));
createServer(async (request, response) => {
  const url = new URL(request.url, "http://pod");
  try {
    response.end(await actions[url.pathname](url.searchParams.get("q")));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error.cause ?? error));
  }
}).listen(8080);
`;

async function probeImage(): Promise<{ readonly tar: string; readonly reference: string }> {
  return buildImage({
    name: "fairlead.local/probe",
    files: [{ from: process.execPath, to: "/usr/bin/node" }],
    text: { "/app/main.mjs": probeProgram, "/etc/passwd": "probe:x:65532:65532::/:/bin/false\n" },
    env: { COLOUR: "blue" },
    user: "65532",
    entrypoint: ["/usr/bin/node", "/app/main.mjs"],
  });
}

function probeObjects(image: string): object {
  const labels = { app: "probe" };
  const container = {
    name: "probe",
    image,
    imagePullPolicy: "Never",
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
    resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "256Mi" } },
  };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "probe" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } },
    },
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "probe" },
    spec: { type: "NodePort", selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  };
  return { apiVersion: "v1", kind: "List", items: [deployment, service] };
}

describe("a cluster", () => {
  let cluster: Cluster;
  let base: string;

  beforeAll(async () => {
    cluster = await timed("first cluster");
    const image = await probeImage();
    await cluster.loadImage(image.tar);
    const started = performance.now();
    await kubectl(cluster, ["apply", "-f", "-"], probeObjects(image.reference));
    await kubectl(cluster, ["rollout", "status", "deployment/probe", "--timeout=120s"]);
    log(`two pods ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const port = await kubectl(cluster, ["get", "service", "probe", "-o", "jsonpath={.spec.ports[0].nodePort}"]);
    base = `http://${cluster.nodeAddress}:${port}`;
    await waitFor(
      "the node to route to the pods",
      async () =>
        ask("/").then(
          (value) => ({ value }),
          (error: unknown) => ({ seen: error instanceof Error ? String(error.cause ?? error) : "" }),
        ),
      { limitMs: 20_000 },
    );
  });
  afterAll(async () => {
    // A cluster that is not ours outlives this.
    if (cluster?.provider === "context") await kubectl(cluster, ["delete", "deployment/probe", "service/probe"]);
    await cluster?.[Symbol.asyncDispose]();
  });

  async function ask(path: string): Promise<string> {
    const answer = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(5_000) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
    return text;
  }

  it("has a node that is ready", async () => {
    const path = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}";
    expect(await kubectl(cluster, ["get", "nodes", "-o", path])).toBe("True");
  });

  it("answers through a Service from pods of an image built here", async () => {
    expect(await ask("/")).toBe("hello from blue");
  });

  it("lets pods find and call Services by name, also their own", async () => {
    const address = await kubectl(cluster, ["get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"]);
    expect(await ask("/lookup?q=kubernetes.default.svc")).toBe(address);
    for (const name of ["probe", "probe.default", "probe.default.svc.cluster.local"]) {
      expect(await ask(`/fetch?q=http://${name}/`)).toBe("hello from blue");
    }
  });

  it("lets pods call the API server with their account", async () => {
    expect(JSON.parse(await ask("/api"))).toMatchObject({
      status: { userInfo: { username: "system:serviceaccount:default:default" } },
    });
  });

  it("lets pods reach this machine", async () => {
    const server = createServer((_, response) => response.end("this machine")).listen(0, cluster.hostAddress);
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      expect(await ask(`/fetch?q=http://${cluster.hostAddress}:${port}/`)).toBe("this machine");
    } finally {
      server.close();
    }
  });

  it("serves logs and exec", async () => {
    const pod = await kubectl(cluster, ["get", "pods", "-l", "app=probe", "-o", "jsonpath={.items[0].metadata.name}"]);
    expect(await kubectl(cluster, ["exec", pod, "--", "/usr/bin/node", "-p", "40+2"])).toBe("42\n");
    expect(await kubectl(cluster, ["logs", pod])).toBe("");
  });
});

// What is proven here is made by the local provider: a given cluster is not ours to start, kill or search for traces.
describe.skipIf(!isLocal)("local clusters", () => {
  let before: MachineState;

  beforeAll(() => {
    before = machineState();
  });

  async function expectNoTraces(claim: Claim, processes: readonly ProcessIdentity[]): Promise<void> {
    expect(processes.length).toBeGreaterThan(0);
    await waitFor(
      "every trace of the cluster to go",
      async () => {
        const traces = tracesOf(claim, processes);
        return traces.length === 0 ? { value: undefined } : { seen: traces.join("\n") };
      },
      { limitMs: 30_000 },
    );
    expect(machineState()).toEqual(before);
  }

  it("run side by side, start fast, and leave no trace", async () => {
    const image = await probeImage();
    const started = performance.now();
    const one = await timed("a cluster with all binaries there");
    expect(performance.now() - started).toBeLessThan(15_000);
    const two = await timed("another one beside it");
    const clusters = [one, two];
    const claims = clusters.map(({ kubeconfig }) => claimOf(kubeconfig));
    try {
      await Promise.all(
        clusters.map(async (cluster, index) => {
          await cluster.loadImage(image.tar);
          await kubectl(cluster, ["create", "namespace", `only-${index}`]);
          await kubectl(cluster, ["apply", "-f", "-"], probeObjects(image.reference));
          await kubectl(cluster, ["rollout", "status", "deployment/probe", "--timeout=120s"]);
        }),
      );
      const namespaces = await Promise.all(clusters.map((cluster) => kubectl(cluster, ["get", "ns", "-o", "name"])));
      expect(namespaces[0]).toContain("only-0");
      expect(namespaces[0]).not.toContain("only-1");
      expect(namespaces[1]).toContain("only-1");
    } finally {
      const processes = claims.map(processesOf);
      await Promise.all(clusters.map((cluster) => cluster[Symbol.asyncDispose]()));
      for (const [index, claim] of claims.entries()) await expectNoTraces(claim, processes[index] ?? []);
    }
  });

  describe("leave no trace when their launcher is killed", () => {
    interface Launched {
      readonly child: ChildProcess;
      readonly output: () => string;
      readonly claim: () => Claim | undefined;
    }

    function launch(): Launched {
      const cli = fileURLToPath(new URL("../cluster/cli.ts", import.meta.url));
      const child = spawn(process.execPath, [cli, "up"], { stdio: ["ignore", "pipe", "pipe"] });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (chunk) => {
          said += String(chunk);
        });
      }
      return {
        child,
        output: () => said,
        claim: () => listClaims().find(({ launcher }) => launcher.pid === child.pid),
      };
    }

    async function until(launched: Launched, what: string, holds: (claim: Claim) => boolean): Promise<Claim> {
      return waitFor(
        what,
        async () => {
          const claim = launched.claim();
          return claim && holds(claim) ? { value: claim } : { seen: launched.output() };
        },
        { limitMs: 60_000, everyMs: 10 },
      );
    }

    it("after it is up", async () => {
      const launched = launch();
      const claim = await until(launched, "the cluster to be up", () => launched.output().includes("KUBECONFIG="));
      const processes = processesOf(claim);
      launched.child.kill("SIGKILL");
      await expectNoTraces(claim, processes);
    });

    it("while it starts", async () => {
      const launched = launch();
      const claim = await until(launched, "the namespaces", ({ init }) => init !== undefined);
      const processes = processesOf(claim);
      launched.child.kill("SIGKILL");
      await expectNoTraces(claim, processes);
    });

    it("together with its keeper, once the next one is started", async () => {
      const launched = launch();
      const claim = await until(launched, "the cluster to be up", () => launched.output().includes("KUBECONFIG="));
      const processes = processesOf(claim);
      if (claim.keeper) process.kill(claim.keeper.pid, "SIGKILL");
      launched.child.kill("SIGKILL");
      await new Promise((resolve) => launched.child.once("exit", resolve));
      await execute(process.execPath, [fileURLToPath(new URL("../cluster/cli.ts", import.meta.url)), "down"]);
      await expectNoTraces(claim, processes);
    });

    it("with Ctrl-C, in order", async () => {
      const launched = launch();
      const claim = await until(launched, "the cluster to be up", () => launched.output().includes("KUBECONFIG="));
      const processes = processesOf(claim);
      launched.child.kill("SIGINT");
      const code = await new Promise((resolve) => launched.child.once("exit", resolve));
      expect(launched.output()).toContain("taking it down");
      expect(code).toBe(0);
      await expectNoTraces(claim, processes);
    });
  });
});
