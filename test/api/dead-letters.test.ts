import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeDeadLetters } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded, stripeEvent } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_dead_letter_tests_secret';
const REFUSED = 12;
let database: TestDatabase;
let gateway: TestGateway;

type View = Record<string, unknown> & { id: string };
type List = { items: View[]; next_cursor: string | null };

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
  await gateway.addEndpoint('stripe', 'other', [SECRET], { account: 'acct_2' });
  // A rule that fails for some, as a fault of ours would.
  await database.sql.query(`create function public.refuse() returns trigger language plpgsql as
    $$ begin raise exception 'this one is not posted'; end $$`);
  await database.sql.query(`create trigger refuse before insert on postern.transactions for each row
    when (new.effect_key like '%:ch_refused%') execute function public.refuse()`);
  for (let n = 1; n <= REFUSED; n += 1)
    await deliver(chargeSucceeded(`refused${n}`, { amount: 4_821, amount_captured: 4_821 }));
  await deliver(chargeSucceeded('good'));
  await deliver('{"object":"event"}');
  await deliver(stripeEvent('evt_unknown', 'charge.reconsidered', { id: 'ch_x', object: 'charge' }));
  await eventually(async () => expect((await get<List>('/events?status=queued')).items).toEqual([]), {
    timeoutMs: 20_000,
  });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

async function deliver(body: string): Promise<void> {
  const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
  const response = await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers });
  expect(response.status).toBe(200);
}

async function call(method: string, path: string, body?: unknown, token?: string) {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await gateway.api(`/api/v1${path}`, init);
  return { status: response.status, location: response.headers.get('location'), body: (await response.json()) as View };
}

async function get<T>(path: string): Promise<T> {
  const { status, body } = await call('GET', path);
  expect(status, JSON.stringify(body)).toBe(200);
  return body as unknown as T;
}

async function only(query: string): Promise<View> {
  const { items } = await get<List>(`/events?${query}`);
  expect(items).toHaveLength(1);
  return items[0] ?? { id: '' };
}

describe('a dead letter', () => {
  it('is found by its payment, its amount, its cause and either id, though nothing of it was posted', async () => {
    const letter = await only('reference=ch_refused3');
    expect(letter).toMatchObject({ status: 'dead', event_id: 'evt_refused3', amount: '4821', currency: 'EUR' });
    for (const query of [
      'event_id=evt_refused3',
      `event_id=${letter.id}`,
      'amount=4821&reference=ch_refused3',
      'amount_min=4821&amount_max=4821&currency=EUR&reference=ch_refused3&error_code=refused_by_database',
    ])
      expect((await only(query)).id, query).toBe(letter.id);
    expect((await get<List>('/events?amount=4821')).items).toHaveLength(REFUSED);
    expect((await get<List>('/events?amount=4821&currency=USD')).items).toEqual([]);
    expect((await get<List>('/events?amount_max=4820')).items).toMatchObject([{ event_id: 'evt_good' }]);
  });

  it('says what it died of, when, at which attempt, and what to do', async () => {
    const { id } = await only('event_id=evt_refused1');
    const letter = await get<View>(`/events/${id}`);
    expect(letter).toMatchObject({
      attempts: 1,
      error: { code: 'refused_by_database', message: 'this one is not posted' },
      history: [
        {
          what: 'died',
          attempt: 1,
          error: { code: 'refused_by_database', message: 'this one is not posted' },
          actor: null,
        },
      ],
      advice: { kind: 'defect', what_to_do: expect.stringContaining('replay') },
    });
    const [{ at }] = letter.history as [{ at: string }];
    expect(Date.parse(at)).toBeGreaterThanOrEqual(Date.parse(String(letter.received_at)));
  });

  it('that cannot be read is of the kind content; one that waits says for what, and until when', async () => {
    const unreadable = await only('error_code=unreadable_event');
    expect(await get(`/events/${unreadable.id}`)).toMatchObject({ advice: { kind: 'content' }, history: [] });
    const waiting = await only('waiting_for=adapter');
    expect(await get(`/events/${waiting.id}`)).toMatchObject({
      event_id: 'evt_unknown',
      status: 'deferred',
      waiting_for: 'adapter',
      until: null,
      advice: { kind: 'defect', what_to_do: expect.stringContaining('by itself') },
    });
    const posted = await only('event_id=evt_good');
    expect(await get(`/events/${posted.id}`)).toMatchObject({ advice: null, history: [] });
  });

  it.each([
    'colour=red',
    'amount=10.00',
    'amount_min=x',
    'currency=eur',
    'error_code=DROP%20TABLE',
    'waiting_for=rain',
    'provider=Stripe',
    'reference=',
    'from=yesterday',
    'reference=a%00b',
  ])('is not looked for by %s', async (query) => {
    expect((await call('GET', `/events?${query}`)).status).toBe(400);
  });
});

describe('GET /events/groups', () => {
  it('is one line for many of one cause, with what they are worth and what means them', async () => {
    const { items } = await get<List>('/events/groups');
    expect(items).toMatchObject([
      {
        provider: 'stripe',
        type: 'charge.succeeded',
        error_code: 'refused_by_database',
        waiting_for: null,
        count: REFUSED,
        amounts: [{ currency: 'EUR', amount: String(REFUSED * 4_821) }],
        example_message: 'this one is not posted',
        advice: { kind: 'defect' },
        filter: { status: 'dead', provider: 'stripe', type: 'charge.succeeded', error_code: 'refused_by_database' },
      },
      { error_code: 'unreadable_event', count: 1, amounts: [] },
    ]);
    const [group] = items as (View & {
      filter: Record<string, string>;
      example: string;
      first: string;
      last: string;
    })[];
    const meant = await get<List>(`/events?${new URLSearchParams(group?.filter)}`);
    expect(meant.items).toHaveLength(REFUSED);
    expect(meant.items[0]?.id).toBe(group?.example);
    expect(meant.items.at(-1)?.received_at).toBe(group?.first);
  });

  it('tells of what waits by what it waits for, and of parts', async () => {
    expect((await get<List>('/events/groups?status=deferred')).items).toMatchObject([
      { type: 'charge.reconsidered', waiting_for: 'adapter', error_code: null, count: 1, until: null },
    ]);
    expect((await get<List>('/events/groups?limit=1')).items).toHaveLength(1);
    expect((await get<List>('/events/groups?endpoint=other')).items).toEqual([]);
    expect((await get<List>('/events/groups?status=queued')).items).toEqual([]);
    expect((await call('GET', '/events/groups?status=posted')).status).toBe(400);
  });
});

describe('POST /events/:id/dismiss', () => {
  it('ends it without effect, says who and why, and takes its money from what is at risk', async () => {
    const { id } = await only('event_id=evt_refused2');
    expect((await call('POST', `/events/${id}/dismiss`, { reason: 'by hand\u0000' })).status).toBe(400);
    const { status, body } = await call('POST', `/events/${id}/dismiss`, { reason: ' posted by hand ' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'no_effect',
      reason: 'dismissed: posted by hand',
      error: { code: 'refused_by_database' },
      advice: null,
      transactions: [],
      history: [{ what: 'died' }, { what: 'dismissed', actor: expect.any(String), dismissal: null }],
    });
    const { rows } = await database.sql.query('select 1 from postern.event_amounts where event_id = $1', [id]);
    expect(rows).toEqual([]);
    expect(await get('/audit-log?limit=1')).toMatchObject({
      items: [{ action: 'event.dismiss', subject: `event:${id}`, reason: 'posted by hand' }],
    });
    expect((await call('POST', `/events/${id}/dismiss`, { reason: 'again' })).status).toBe(409);
  });

  it('refuses what is not dead, not there, without a reason, or not allowed', async () => {
    const { id } = await only('event_id=evt_good');
    expect(await call('POST', `/events/${id}/dismiss`, { reason: 'x' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('is posted') },
    });
    const none = '0190f000-0000-7000-8000-000000000000';
    expect((await call('POST', `/events/${none}/dismiss`, { reason: 'x' })).status).toBe(404);
    expect((await call('POST', '/events/evt_refused4/dismiss', { reason: 'x' })).status).toBe(404);
    const letter = await only('event_id=evt_refused4');
    for (const body of [
      {},
      { reason: '' },
      { reason: '  ' },
      { reason: 'x'.repeat(1_001) },
      { reason: 'x', force: true },
    ])
      expect((await call('POST', `/events/${letter.id}/dismiss`, body)).status).toBe(400);
    const tokens = createTokenService({ pool: gateway.gateway.pools.api });
    const made = await tokens.create({ name: 'books', roles: ['finance'], expiresAt: null }, 'test');
    await gateway.gateway.reloadTokens();
    expect((await call('POST', `/events/${letter.id}/dismiss`, { reason: 'x' }, made.token)).status).toBe(403);
    expect((await call('POST', '/dismissals', { filter: {}, reason: 'x' }, made.token)).status).toBe(403);
    expect((await get<View>(`/events/${letter.id}`)).status).toBe('dead');
  });
});

describe('POST /dismissals', () => {
  const group = { type: 'charge.succeeded', error_code: 'known_fault', endpoint: 'other' };

  it('tells in a dry run what it would put away, and puts nothing away', async () => {
    await makeDeadLetters(database.sql, { endpoint: 'stripe/other', count: 700, code: 'known_fault', amount: 50 });
    const { status, body } = await call('POST', '/dismissals', { filter: group, reason: 'x', dry_run: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      dry_run: true,
      total: 700,
      groups: [{ count: 700, error_code: 'known_fault', amounts: [{ currency: 'EUR', amount: '35000' }] }],
    });
    expect((await get<{ items: View[] }>('/dismissals')).items).toEqual([]);
    expect((await get<List>('/events/groups?endpoint=other')).items).toMatchObject([{ count: 700 }]);
  });

  it('puts away what it means and tells how far it is', async () => {
    const asked = await call('POST', '/dismissals', { filter: group, reason: 'a known fault' });
    expect(asked).toMatchObject({
      status: 202,
      location: `/api/v1/dismissals/${asked.body.id}`,
      body: { filter: group, reason: 'a known fault', total: 700, error: null },
    });
    await eventually(async () =>
      expect(await get(`/dismissals/${asked.body.id}`)).toMatchObject({ status: 'done', done: 700, dismissed: 700 }),
    );
    expect((await get<List>('/events/groups?endpoint=other')).items).toEqual([]);
    expect((await get<List>('/events/groups')).items[0]).toMatchObject({ count: REFUSED - 1 });
    const { items } = await get<List>('/events?endpoint=other&limit=1');
    expect(await get(`/events/${items[0]?.id}`)).toMatchObject({
      status: 'no_effect',
      history: [{ what: 'died' }, { what: 'dismissed', reason: 'a known fault', dismissal: asked.body.id }],
    });
    expect((await call('DELETE', `/dismissals/${asked.body.id}`)).status).toBe(409);
    expect(await get('/dismissals?limit=1')).toMatchObject({ items: [{ id: asked.body.id }], next_cursor: null });
    expect(await (await gateway.api('/metrics')).text()).toMatch(/postern_dismissed_events_total 70[01]\b/);
  });

  it.each([
    [{ status: 'posted' }, 'only dead letters are dismissed'],
    [{ status: 'lost' }, 'status'],
    [{ colour: 'red' }, 'body/filter/colour is not known'],
    [{ amount: '5.00' }, 'amount'],
    [undefined, 'filter'],
  ])('refuses the filter %j', async (filter, detail) => {
    const { status, body } = await call('POST', '/dismissals', { filter, reason: 'x' });
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(detail);
  });

  it('knows no dismissal that was not asked for', async () => {
    const none = '0190f000-0000-7000-8000-000000000000';
    expect((await call('GET', `/dismissals/${none}`)).status).toBe(404);
    expect((await call('DELETE', `/dismissals/${none}`)).status).toBe(404);
    expect((await call('GET', '/dismissals/1')).status).toBe(404);
  });
});
