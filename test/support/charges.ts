import { Agent } from 'node:http';
import type pg from 'pg';
import { expect } from 'vitest';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import { providers } from '../../src/providers/index.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { sendOne } from '../../src/simulate/send.ts';
import { eventually } from './eventually.ts';
import { chargeSucceeded } from './stripe-bodies.ts';
import { TEST_KEYS } from './test-keys.ts';

/*
 * Charges as the fault tests send them: each event captures another payment of 1000 EUR cents, so that what was lost or
 * counted twice is seen by its id.
 */

const SECRET = 'whsec_fault_tests_secret';
const NAME = 'faults';
export const CHARGES_PATH = `/webhooks/stripe/${NAME}`;

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

export function createChargeSender(origin: string, connections: number, timeoutMs = 15_000): ChargeSender {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const url = `${origin}${CHARGES_PATH}`;
  return {
    async send(id, text) {
      const body = Buffer.from(text);
      const request = { method: 'POST', url, headers: sign({ body, url }, SECRET, Date.now()), body };
      const planned = {
        number: 0,
        provider: 'stripe',
        destination: 'main',
        body: text,
        events: 1,
        expect: 'accepted',
        tampering: null,
      } as const;
      const { status, ms } = await sendOne(planned, request, agent, timeoutMs);
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
): Promise<Answered[]> {
  const sender = createChargeSender(origin, connections);
  try {
    return await Promise.all([...bodies].map(([id, body]) => sender.send(id, body)));
  } finally {
    sender.close();
  }
}

export const isAcknowledged = ({ status }: Pick<Answered, 'status'>): boolean => status >= 200 && status < 300;

/** Waits until nothing is queued, and expects each of `ids` posted, once, and the sums of every endpoint right. */
export async function expectPostedOnce(sql: Sql, ids: Iterable<string>, withinMs = 60_000): Promise<void> {
  const asked = [...ids];
  await eventually(
    async () => {
      const { rows } = await sql.query(
        `select a.event_id, e.status, e.error_message from unnest($1::text[]) a (event_id)
         left join postern.events e using (event_id) where e.status is distinct from 'posted' limit 5`,
        [asked],
      );
      expect(rows).toEqual([]);
    },
    { timeoutMs: withinMs, everyMs: 100 },
  );
  const { rows } = await sql.query<{ charge: string; times: bigint }>(
    `select substr(a.event_id, 5) as charge, count(t.id) as times from unnest($1::text[]) a (event_id)
     left join postern.transactions t
       on t.effect_key like 'stripe:%' and split_part(t.effect_key, ':', 3) = 'ch_' || substr(a.event_id, 5)
     group by 1 having count(t.id) <> 1 limit 5`,
    [asked],
  );
  expect(rows).toEqual([]);
  await expectSums(sql);
}

/** Accepted items are events and duplicates; events are the sum over the five states; books balance. */
export async function expectSums(sql: Sql): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await sql.query<Record<'accepted' | 'events' | 'duplicates' | 'in_states', bigint>>(
        `with minutes as (
           select endpoint_id, sum(accepted) as accepted from postern.endpoint_minutes group by 1
         ), counted as (
           select endpoint_id, count(*) as events, sum(duplicates) as duplicates,
             count(*) filter (where status in ('queued', 'posted', 'no_effect', 'deferred', 'dead')) as in_states
           from postern.events group by 1
         )
         select accepted::int8, events, duplicates::int8, in_states from counted left join minutes using (endpoint_id)`,
        [],
      );
      for (const row of rows) {
        expect(row.accepted).toBe(row.events + row.duplicates);
        expect(row.in_states).toBe(row.events);
      }
    },
    { timeoutMs: 5_000, everyMs: 100 },
  );
  const unbalanced = await sql.query(
    'select currency, sum(amount)::text as amount from postern.postings group by 1 having sum(amount) <> 0',
    [],
  );
  expect(unbalanced.rows).toEqual([]);
}
