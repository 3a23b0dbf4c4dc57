import { Agent } from 'node:http';
import { sendOne } from '../src/simulate/send.ts';
import { signRequest } from '../src/simulate/sign-request.ts';
import { BENCH_ENDPOINT } from './endpoint.ts';

export type CrashClient = {
  /**
   * Sends each body; `until_killed` then sends them again, so that requests are in flight whenever the server dies.
   * Ends when the server is gone; never rejects.
   */
  send(bodies: ReadonlyMap<string, string>, how: 'once' | 'until_killed'): Promise<void>;
  inFlight(): number;
};

const CONNECTIONS = 32;
const TIMEOUT_MS = 10_000;
const REQUESTS_MAX = 1_000_000;

/** Remembers exactly which events were answered with 2xx before the server died. */
export function createCrashClient(port: number, onAnswered: (id: string) => void): CrashClient {
  const { path, secret } = BENCH_ENDPOINT;
  const target = { url: `http://127.0.0.1:${port}${path}`, secret, settings: {}, account: 'bench' };
  let inFlight = 0;
  return {
    async send(bodies, how) {
      const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
      const all = [...bodies];
      const total = how === 'once' ? all.length : REQUESTS_MAX;
      let next = 0;
      let gone = false;
      const sendSome = async (): Promise<void> => {
        while (next < total && all.length > 0 && !gone) {
          const [id, body] = all[next % all.length] ?? ['', ''];
          next += 1;
          const planned = {
            number: 0,
            provider: 'stripe',
            destination: 'main',
            body,
            events: 1,
            expect: 'accepted',
            tampering: null,
          } as const;
          inFlight += 1;
          const sent = await sendOne(planned, signRequest(planned, target, Date.now()), agent, TIMEOUT_MS);
          inFlight -= 1;
          if (sent.status >= 200 && sent.status < 300) onAnswered(id);
          else if (sent.status === 0) gone = true;
        }
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, sendSome));
      agent.destroy();
    },
    inFlight: () => inFlight,
  };
}
