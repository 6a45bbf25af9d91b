import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { Listener } from "./listener.ts";

/** Stands in for a Prometheus: what it answers is the test's word, and every query is remembered. */
export class ScriptedPrometheus implements AsyncDisposable {
  readonly address: string;
  readonly queries: readonly string[];
  readonly #listener: Listener;
  readonly #values: Map<string, number>;

  private constructor(address: string, listener: Listener, queries: readonly string[], values: Map<string, number>) {
    this.address = address;
    this.queries = queries;
    this.#listener = listener;
    this.#values = values;
  }

  /** Starts one on an address of this machine. */
  static async start(host: string): Promise<ScriptedPrometheus> {
    const queries: string[] = [];
    const values = new Map<string, number>();
    const serve = async (incoming: IncomingMessage, answer: ServerResponse) => {
      const asked = new URL(incoming.url ?? "/", "http://prometheus").searchParams;
      const query = new URLSearchParams(await text(incoming)).get("query") ?? asked.get("query") ?? "";
      queries.push(query);
      const namespace = /namespace="([^"]*)"/.exec(query)?.[1] ?? "";
      const result = [{ metric: {}, value: [Date.now() / 1_000, String(values.get(namespace) ?? 100)] }];
      answer.setHeader("content-type", "application/json");
      answer.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
    };
    const listener = new Listener([host], () =>
      createServer((incoming, answer) => void serve(incoming, answer).catch(() => answer.destroy())),
    );
    await listener.up();
    return new ScriptedPrometheus(`http://${host}:${listener.port}`, listener, queries, values);
  }

  /** What queries about a namespace are answered from now on; 100 until then. */
  answer(namespace: string, value: number): void {
    this.#values.set(namespace, value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.down();
  }
}
