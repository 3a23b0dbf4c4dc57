import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_STATUSES, type EventFilter, readEventFilter, statusOf } from '../../src/ingest/event-filter.ts';
import { countEvents, eventConditions, selectEventIds } from '../../src/ingest/event-filter-store.ts';
import { uuidTime, uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRandom } from '../support/random.ts';

type Row = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly event_id: string;
  readonly type: string;
  readonly status: string;
  readonly error_code: string | null;
  readonly waiting_for: string | null;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly references: readonly string[];
};

const START = Date.UTC(2026, 0, 1);
const EVENTS = 600;
const ENDPOINTS = [
  { provider: 'stripe', endpoint: 'main' },
  { provider: 'stripe', endpoint: 'eu' },
  { provider: 'adyen', endpoint: 'main' },
] as const;
const random = createRandom(16);
const oneOf = random.pick;
const rows: Row[] = Array.from({ length: EVENTS }, (_, n) => {
  const status = oneOf(EVENT_STATUSES);
  const amount = random.next() < 0.2 || status === 'queued' ? null : oneOf([-500, 1999, 4200, 2 ** 40]);
  return {
    // Several in one millisecond: their order is that of the ids.
    id: uuidv7(START + Math.floor(n / 4) * 60_000),
    ...oneOf(ENDPOINTS),
    event_id: `evt_${n % 550}_${n < 550 ? 'a' : 'b'}`,
    type: oneOf(['charge.succeeded', 'AUTHORISATION', 'charge.refunded']),
    status,
    error_code: status === 'dead' ? oneOf(['rule_failed', 'conflict']) : null,
    waiting_for: status === 'deferred' ? oneOf(['object', 'api_key']) : null,
    amount,
    currency: amount === null ? null : oneOf(['EUR', 'USD']),
    references: status === 'queued' ? [] : [oneOf(['ch_1', 'ch_2', `ch_${n}`])],
  };
});
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  for (const { provider, endpoint } of ENDPOINTS)
    await database.sql.query(`insert into postern.endpoints (provider, name, account) values ($1, $2, 'a')`, [
      provider,
      endpoint,
    ]);
  await database.sql.query(
    `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status,
       error_code, waiting_for, amount, currency)
     select (r->>'id')::uuid, gen_random_uuid(), (r->>'received_at')::timestamptz, n.id, 0, r->>'event_id', '', r->>'type', 'a',
       r->>'status', r->>'error_code', r->>'waiting_for', (r->>'amount')::int8, r->>'currency'
     from jsonb_array_elements($1::jsonb) r join postern.endpoints n on n.provider = r->>'provider' and n.name = r->>'endpoint'`,
    [JSON.stringify(rows.map((row) => ({ ...row, received_at: new Date(uuidTime(row.id)).toISOString() })))],
  );
  await database.sql.query(
    `insert into postern.event_references (event_id, kind, value)
     select (r->>'id')::uuid, 'payment', v from jsonb_array_elements($1::jsonb) r, jsonb_array_elements_text(r->'references') v`,
    [JSON.stringify(rows)],
  );
});
afterAll(() => database.drop());

/** The filter said once more, over values. */
function isMeant(row: Row, filter: EventFilter): boolean {
  const at = uuidTime(row.id);
  return (
    (statusOf(filter) ?? row.status) === row.status &&
    (filter.provider ?? row.provider) === row.provider &&
    (filter.endpoint ?? row.endpoint) === row.endpoint &&
    (filter.type ?? row.type) === row.type &&
    (filter.event_id === undefined || [row.event_id, row.id].includes(filter.event_id)) &&
    (filter.reference === undefined || row.references.includes(filter.reference)) &&
    (filter.error_code === undefined || filter.error_code === row.error_code) &&
    (filter.waiting_for === undefined || filter.waiting_for === row.waiting_for) &&
    (filter.currency === undefined || filter.currency === row.currency) &&
    (filter.amount === undefined || Number(filter.amount) === row.amount) &&
    (filter.amount_min === undefined || (row.amount !== null && row.amount >= Number(filter.amount_min))) &&
    (filter.amount_max === undefined || (row.amount !== null && row.amount <= Number(filter.amount_max))) &&
    (filter.from === undefined || at >= Date.parse(filter.from)) &&
    (filter.to === undefined || at < Date.parse(filter.to))
  );
}

function anyFilter(): EventFilter {
  const near = oneOf(rows);
  const candidates: EventFilter = {
    status: oneOf(EVENT_STATUSES),
    provider: near.provider,
    endpoint: oneOf(['main', 'eu', 'none']),
    type: near.type,
    reference: oneOf(['ch_1', 'ch_2', 'nothing']),
    event_id: oneOf([near.event_id, near.id]),
    error_code: oneOf(['rule_failed', 'conflict']),
    waiting_for: oneOf(['object', 'api_key']),
    currency: oneOf(['EUR', 'USD', 'JPY']),
    amount: oneOf(['1999', '-500', String(2 ** 40)]),
    amount_min: oneOf(['-500', '2000']),
    amount_max: oneOf(['-1', '4200']),
    from: new Date(START + Math.floor(random.next() * 150) * 60_000).toISOString(),
    to: new Date(START + Math.floor(random.next() * 150) * 60_000).toISOString(),
  };
  const share = oneOf([0.05, 0.15, 0.3]);
  return Object.fromEntries(Object.entries(candidates).filter(() => random.next() < share));
}

describe('the filter of events', () => {
  it('means the same in pages of either order, as conditions, and counted', async () => {
    for (let turn = 0; turn < 300; turn += 1) {
      const filter = anyFilter();
      const about = JSON.stringify(filter);
      const expected = rows.filter((row) => isMeant(row, filter)).map((row) => row.id);
      expect(await countEvents(database.app, filter, 1_000), about).toBe(expected.length);
      const order = oneOf(['newest', 'oldest'] as const);
      const limit = oneOf([7, 50, 1_000]);
      const found: string[] = [];
      for (let beyond: string | null = null; ; ) {
        const page: string[] = await selectEventIds(database.app, filter, { order, beyond, limit });
        found.push(...page);
        beyond = page.at(-1) ?? null;
        if (page.length < limit) break;
      }
      expect(found, about).toEqual(order === 'oldest' ? expected : expected.toReversed());
      const values: unknown[] = [];
      const conditions = eventConditions(filter, values);
      const { rows: same } = await database.app.query<{ id: string }>(
        `select e.id from postern.events e ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`} order by e.id`,
        values,
      );
      expect(
        same.map((row) => row.id),
        about,
      ).toEqual(expected);
    }
  });

  it('counts no further than it is told', async () => {
    expect(await countEvents(database.app, {}, 10)).toBe(10);
  });

  it.each([
    [{ state: 'dead' }, '/filter/state is not a part of a filter'],
    [{ status: 'lost' }, '/filter/status must be one of queued, posted, no_effect, deferred, dead'],
    [{ status: 1 }, '/filter/status must be a text'],
    [{ provider: 'Stripe' }, '/filter/provider must be a processor such as stripe'],
    [{ type: '' }, "/filter/type must be the processor's own type"],
    [{ reference: 'a\u0000b' }, '/filter/reference must be an id of 1 to 600 characters'],
    [{ amount: '19.99' }, '/filter/amount must be minor units, such as 1999'],
    [{ amount_min: '9'.repeat(19) }, '/filter/amount_min must be minor units, such as 1999'],
    [{ currency: 'eur' }, '/filter/currency must be a currency such as EUR'],
    [{ from: '2026-13-01T00:00:00Z' }, '/filter/from must be a time such as 2026-01-31T12:00:00Z'],
    [{ to: 'yesterday' }, '/filter/to must be a time such as 2026-01-31T12:00:00Z'],
    [{ error_code: "'; drop" }, '/filter/error_code must be an error code such as rule_failed'],
    [[], 'a filter is an object with the names of the query of GET /events'],
    [null, 'a filter is an object with the names of the query of GET /events'],
  ])('refuses %j', (value, message) => {
    expect(() => readEventFilter(value)).toThrow(message);
  });

  it('names every part that is wrong', () => {
    try {
      readEventFilter({ status: 'lost', amount: 'x', provider: 'stripe' });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'invalid_request',
        faults: [{ path: '/filter/status' }, { path: '/filter/amount' }],
      });
    }
  });
});
