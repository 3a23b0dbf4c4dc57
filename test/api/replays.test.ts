import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import {
  callerOf,
  captures,
  deliver,
  kill,
  over,
  type ReplayView,
  SECRET,
  stateOf,
  unpost,
} from '../ingest/replay/replays.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded, stripeEvent } from '../support/stripe-bodies.ts';

type Page<T> = { items: T[]; next_cursor: string | null };

let database: TestDatabase;
let gateway: TestGateway;
const call = callerOf(() => gateway);

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
  await gateway.addEndpoint('stripe', 'other', [SECRET], { account: 'acct_2' });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const send = (n: string, endpoint = 'main') => deliver(gateway, database, chargeSucceeded(n), endpoint);

async function replay(wish: object): Promise<ReplayView> {
  const asked = await call('POST', '/replays', { reason: 'a test', ...wish });
  expect(asked).toMatchObject({ status: 202, location: `/api/v1/replays/${asked.body.id}` });
  return over(call, asked.body.id);
}

async function replayOne(id: string, wish: object = {}): Promise<ReplayView> {
  const asked = await call('POST', `/events/${id}/replay`, { reason: 'a test', ...wish });
  expect(asked.status).toBe(202);
  return over(call, asked.body.id);
}

async function evidence(): Promise<number> {
  const { rows } = await database.sql.query<{ count: bigint }>(
    'select count(*) as count from postern.transaction_evidence',
  );
  return Number(rows[0]?.count);
}

describe('POST /events/:id/replay', () => {
  it('posts what died, with a fresh budget of attempts', async () => {
    const id = await send('a1');
    await unpost(database, id);
    await kill(database, id);
    const view = await replayOne(id);
    expect(view).toMatchObject({ status: 'done', total: 1, done: 1, posted: 1, failed: 0 });
    expect(view.changes).toMatchObject([
      {
        event: id,
        outcome: 'posted',
        before: { status: 'dead', reason: 'rule_failed: made by a test', transactions: [] },
        after: { status: 'posted', reason: null, transactions: [{ id: expect.any(String), kind: 'payment.captured' }] },
      },
    ]);
    expect(await stateOf(database, id)).toMatchObject({ status: 'posted', attempts: 1, kills: 0, error_code: null });
    expect((await captures(database)).get('ch_a1')).toBe(1);
  });

  it('posts nothing twice, and leaves no trace of telling what stands', async () => {
    const id = await send('a2');
    const before = { state: await stateOf(database, id), evidence: await evidence() };
    for (let times = 0; times < 2; times += 1)
      expect(await replayOne(id)).toMatchObject({ status: 'done', posted: 0, unchanged: 1, changes: [] });
    expect({ state: await stateOf(database, id), evidence: await evidence() }).toEqual(before);
    expect((await captures(database)).get('ch_a2')).toBe(1);
  });

  it('posts what a posted event lacks, and leaves its state alone', async () => {
    const id = await send('a3');
    await unpost(database, id);
    const before = await stateOf(database, id);
    expect(await replayOne(id)).toMatchObject({
      posted: 1,
      changes: [{ before: { status: 'posted' }, after: { status: 'posted' } }],
    });
    expect(await stateOf(database, id)).toEqual(before);
    expect((await captures(database)).get('ch_a3')).toBe(1);
  });

  it('is dead again where what it tells contradicts what is posted, and posts nothing of it', async () => {
    await send('a4');
    const id = await deliver(gateway, database, chargeSucceeded('a4b', { id: 'ch_a4', currency: 'usd' }));
    expect(await stateOf(database, id)).toMatchObject({ status: 'dead', error_code: 'conflicting_announcement' });
    const view = await replayOne(id);
    expect(view).toMatchObject({ failed: 1, posted: 0, changes: [{ outcome: 'failed', after: { status: 'dead' } }] });
    expect(await replayOne(id, { dry_run: true })).toMatchObject({
      failed: 1,
      changes: [
        {
          before: { status: 'dead', transactions: [{ postings: [{ currency: 'EUR' }, { currency: 'EUR' }] }] },
          after: { status: 'dead', transactions: [{ id: null, postings: [{ currency: 'USD' }, { currency: 'USD' }] }] },
        },
      ],
    });
    expect((await captures(database)).get('ch_a4')).toBe(1);
  });

  it('says what an event that a person dismissed is, instead of posting it', async () => {
    const id = await send('a5');
    await unpost(database, id);
    await database.sql.query(
      `update postern.events set status = 'no_effect', reason = 'dismissed: sent by mistake' where id = $1`,
      [id],
    );
    const asked = await call('POST', `/events/${id}/replay`, { reason: 'a test' });
    expect(asked).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('dismissed: sent by mistake') },
    });
    expect(await replay({ filter: { event_id: 'evt_a5' } })).toMatchObject({ total: 1, posted: 0, unchanged: 1 });
    expect((await captures(database)).has('ch_a5')).toBe(false);
  });

  it('waits again for what has not come', async () => {
    const id = await deliver(gateway, database, stripeEvent('evt_a6', 'charge.from_the_future', { id: 'ch_a6' }));
    expect(await stateOf(database, id)).toMatchObject({ status: 'deferred' });
    expect(await replayOne(id)).toMatchObject({ deferred: 1, posted: 0, failed: 0 });
    expect(await stateOf(database, id)).toMatchObject({ status: 'deferred', attempts: 1 });
  });

  it.each([
    ['no reason', {}],
    ['a reason that says nothing', { reason: '   ' }],
    ['a member that it does not know', { reason: 'a test', rate: 5, force: true }],
  ])('refuses %s', async (_name, body) => {
    const id = '00000000-0000-7000-8000-000000000000';
    expect((await call('POST', `/events/${id}/replay`, body)).status).toBe(400);
  });

  it('knows only events that there are', async () => {
    for (const id of ['x', '%00', '00000000-0000-7000-8000-000000000000', 'evt_a1'])
      expect((await call('POST', `/events/${id}/replay`, { reason: 'a test' })).status).toBe(404);
  });
});

describe('a dry run', () => {
  it('tells what would be posted, line by line, and changes nothing', async () => {
    const id = await send('b1');
    await unpost(database, id);
    await kill(database, id);
    const before = await stateOf(database, id);
    const view = await replayOne(id, { dry_run: true });
    expect(view).toMatchObject({ status: 'done', dry_run: true, posted: 1 });
    expect(view.changes).toMatchObject([
      {
        outcome: 'posted',
        before: { status: 'dead', transactions: [] },
        after: {
          status: 'posted',
          transactions: [
            {
              id: null,
              kind: 'payment.captured',
              effect_key: expect.stringContaining('ch_b1'),
              postings: [
                {
                  account: 'asset:processor_pending:stripe:acct_1',
                  direction: 'debit',
                  amount: '1000',
                  currency: 'EUR',
                },
                { direction: 'credit', amount: '1000', currency: 'EUR' },
              ],
            },
          ],
        },
      },
    ]);
    expect(await stateOf(database, id)).toEqual(before);
    expect((await captures(database)).has('ch_b1')).toBe(false);
  });

  it('tells the same as the replay after it does', async () => {
    const ids = [await send('b2'), await send('b3'), await send('b4')];
    await unpost(database, ...ids.slice(0, 2));
    await kill(database, ...ids.slice(0, 1));
    const filter = { from: new Date(Date.now() - 60_000).toISOString(), event_id: 'evt_b2' };
    const dry = await replay({ filter, dry_run: true });
    const real = await replay({ filter });
    for (const key of ['total', 'done', 'posted', 'unchanged', 'deferred', 'failed'] as const)
      expect([key, dry[key]]).toEqual([key, real[key]]);
    const keys = (view: ReplayView) =>
      view.changes.flatMap(({ after }) => after.transactions.map((one) => one.effect_key));
    expect(keys(dry)).toEqual(keys(real));
    expect(keys(dry)).toHaveLength(1);
  });

  it('shows both sides where the rules would have posted otherwise, and that it stays', async () => {
    const id = await send('b5');
    const { rows } = await database.sql.query<{ id: string }>(
      'select id from postern.transactions where source_event = $1',
      [id],
    );
    await database.sql.query(
      `do $$ begin set local session_replication_role = replica;
         update postern.transactions set effect_key = effect_key || ':of-another-rule' where id = '${rows[0]?.id}'; end $$`,
    );
    const view = await replayOne(id, { dry_run: true });
    expect(view.changes).toMatchObject([
      {
        event: id,
        outcome: 'posted',
        before: {
          status: 'posted',
          transactions: [{ id: rows[0]?.id, effect_key: expect.stringContaining('of-another-rule') }],
        },
        after: {
          status: 'posted',
          transactions: [{ id: null, effect_key: expect.not.stringContaining('of-another-rule') }],
        },
      },
    ]);
  });

  it('tells a contradiction to what is posted, which would stay', async () => {
    const id = await send('b6');
    await database.sql.query(
      `do $$ begin set local session_replication_role = replica;
         update postern.transactions set content = '\\x00' where source_event = '${id}'; end $$`,
    );
    const dry = await replayOne(id, { dry_run: true });
    expect(dry).toMatchObject({ failed: 1, posted: 0 });
    expect(dry.changes).toMatchObject([
      {
        outcome: 'failed',
        before: { transactions: [{ effect_key: expect.stringContaining('ch_b6') }] },
        after: { transactions: [{ id: null }] },
      },
    ]);
    expect(await replayOne(id)).toMatchObject({ failed: 1, posted: 0 });
    expect(await stateOf(database, id)).toMatchObject({ status: 'posted' });
  });
});

describe('POST /replays', () => {
  it('runs those of the filter alone, and keeps who asked and why', async () => {
    const from = new Date().toISOString();
    const ids = [await send('c1'), await send('c2'), await send('c3', 'other')];
    await unpost(database, ...ids);
    await kill(database, ...ids);
    const asked = await call('POST', '/replays', {
      filter: { status: 'dead', endpoint: 'main', provider: 'stripe', from },
      reason: 'release 7 mended it',
    });
    const view = await over(call, asked.body.id);
    expect(view).toMatchObject({
      status: 'done',
      total: 2,
      done: 2,
      posted: 2,
      reason: 'release 7 mended it',
      rate: 100,
    });
    expect(await stateOf(database, ids[2] ?? '')).toMatchObject({ status: 'dead' });
    const log = await call<Page<unknown>>('GET', `/audit-log?limit=1`);
    expect(log.body.items).toMatchObject([
      {
        action: 'replay.create',
        subject: `replay:${view.id}`,
        actor: expect.any(String),
        reason: 'release 7 mended it',
        details: { filter: { status: 'dead', endpoint: 'main', provider: 'stripe', from }, dry_run: false },
      },
    ]);
    const list = await call<Page<ReplayView>>('GET', '/replays?limit=1');
    expect(list.body).toMatchObject({ items: [{ id: view.id, changes: [] }], next_cursor: expect.any(String) });
    const next = await call<Page<ReplayView>>('GET', `/replays?limit=1&cursor=${list.body.next_cursor}`);
    expect(next.body.items[0]?.id).not.toBe(view.id);
    const changes = await call<Page<{ event: string }>>('GET', `/replays/${view.id}/changes?limit=1`);
    expect(changes.body.items.map(({ event }) => event)).toEqual([ids[0]]);
    const more = await call<Page<{ event: string }>>(
      'GET',
      `/replays/${view.id}/changes?cursor=${changes.body.next_cursor}`,
    );
    expect(more.body).toMatchObject({ items: [{ event: ids[1] }], next_cursor: null });
    expect((await call<Page<unknown>>('GET', `/replays/${view.id}/changes?outcome=failed`)).body.items).toEqual([]);
    expect((await call<Page<unknown>>('GET', '/replays?status=running')).body.items).toEqual([]);
  });

  it('is done at once where nothing is meant', async () => {
    expect(await replay({ filter: { type: 'no.such.type' } })).toMatchObject({ status: 'done', total: 0, done: 0 });
  });

  it.each([
    ['no filter', { filter: undefined }],
    ['an empty filter, which would mean everything', { filter: {} }],
    ['a filter of what it does not know', { filter: { colour: 'red' } }],
    ['a state that is none', { filter: { status: 'lost' } }],
    ['a time that is none', { filter: { from: 'yesterday' } }],
    ['a rate of nothing', { rate: 0 }],
    ['a rate beyond all', { rate: 5_001 }],
    ['a blank reason', { reason: ' ' }],
    ['a reason without end', { reason: 'x'.repeat(1_001) }],
  ])('refuses %s', async (_name, change) => {
    const asked = await call<{ errors: unknown[] }>('POST', '/replays', {
      filter: { status: 'dead' },
      reason: 'a test',
      ...change,
    });
    expect(asked).toMatchObject({ status: 400, body: { errors: [{ path: expect.any(String) }] } });
  });
});

describe('DELETE /replays/:id', () => {
  it('stops it: what it posted stays, the rest is as it was', async () => {
    const ids = [await send('d1'), await send('d2'), await send('d3')];
    await unpost(database, ...ids);
    await kill(database, ...ids);
    const asked = await call('POST', '/replays', {
      filter: { status: 'dead', endpoint: 'main' },
      reason: 'a test',
      rate: 1,
    });
    const cancelled = await call('DELETE', `/replays/${asked.body.id}`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', finished_at: expect.any(String) } });
    expect((await call('DELETE', `/replays/${asked.body.id}`)).status).toBe(409);
    const posted = [...(await captures(database)).keys()].filter((charge) => charge.startsWith('ch_d'));
    expect(posted).toHaveLength(cancelled.body.posted);
    expect(posted.length).toBeLessThan(3);
    const log = await call<Page<unknown>>('GET', `/audit-log?limit=1`);
    expect(log.body.items).toMatchObject([{ action: 'replay.cancel', subject: `replay:${asked.body.id}` }]);
    await replay({ filter: { status: 'dead', endpoint: 'main' } });
    expect([...(await captures(database))].filter(([charge]) => charge.startsWith('ch_d'))).toEqual(
      ['ch_d1', 'ch_d2', 'ch_d3'].map((charge) => [charge, 1]),
    );
  });

  it('knows only what there is', async () => {
    for (const id of ['x', '00000000-0000-7000-8000-000000000000', '%00'])
      for (const [method, path] of [
        ['GET', `/replays/${id}`],
        ['GET', `/replays/${id}/changes`],
        ['DELETE', `/replays/${id}`],
      ] as const)
        expect((await call(method, path)).status, `${method} ${path}`).toBe(404);
  });
});

it('is for operators; finance may look', async () => {
  const service = createTokenService({ pool: gateway.gateway.pools.api });
  const view = await replay({ filter: { type: 'no.such.type' } });
  for (const [role, look, change] of [
    ['finance', 200, 403],
    ['monitor', 403, 403],
    ['service', 403, 403],
    ['ops', 200, 409],
  ] as const) {
    const { token } = await service.create({ name: `replay-${role}`, roles: [role], expiresAt: null }, 'test');
    await gateway.gateway.reloadTokens();
    const headers = { authorization: `Bearer ${token}` };
    const status = async (method: string): Promise<number> =>
      (await fetch(`${gateway.url}/api/v1/replays/${view.id}`, { method, headers })).status;
    expect([role, await status('GET')]).toEqual([role, look]);
    expect([role, await status('DELETE')]).toEqual([role, change]);
  }
});
