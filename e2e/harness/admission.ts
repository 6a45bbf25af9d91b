import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { at, type Json, type JsonObject, stringAt } from "../../src/api/json.ts";
import type { Manifest } from "../../src/api/objects.ts";
import { selfSigned } from "../../src/testing/selfSigned.ts";

/** What a webhook says of one request: a JSON patch to admit it with, or the code of an error of its own. */
export type Admission = { readonly patch: readonly JsonObject[] } | { readonly fail: number };

/** A mutating admission webhook on this machine, asked about objects that carry its label. */
export interface AdmissionServer extends AsyncDisposable {
  /** The configuration that lets the API server ask it about ConfigMaps labelled `hook: NAME`. */
  readonly configuration: Manifest;
}

/** Starts a webhook; `decide` gets the AdmissionReview's request. */
export async function startAdmission(name: string, decide: (request: Json) => Admission): Promise<AdmissionServer> {
  const { cert, key } = selfSigned(name);
  const server = createServer({ cert, key }, (request, answer) => {
    void json(request).then((review) => {
      const asked = at(review, "request") ?? null;
      const said = decide(asked);
      if ("fail" in said) {
        answer.writeHead(said.fail).end();
        return;
      }
      const patch = Buffer.from(JSON.stringify(said.patch)).toString("base64");
      const response = { uid: stringAt(asked, "uid"), allowed: true, patchType: "JSONPatch", patch };
      answer.writeHead(200, { "content-type": "application/json" });
      answer.end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const hook = {
    name: `${name}.example.com`,
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Fail",
    timeoutSeconds: 5,
    clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(cert).toString("base64") },
    objectSelector: { matchLabels: { hook: name } },
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["configmaps"] }],
  };
  return {
    configuration: {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name },
      webhooks: [hook],
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
