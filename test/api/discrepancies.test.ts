import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { AT, captured, line } from '../ledger/books.ts';
import { createEngineWorld, DAY, type EngineWorld, type WorldBooks } from '../reconcile/engine-world.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
let world: EngineWorld;
let books: WorldBooks;
beforeAll(async () => {
  database = await createTestDatabase();
  world = createEngineWorld(database, AT + 30 * DAY);
  books = await world.open({ bank_account: 'main' });
  await books.announce(captured('told', 1000n));
  for (const id of ['a', 'b', 'c']) await books.settle(line('charge', id, { reference: `untold_${id}`, gross: 500n }));
  await world.catchUp();
  gateway = await startTestGateway(database, { work: false, now: () => world.now });
});
afterAll(async () => {
  await gateway.stop();
  await world.reconciler.stop();
  await database.drop();
});

type View = Record<string, unknown> & { id: string; class: string; status: string; reference: string };
type Answer<T> = { status: number; body: T };

async function call<T = View>(method: string, path: string, body?: unknown, token?: string): Promise<Answer<T>> {
  const response = await gateway.api(`/api/v1/discrepancies${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

const list = async (query: string) => (await call<{ items: View[]; next_cursor: string | null }>('GET', query)).body;
const find = async (reference: string): Promise<View> => {
  const { items } = await list(`?reference=${reference}`);
  const [item] = items;
  if (item === undefined) throw new Error(`no discrepancy of ${reference}`);
  return item;
};

describe('GET /discrepancies', () => {
  it('filters by class, age and account, with both sides, and pages', async () => {
    const { items } = await list('?type=missing_in_settlement&min_age_days=20');
    expect(items).toMatchObject([
      {
        class: 'missing_in_settlement',
        account: books.account,
        reference: 'told',
        component: 'gross',
        currency: 'EUR',
        delta: '-1000',
        ledger: { amount: '1000', movements: 1 },
        settlement: {},
        bank: {},
        differences: [{ field: 'amount', ledger: '1000', settlement: '0' }],
        age_days: 30,
        bucket: '8-30',
        severity: 300,
        suggested: { action: 'ask_processor', postings: [] },
      },
    ]);
    expect((await list('?type=missing_in_settlement&min_age_days=31')).items).toEqual([]);
    const first = await list('?type=missing_in_ledger&limit=2');
    const second = await list(`?type=missing_in_ledger&limit=2&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items].map((one) => one.reference).sort()).toEqual([
      'untold_a',
      'untold_b',
      'untold_c',
    ]);
  });

  it('refuses what is no class, and callers that are not of finance', async () => {
    expect((await call('GET', '?type=nonsense')).status).toBe(400);
    const { token } = await createTokenService({ pool: database.appPool, onChange: async () => undefined }).create(
      { name: 'ops', roles: ['ops'], expiresAt: null },
      'test',
    );
    await gateway.gateway.reloadTokens();
    expect((await call('GET', '', undefined, token)).status).toBe(403);
    expect((await call('GET', '/nonsense')).status).toBe(404);
  });
});

describe('POST /discrepancies/:id/actions', () => {
  it('assigns, notes, explains and reopens, each in the history with its actor', async () => {
    const { id } = await find('untold_a');
    const act = (body: unknown) => call('POST', `/${id}/actions`, body);
    expect((await act({ action: 'assign', assignee: 'ada' })).body).toMatchObject({
      status: 'assigned',
      assignee: 'ada',
    });
    expect((await act({ action: 'note', note: 'asked' })).body).toMatchObject({ status: 'assigned' });
    expect((await act({ action: 'reopen', reason: 'no' })).status).toBe(409);
    expect((await act({ action: 'explain', reason_code: 'test_payment' })).body).toMatchObject({
      status: 'resolved',
      reason_code: 'test_payment',
    });
    expect((await act({ action: 'assign', assignee: 'bob' })).status).toBe(409);
    const reopened = (await act({ action: 'reopen', reason: 'it was not' })).body;
    expect(reopened).toMatchObject({ status: 'reopened', reason_code: null });
    const history = reopened.history as { action: string; actor: string }[];
    expect(history.map(({ action }) => action)).toEqual(['found', 'assign', 'note', 'explain', 'reopen']);
    expect(new Set(history.slice(1).map(({ actor }) => actor))).toEqual(new Set(['token:POSTERN_ADMIN_TOKEN']));
  });

  it('what a person resolved stays so while it is the same', async () => {
    const { id } = await find('untold_c');
    await call('POST', `/${id}/actions`, { action: 'explain', reason_code: 'known' });
    await world.rebuild();
    await world.catchUp();
    expect((await call('GET', `/${id}`)).body.status).toBe('resolved');
    await books.settle(line('charge', 'c2', { reference: 'untold_c', gross: 7n }));
    await world.catchUp();
    expect((await call('GET', `/${id}`)).body).toMatchObject({ status: 'reopened', delta: '507' });
  });

  it('posts the correction, after which the webhook is a replay and the item has cleared itself', async () => {
    const before = await find('untold_b');
    expect(before.suggested).toMatchObject({
      action: 'post_correction',
      postings: [
        { direction: 'debit', amount: '500', reference: 'untold_b', component: 'gross' },
        { account: 'income:revenue', direction: 'credit', amount: '500' },
      ],
    });
    const { id } = before;
    expect((await call('POST', `/${id}/actions`, { action: 'post_correction' })).status).toBe(400);
    expect((await call('POST', `/${id}/actions`, { action: 'post_correction', reason: 'no list' })).status).toBe(200);
    await world.catchUp();
    expect((await call('GET', `/${id}`)).body.status).toBe('auto_cleared');
    await books.announce({ ...captured('untold_b', 500n), key: 'untold_b:captured:500', runningTotal: true } as never);
    await world.catchUp();
    expect((await call('GET', `/${id}`)).body.status).toBe('auto_cleared');
  });

  it('an allocation that was suggested is posted where somebody agrees, and only then', async () => {
    await books.announce(captured('twin_1', 70n), { merchant: 'order 7' });
    await books.announce(captured('twin_2', 70n), { merchant: 'order 7' });
    await books.settle(line('charge', 't', { reference: 'twin_x', gross: 70n }), { merchant: 'order 7' });
    await world.catchUp();
    const { id } = await find('twin_x');
    const { suggestions } = (await call('GET', `/${id}`)).body as unknown as { suggestions: { id: string }[] };
    expect(suggestions).toHaveLength(2);
    const agree = { action: 'agree', suggestion: suggestions[0]?.id, reason: 'by the date' };
    expect((await call('POST', `/${id}/actions`, agree)).status).toBe(200);
    expect((await call('POST', `/${id}/actions`, agree)).status).toBe(409);
    await world.catchUp();
    expect((await call('GET', `/${id}`)).body.status).toBe('auto_cleared');
  });
});

describe('what netted', () => {
  /** Takes back what a line of this identity posted, so that its cause is there again. */
  async function takeBack(identity: string): Promise<void> {
    const { rows } = await database.sql.query<{ id: string }>(
      'select id from postern.transactions where effect_key = $1',
      [`stripe:${books.account}:line:${identity}`],
    );
    const order = { id: rows[0]?.id ?? '', actor: 'test', reason: 'a wrong line' };
    const result = await withTransaction(database.appPool, (tx) =>
      reverseTransaction(tx, order, { clock: { now: () => world.now } }),
    );
    expect(result.kind).toBe('reversed');
    await world.catchUp();
  }
  const settle = async (identity: string, reference: string): Promise<void> => {
    await books.settle(line('charge', identity, { reference, gross: 1000n }));
    await world.catchUp();
  };
  const actions = (view: View): string[] => (view.history as { action: string }[]).map(({ action }) => action);

  it('while it was explained stays so, says that it netted, and is reopened when the same comes back', async () => {
    await books.announce(captured('returns', 1000n));
    await world.catchUp();
    const { id } = await find('returns');
    const act = (body: unknown) => call('POST', `/${id}/actions`, body);
    await act({ action: 'explain', reason_code: 'paid_next_month' });
    await settle('returns_1', 'returns');
    const over = (await call('GET', `/${id}`)).body;
    expect(over).toMatchObject({ status: 'resolved', reason_code: 'paid_next_month', cleared_at: expect.any(String) });
    expect(actions(over)).toEqual(['found', 'explain', 'cleared']);
    const refused = await act({ action: 'reopen', reason: 'no' });
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('has netted') } });
    expect((await act({ action: 'assign', assignee: 'ada' })).status).toBe(409);
    expect((await act({ action: 'note', note: 'as promised' })).body).toMatchObject({ status: 'resolved' });
    await takeBack('returns_1');
    const back = (await call('GET', `/${id}`)).body;
    expect(back).toMatchObject({
      class: 'missing_in_settlement',
      delta: '-1000',
      status: 'reopened',
      reason_code: null,
      cleared_at: null,
    });
    expect(actions(back)).toEqual(['found', 'explain', 'cleared', 'note', 'reopened']);
    expect((await act({ action: 'explain', reason_code: 'again' })).body).toMatchObject({ status: 'resolved' });
    expect((await act({ action: 'reopen', reason: 'not again' })).body).toMatchObject({ status: 'reopened' });
  });

  it('while it was assigned is cleared, and back in the same hands when it comes back', async () => {
    await books.announce(captured('handed', 1000n));
    await world.catchUp();
    const { id } = await find('handed');
    const act = (body: unknown) => call('POST', `/${id}/actions`, body);
    await act({ action: 'assign', assignee: 'ada' });
    await settle('handed_1', 'handed');
    expect((await call('GET', `/${id}`)).body).toMatchObject({ status: 'auto_cleared', assignee: 'ada' });
    for (const body of [
      { action: 'explain', reason_code: 'late' },
      { action: 'assign', assignee: 'bob' },
      { action: 'reopen', reason: 'why not' },
      { action: 'post_correction', reason: 'why not' },
    ])
      expect((await act(body)).status).toBe(409);
    await takeBack('handed_1');
    const back = (await call('GET', `/${id}`)).body;
    expect(back).toMatchObject({ status: 'reopened', assignee: 'ada', cleared_at: null });
    expect(actions(back)).toEqual(['found', 'assign', 'cleared', 'reopened']);
    expect((await act({ action: 'assign', assignee: null })).body).toMatchObject({ status: 'open', assignee: null });
  });
});

describe('an action that is none', () => {
  it.each([
    ['of no kind', {}],
    ['of an unknown kind', { action: 'forgive' }],
    ['that assigns to whom it does not say', { action: 'assign' }],
    ['that says nothing', { action: 'note', note: '' }],
    ['that explains by nothing', { action: 'explain' }],
    ['that reopens for no reason', { action: 'reopen' }],
    ['that agrees to nothing', { action: 'agree', reason: 'r' }],
  ])('%s is refused, and changes nothing', async (_, body) => {
    const before = await find('told');
    expect((await call('POST', `/${before.id}/actions`, body)).status).toBe(400);
    expect((await call('GET', `/${before.id}`)).body).toMatchObject({ status: before.status });
  });

  const EACH = 'must be one of assign, note, explain, reopen, agree, post_correction';
  it.each([
    [{ action: 'write_off', reason: 'r' }, 'body/action', EACH],
    [{ note: 'n' }, 'body/action', "must have required property 'action'"],
    [{ action: 'explain', note: 'n' }, 'body/reason_code', "must have required property 'reason_code'"],
    [{ action: 'note', note: 'n', reason: 'r' }, 'body/reason', 'is not known'],
  ])('says what it may be: %j', async (body, path, message) => {
    const { id } = await find('told');
    const answer = await call<{ errors: unknown; detail: string }>('POST', `/${id}/actions`, body);
    expect(answer).toMatchObject({ status: 400, body: { detail: `${path} ${message}`, errors: [{ path, message }] } });
    expect(answer.body.errors).toHaveLength(1);
  });

  it('says of many what it may be', async () => {
    const body = { filter: { account: books.account }, action: { action: 'agree', suggestion: 's', reason: 'r' } };
    expect((await call('POST', '/actions', body)).body).toMatchObject({
      detail: 'body/action/action must be one of assign, note, explain, reopen, post_correction',
    });
  });

  it.each(['019a0c5e-8f00-7000-8000-000000000000', 'nonsense'])('on %s finds nothing', async (id) => {
    expect(await call('POST', `/${id}/actions`, { action: 'note', note: 'n' })).toMatchObject({
      status: 404,
      body: { detail: `there is no discrepancy ${id}` },
    });
  });
});

describe('what is advised', () => {
  it('of an amount or a fee that differs is what can be done', async () => {
    const mine = await world.open();
    await mine.announce(captured('less', 1000n));
    await mine.settle(line('charge', 'less_1', { reference: 'less', gross: 999n }));
    await world.catchUp();
    const { id, suggested, ...found } = await find('less');
    expect([found.class, suggested]).toEqual(['amount_mismatch', { action: 'explain', postings: [] }]);
    const { action } = suggested as { action: string };
    expect((await call('POST', `/${id}/actions`, { action, reason_code: 'one_cent' })).status).toBe(200);
  });
});

describe('POST /discrepancies/actions', () => {
  type Done = { dry_run: boolean; total: number; changed: number; left_out: { id: string; reason: string }[] };
  const bulk = (body: unknown) => call<Done>('POST', '/actions', body);

  it('does the same about all that a filter means, or only tells what would come of it', async () => {
    const filter = { type: 'missing_in_ledger', finished: false };
    const action = { action: 'assign', assignee: 'eve' };
    const told = await bulk({ filter, action, dry_run: true });
    expect(told.body.total).toBeGreaterThan(0);
    expect((await list('?assignee=eve')).items).toEqual([]);
    const done = await bulk({ filter, action });
    expect(done.body).toEqual({ ...told.body, dry_run: false, changed: told.body.total, left_out: [] });
    expect((await list('?assignee=eve')).items).toHaveLength(told.body.total);
    expect((await bulk({ filter: {}, action })).status).toBe(400);
  });

  it('leaves out those whose state it does not fit, and names them', async () => {
    const mine = await world.open();
    for (const id of ['one', 'two']) await mine.settle(line('charge', id, { reference: `bulk_${id}`, gross: 500n }));
    await world.catchUp();
    const over = await find('bulk_one');
    await call('POST', `/${over.id}/actions`, { action: 'explain', reason_code: 'known' });
    const filter = { account: mine.account, type: 'missing_in_ledger' };
    const order = { filter, action: { action: 'explain', reason_code: 'all' } };
    const outcome = { total: 2, changed: 1, left_out: [{ id: over.id, reason: expect.stringContaining('resolved') }] };
    expect((await bulk({ ...order, dry_run: true })).body).toEqual({ dry_run: true, ...outcome });
    expect((await find('bulk_two')).status).toBe('open');
    expect((await bulk(order)).body).toEqual({ dry_run: false, ...outcome });
    expect([(await find('bulk_one')).reason_code, (await find('bulk_two')).reason_code]).toEqual(['known', 'all']);
  });

  it('posts what can be corrected where another contradicts what is posted; a dry run posts nothing', async () => {
    const mine = await world.open();
    for (const id of ['right', 'clash', 'good'])
      await mine.settle(line('charge', `${id}_1`, { reference: `bulk_${id}`, gross: 500n }));
    // Under the key that the correction of one would have, something else is posted.
    await mine.announce({ ...captured('elsewhere', 300n), key: 'bulk_clash:captured:500' } as never);
    await world.catchUp();
    const { id } = await find('bulk_clash');
    const order = {
      filter: { account: mine.account, type: 'missing_in_ledger' },
      action: { action: 'post_correction', reason: 'no list' },
    };
    const outcome = {
      total: 3,
      changed: 2,
      left_out: [{ id, reason: expect.stringContaining('bulk_clash:captured:500') }],
    };
    const posted = async () =>
      (await database.sql.query<{ n: number }>('select count(*)::int4 as n from postern.transactions')).rows[0]?.n ?? 0;
    const before = await posted();
    expect(await bulk({ ...order, dry_run: true })).toMatchObject({ status: 200, body: { dry_run: true, ...outcome } });
    expect(await posted()).toBe(before);
    expect(await bulk(order)).toMatchObject({ status: 200, body: { dry_run: false, ...outcome } });
    await world.catchUp();
    const statuses = await Promise.all(
      ['right', 'clash', 'good'].map(async (name) => (await find(`bulk_${name}`)).status),
    );
    expect(statuses).toEqual(['auto_cleared', 'open', 'auto_cleared']);
    expect(await call('POST', `/${id}/actions`, order.action)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('something else is posted') },
    });
  });

  it('that means too many is refused, tried or done', async () => {
    await database.sql.query(
      `insert into postern.discrepancies (id, fingerprint, class, in_proof, provider, account, reference, currency, delta, occurred_at)
       select gen_random_uuid(), 'many' || n, 'late_settlement', false, 'many', 'many', 'r' || n, 'EUR', 1, now()
       from generate_series(1, 10001) as n`,
    );
    const order = { filter: { account: 'many' }, action: { action: 'note', note: 'n' } };
    expect((await bulk({ ...order, dry_run: true })).status).toBe(413);
    expect((await bulk(order)).status).toBe(413);
  });
});
