import { once } from "node:events";
import { type AddressInfo, BlockList, isIP, type Server, type Socket } from "node:net";

const reachable = new BlockList();
reachable.addSubnet("127.0.0.0", 8, "ipv4");
reachable.addSubnet("10.0.0.0", 8, "ipv4");
reachable.addSubnet("172.16.0.0", 12, "ipv4");
reachable.addSubnet("192.168.0.0", 16, "ipv4");
// Set aside for tests of networks; our own clusters' links are there.
reachable.addSubnet("198.18.0.0", 15, "ipv4");
reachable.addAddress("::1", "ipv6");
reachable.addSubnet("fc00::", 7, "ipv6");

/** Refuses to listen where strangers could come: test servers have weak secrets, and one of them is an sshd. */
export function assertPrivate(host: string): void {
  const version = isIP(host);
  if (version !== 0 && reachable.check(host, version === 6 ? "ipv6" : "ipv4")) return;
  throw new Error(`a test server listens on a loopback or private address, got ${host}`);
}

/** Servers of one kind on one port of several addresses, which can go down and come up again where they were. */
export class Listener {
  readonly #make: () => Server;
  readonly #hosts: readonly string[];
  readonly #sockets = new Set<Socket>();
  #servers: Server[] = [];
  #port = 0;

  constructor(hosts: readonly string[], make: () => Server) {
    this.#hosts = hosts;
    this.#make = make;
  }

  /** The port, the same after `down` and `up`. */
  get port(): number {
    return this.#port;
  }

  /** Begins to listen; a port that is free on the first address only is given back and another one tried. */
  async up(): Promise<void> {
    if (this.#servers.length > 0) return;
    const wanted = this.#port;
    for (let attempt = 1; ; attempt++) {
      try {
        for (const host of this.#hosts) await this.#listen(host);
        return;
      } catch (error) {
        await this.down();
        this.#port = wanted;
        if (attempt === 5) throw error;
      }
    }
  }

  /** Stops listening and cuts every connection; new ones are refused. */
  async down(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #listen(host: string): Promise<void> {
    const server = this.#make();
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      // A client may go away at any time; that is no fault of the server's.
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, host);
    await once(server, "listening");
    this.#servers.push(server);
    this.#port = (server.address() as AddressInfo).port;
  }
}
