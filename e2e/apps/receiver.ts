import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { assertPrivate, Listener } from "./listener.ts";

/** One call of a webhook as it came in. */
export interface Received {
  readonly event: string;
  readonly key: string;
  readonly signed: boolean;
  readonly body: Record<string, unknown>;
}

/** A receiver of webhooks on this machine, which answers what the test says. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = [];
  /** What it answers; 204 unless set. */
  status = 204;
  readonly #secret: string;
  readonly #host: string;
  readonly #listener: Listener;

  private constructor(host: string, secret: string) {
    assertPrivate(host);
    this.#host = host;
    this.#secret = secret;
    this.#listener = new Listener([host], () => this.#server());
  }

  static async start(host: string, secret: string): Promise<Receiver> {
    const receiver = new Receiver(host, secret);
    await receiver.#listener.up();
    return receiver;
  }

  get url(): string {
    return `http://${this.#host}:${this.#listener.port}/rollouts`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener.down();
  }

  #server(): Server {
    return createServer((request, response) => void this.#take(request, response));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const signature = `sha256=${createHmac("sha256", this.#secret).update(body).digest("hex")}`;
    const { "fairlead-event": event, "idempotency-key": key, "fairlead-signature": given } = request.headers;
    this.received.push({
      event: String(event),
      key: String(key),
      signed: given === signature,
      body: JSON.parse(body) as Record<string, unknown>,
    });
    response.writeHead(this.status, { "Fairlead-Message": "asked of the desk" }).end();
  }
}
