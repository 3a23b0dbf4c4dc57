import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server, and breaks what is between them. */
export type TcpProxy = {
  readonly port: number;
  /** From now on nothing comes through, either way, and nobody is told: as a firewall that drops. */
  blackhole(): void;
  /** New connections work again; those that were swallowed stay dead, as behind a firewall that forgot them. */
  heal(): void;
  /** What passes is held for so long; 0 ends that. */
  delay(ms: number): void;
  close(): Promise<void>;
};

export async function createTcpProxy(target: { readonly path: string }): Promise<TcpProxy> {
  let open = true;
  let delayMs = 0;
  const sockets = new Set<Socket>();

  const server = createServer((near) => {
    const far = connect(target.path);
    const pair = { alive: open };
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (bytes) => {
        if (!open) pair.alive = false;
        if (!pair.alive) return;
        if (delayMs === 0) to.write(bytes);
        else setTimeout(() => to.write(bytes), delayMs);
      });
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    blackhole() {
      open = false;
    },
    heal() {
      open = true;
    },
    delay(ms) {
      delayMs = ms;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
