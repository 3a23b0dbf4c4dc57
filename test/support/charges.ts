import { Agent } from 'node:http';
import type pg from 'pg';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { providers } from '../../src/providers/index.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { sendOne } from '../../src/simulate/send.ts';
import { chargeSucceeded } from './stripe-bodies.ts';
import { TEST_KEYS } from './test-keys.ts';

/*
 * Charges as the fault tests send them: each event captures another payment of 1000 EUR cents, so that what was lost or
 * counted twice is seen by its id.
 */

const SECRET = 'whsec_fault_tests_secret';
const NAME = 'faults';

const TIMEOUT_MS = 15_000;

/** The endpoint that takes them. */
export type ChargesTarget = { readonly path: string; readonly secret: string };
const TARGET: ChargesTarget = { path: `/webhooks/stripe/${NAME}`, secret: SECRET };

export async function addChargesEndpoint(pool: pg.Pool): Promise<void> {
  const clock = { now: () => Date.now() };
  const service = createEndpointService({ pool, providers, keyring: parseKeyring(TEST_KEYS), clock });
  await service.create({ provider: 'stripe', name: NAME, secrets: [{ secret: SECRET }], settings: {} }, 'test');
}

/** Event id → body. */
export function charges(tag: string, count: number): Map<string, string> {
  return new Map(Array.from({ length: count }, (_, n) => [`evt_${tag}x${n}`, chargeSucceeded(`${tag}x${n}`)]));
}

export type Answered = { readonly id: string; readonly status: number; readonly ms: number };

export type ChargeSender = {
  /** Never rejects: a broken connection is status 0. */
  send(id: string, body: string): Promise<Answered>;
  close(): void;
};

export function createChargeSender(origin: string, connections: number, target = TARGET): ChargeSender {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = `${origin}${target.path}`;
  return {
    async send(id, text) {
      const body = Buffer.from(text);
      const request = { method: 'POST', url, headers: sign({ body, url }, target.secret, Date.now()), body };
      const planned = {
        number: 0,
        provider: 'stripe',
        destination: 'main',
        body: text,
        events: 1,
        expect: 'accepted',
        tampering: null,
      } as const;
      const { status, ms } = await sendOne(planned, request, agent, TIMEOUT_MS);
      return { id, status, ms };
    },
    close: () => agent.destroy(),
  };
}

/** All at once over so many connections. */
export async function sendCharges(
  origin: string,
  bodies: ReadonlyMap<string, string>,
  connections = 32,
  target = TARGET,
): Promise<Answered[]> {
  const sender = createChargeSender(origin, connections, target);
  try {
    return await Promise.all([...bodies].map(([id, body]) => sender.send(id, body)));
  } finally {
    sender.close();
  }
}

export const isAcknowledged = ({ status }: Pick<Answered, 'status'>): boolean => status >= 200 && status < 300;
