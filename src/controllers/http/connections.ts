import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Bounds how many connections are open: beyond it the oldest one is cut, not the newest refused.
 * Whoever opens connections and sends nothing would otherwise keep the probes out, and the kubelet would restart the process.
 */
export class Connections {
  readonly #open = new Set<Socket>();

  constructor(server: Server, most: number) {
    server.on("connection", (socket: Socket) => {
      this.#open.add(socket);
      socket.once("close", () => this.#open.delete(socket));
      if (this.#open.size <= most) return;
      const [oldest] = this.#open;
      if (oldest === undefined) return;
      this.#open.delete(oldest);
      oldest.destroy();
    });
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Cuts those that never sent a byte: Node does not count them as idle, and a shutdown would wait for them. */
  cutSilent(): void {
    for (const socket of this.#open) {
      if (socket.bytesRead === 0) socket.destroy();
    }
  }
}
