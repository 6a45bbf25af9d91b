import { request } from "node:https";

/** Access to an API server, for the few calls that opening a cluster takes. */
export interface Access {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** What an API server answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Calls an API server once; resolves to any answer, rejects when there is none. */
export function call(access: Access, method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, access.url),
      {
        method,
        ca: access.ca,
        agent: false,
        timeout: 10_000,
        headers: { authorization: `Bearer ${access.token}`, "content-type": "application/json" },
      },
      (incoming) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: text }));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within 10 s to ${method} ${path}`)));
    outgoing.on("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Creates an object, content with one that is there already. */
export async function create(access: Access, path: string, object: unknown): Promise<void> {
  const { status, body } = await call(access, "POST", path, object);
  if (status >= 300 && status !== 409) throw new Error(`POST ${path}: ${status} ${body}`);
}
