import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, findAccount } from '../../src/ledger/queries-store.ts';
import { createAccountReconciler } from '../../src/ledger/reconcile-account.ts';
import { createMetrics } from '../../src/metrics.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type ServiceCalls, serviceCalls } from '../support/service-calls.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_account_checks';
const PENDING = 'asset:processor_pending:stripe:acct_1';
let database: TestDatabase;
let gateway: TestGateway;
let calls: ServiceCalls;

beforeAll(async () => {
  database = await createTestDatabase();
  // A deadline that a busy machine keeps.
  gateway = await startTestGateway(database, { env: { ACK_DEADLINE_MS: '20000' } });
  calls = serviceCalls([gateway.url]);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
  for (const n of [1, 2, 3]) {
    const body = chargeSucceeded(n);
    const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
    expect((await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers })).status).toBe(200);
  }
  await eventually(async () => {
    const { rows } = await database.sql.query(`select 1 from postern.events where status <> 'posted'`);
    expect(rows).toEqual([]);
  });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Json = Record<string, unknown>;
async function json(path: string, init?: RequestInit): Promise<{ status: number; body: Json; headers: Headers }> {
  const response = await gateway.api(`/api/v1${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json };
}
const patch = (account: string, body: unknown) =>
  json(`/accounts/${encodeURIComponent(account)}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });

describe('the audit trail', () => {
  it('leads from a posting to the event, its delivery, the endpoint and the secret that proved it', async () => {
    const { body } = await json(`/accounts/${PENDING}/audit-trail?limit=1`);
    const [trail] = body.items as Json[];
    const { rows } = await database.sql.query<{ secret: string; delivery: string; event: string }>(
      `select (select id::text from postern.endpoint_secrets) as secret, e.delivery_id::text as delivery, e.event_id as event
       from postern.events e join postern.transactions t on t.source_event = e.id order by t.id desc limit 1`,
    );
    expect(trail).toMatchObject({
      posting: { account: PENDING },
      request: null,
      event: {
        event_id: rows[0]?.event,
        provider: 'stripe',
        endpoint: 'main',
        delivery: rows[0]?.delivery,
        verified: { level: 'body', secret_id: rows[0]?.secret },
      },
    });
    const { event } = trail as { event: { delivery: string; body_sha256: string } };
    expect((await json(`/deliveries/${event.delivery}`)).body).toMatchObject({ body_sha256: event.body_sha256 });
  });

  it('says so where the delivery went with its day', async () => {
    await database.sql.query('create table public.away as table postern.deliveries');
    await database.sql.query('delete from postern.deliveries');
    const { body } = await json(`/accounts/${PENDING}/audit-trail?limit=1`);
    expect(body.items).toMatchObject([{ event: { verified: null, provider: 'stripe' } }]);
    await database.sql.query('insert into postern.deliveries table public.away');
  });

  it('leads to the request and its token where a service asked', async () => {
    const id = await calls.made({ to: 'trail', key: 'trail-key' });
    await calls.refund(id, 'trail-refund', '"0.40"');
    const { body } = await json('/accounts/trail/audit-trail');
    expect(body.items).toMatchObject([
      {
        event: null,
        request: {
          idempotency_key: 'trail-refund',
          kind: 'refund',
          refunds: id,
          actor: expect.stringMatching(/^token:/),
        },
      },
      { event: null, request: { idempotency_key: 'trail-key', kind: 'transfer', refunds: null } },
    ]);
  });

  it('pages without a gap or a repetition, and knows no other cursor', async () => {
    const whole = (await json(`/accounts/${PENDING}/audit-trail`)).body.items as Json[];
    expect(whole.length).toBeGreaterThan(2);
    const paged: Json[] = [];
    let query = '?limit=1';
    for (let page = 0; page <= whole.length && query !== ''; page += 1) {
      const { body } = await json(`/accounts/${PENDING}/audit-trail${query}`);
      paged.push(...(body.items as Json[]));
      query = body.next_cursor === null ? '' : `?limit=1&cursor=${body.next_cursor}`;
    }
    expect(paged).toEqual(whole);
    expect((await json(`/accounts/${PENDING}/audit-trail?cursor=xx`)).status).toBe(400);
    expect((await json('/accounts/nobody/audit-trail')).status).toBe(404);
    expect((await json('/accounts/a%00b/audit-trail')).status).toBe(404);
  });
});

describe('an overdraft policy', () => {
  it('is set by admins, shown, and audited', async () => {
    await calls.made({ to: 'policy', key: 'policy' });
    expect((await json('/accounts?prefix=asset:client:policy')).body.items).toMatchObject([{ overdraft: 'allowed' }]);
    expect((await patch('policy', { overdraft: 'refused' })).body).toMatchObject({
      id: 'asset:client:policy',
      overdraft: 'refused',
    });
    const audit = (await json('/audit-log?limit=1')).body.items as Json[];
    expect(audit[0]).toMatchObject({
      action: 'account.overdraft',
      subject: 'account:asset:client:policy',
      details: { before: 'allowed', after: 'refused' },
    });
    await calls.transfer({ from: 'policy', to: 'x', amount: '"1.01"', key: 'over' });
    expect((await calls.result('over')).body.error).toMatchObject({
      code: 'insufficient_funds',
      message: expect.stringContaining('1.00 EUR'),
    });
    expect((await patch('policy', { overdraft: 'allowed' })).status).toBe(200);
    await calls.transfer({ from: 'policy', to: 'x', amount: '"1.01"', key: 'over again' });
    expect((await calls.result('over again')).body.status).toBe('COMPLETED');
  });

  it('holds refunds too: who spent what is to be given back cannot give it back', async () => {
    const id = await calls.made({ from: 'buyer', to: 'seller', amount: '"9.00"', key: 'sold' });
    await patch('seller', { overdraft: 'refused' });
    await calls.made({ from: 'seller', to: 'x', amount: '"5.00"', key: 'spent' });
    await calls.refund(id, 'give-back');
    expect((await calls.result('give-back')).body.error?.code).toBe('insufficient_funds');
    await calls.refund(id, 'give-some', '"4.00"');
    expect((await calls.result('give-some')).body.status).toBe('COMPLETED');
    expect(await calls.balance('seller')).toBe('0');
  });

  it('is refused for what is not there, for the books of processors, and for nonsense', async () => {
    expect((await patch('nobody', { overdraft: 'refused' })).status).toBe(404);
    expect((await patch(PENDING, { overdraft: 'refused' })).status).toBe(409);
    for (const body of [{}, { overdraft: 'never' }, { overdraft: 'refused', closed: true }, []])
      expect((await patch('policy', body)).status).toBe(400);
  });
});

describe('a reconciliation', () => {
  async function reconcile(account: string): Promise<Json> {
    const path = `/accounts/${encodeURIComponent(account)}`;
    const asked = await json(`${path}/reconcile`, { method: 'POST' });
    expect(asked.status).toBe(202);
    const poll = asked.headers.get('location') ?? '';
    expect(asked.body.poll_url).toBe(poll);
    return eventually(async () => {
      const run = (await (await gateway.api(poll)).json()) as Json;
      expect(run.status).not.toBe('running');
      return run;
    });
  }
  const difference = (account: string, query = '') =>
    json(`/accounts/${encodeURIComponent(account)}/reconciliation-difference${query}`);

  it('finds nothing where the books are right', async () => {
    const run = await reconcile(PENDING);
    expect(run).toMatchObject({ status: 'done', differences: 0, error: null, account: PENDING });
    expect(run.postings).toBeGreaterThan(2);
    expect(run.open_items).toBeGreaterThan(2);
    const { body } = await difference(PENDING);
    expect(body).toMatchObject({ account: PENDING, reconciliation: { id: run.id }, next_cursor: null });
    expect((body.items as Json[]).every((item) => item.difference === '0' && item.reference === null)).toBe(true);
    const audit = (await json('/audit-log?limit=1')).body.items as Json[];
    expect(audit[0]).toMatchObject({ action: 'account.reconcile', subject: `account:${PENDING}` });
  });

  it('finds a balance that is off, items that are off, missing or too many, and nothing of other accounts', async () => {
    const { rows } = await database.sql.query<{ reference: string }>(
      `select reference from postern.open_items where account_id = (select id from postern.accounts where path = $1) order by 1`,
      [PENDING],
    );
    const [off, missing] = rows.map((row) => row.reference);
    const account = '(select id from postern.accounts where path = $1)';
    await database.sql.query(`update postern.balances set debits = debits + 7 where account_id = ${account}`, [
      PENDING,
    ]);
    await database.sql.query(
      `update postern.open_items set amount = amount - 5 where account_id = ${account} and reference = $2`,
      [PENDING, off],
    );
    await database.sql.query(`delete from postern.open_items where account_id = ${account} and reference = $2`, [
      PENDING,
      missing,
    ]);
    await database.sql.query(
      `insert into postern.open_items (account_id, reference, component, currency, amount) values (${account}, 'made_up', 'gross', 'EUR', 3)`,
      [PENDING],
    );
    const run = await reconcile(PENDING);
    expect(run.differences).toBe(4);
    const { body } = await difference(PENDING);
    const items = body.items as { reference: string | null; kept: string; recomputed: string; difference: string }[];
    const by = new Map(items.map((item) => [item.reference, item]));
    expect(by.get(null)?.difference).toBe('7');
    expect(by.get(off ?? '')?.difference).toBe('-5');
    expect(by.get(missing ?? '')).toMatchObject({ kept: '0', difference: expect.stringMatching(/^-\d+$/) });
    expect(by.get('made_up')).toMatchObject({ kept: '3', recomputed: '0', difference: '3' });
    expect(items).toHaveLength(4);

    const pages: unknown[] = [];
    let query = '?limit=1';
    while (query !== '' && pages.length < 10) {
      const page = (await difference(PENDING, query)).body;
      pages.push(...(page.items as Json[]));
      query = page.next_cursor === null ? '' : `?limit=1&cursor=${page.next_cursor}`;
    }
    expect(pages).toEqual(items);
    const metrics = await (await gateway.api('/metrics')).text();
    expect(metrics).toContain('postern_account_reconciliations_total{outcome="different"} 1');
  });

  it('has a history, newest first, and an answer for what is not there', async () => {
    await calls.made({ to: 'history', key: 'history' });
    expect((await json('/accounts/history/reconciliation-history')).body).toEqual({ items: [], next_cursor: null });
    expect((await difference('history')).status).toBe(404);
    const first = await reconcile('history');
    const second = await reconcile('history');
    const { body } = await json('/accounts/history/reconciliation-history');
    expect((body.items as Json[]).map((item) => item.id)).toEqual([second.id, first.id]);
    const page = (await json('/accounts/history/reconciliation-history?limit=1')).body;
    expect(
      (await json(`/accounts/history/reconciliation-history?limit=1&cursor=${page.next_cursor}`)).body.items,
    ).toMatchObject([{ id: first.id }]);
    expect((await difference('history', `?reconciliation=${first.id}`)).body).toMatchObject({
      reconciliation: { id: first.id },
    });
    expect((await difference(PENDING, `?reconciliation=${first.id}`)).status).toBe(404);
    expect((await json('/accounts/history/reconciliation-history/nonsense')).status).toBe(404);
    expect((await json('/accounts/nobody/reconcile', { method: 'POST' })).status).toBe(404);
  });

  it('runs once at a time: who asks meanwhile is told of the one under way, and one that died makes room', async () => {
    const account = await accountNamed('history');
    const held = await database.appPool.connect();
    await held.query('begin');
    await held.query('select pg_advisory_xact_lock(73062, $1)', [account.id]);
    await database.sql.query(
      `insert into postern.account_reconciliations (id, account_id, actor, started_at)
       values ('0190f000-0000-7000-8000-000000000001', $1, 'token:x', now() - interval '5 minutes')`,
      [account.id],
    );
    const asked = await json('/accounts/history/reconcile', { method: 'POST' });
    expect(asked.body).toMatchObject({ id: '0190f000-0000-7000-8000-000000000001', status: 'running' });
    await held.query('rollback');
    held.release();
    const url = asked.headers.get('location') ?? '';
    expect(await (await gateway.api(url)).json()).toMatchObject({ status: 'failed', error: 'its process ended' });
    expect(await reconcile('history')).toMatchObject({ status: 'done', differences: 0 });
    expect(await (await gateway.api(url)).json()).toMatchObject({ status: 'failed', ended_at: expect.any(String) });
  });

  it('takes no more than two at once here, and nothing once it is closed', async () => {
    const names = ['many-1', 'many-2', 'many-3'];
    await Promise.all(names.map((to) => calls.made({ to, key: to })));
    const accounts = await Promise.all(names.map((name) => accountNamed(name)));
    const reconciler = createAccountReconciler({ pool: database.appPool, ...parts() });
    const asked = await Promise.allSettled(accounts.map((account) => reconciler.ask(account, 'token:x')));
    expect(asked.map((a) => a.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(asked[2]).toMatchObject({ reason: { code: 'overloaded' } });
    await reconciler.close();
    await expect(reconciler.ask(await accountNamed('many-3'), 'token:x')).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('keeps the differences of the last twenty runs, and says so of older ones', async () => {
    const first = (await difference(PENDING)).body.reconciliation as { id: string };
    expect((await difference(PENDING, `?reconciliation=${first.id}`)).status).toBe(200);
    for (let n = 0; n < 21; n += 1) await reconcile(PENDING);
    expect((await difference(PENDING, `?reconciliation=${first.id}`)).status).toBe(410);
    expect((await difference(PENDING)).body.items).toHaveLength(4);
    expect((await json(`/accounts/${PENDING}/reconciliation-history/${first.id}`)).body).toMatchObject({
      differences: 4,
    });
  });

  it.each([1, 2, 3, 5])('comes to the same in slices of %i', async (slice) => {
    const whole = (await difference(PENDING)).body.items;
    const reconciler = createAccountReconciler({ pool: database.appPool, ...parts(), slice });
    const id = await reconciler.ask(await accountNamed(PENDING), 'token:x');
    await eventually(async () =>
      expect((await json(`/accounts/${PENDING}/reconciliation-history/${id}`)).body.status).toBe('done'),
    );
    expect((await difference(PENDING, `?reconciliation=${id}`)).body.items).toEqual(whole);
    await reconciler.close();
  });
});

const parts = () => ({
  clock: { now: () => Date.now() },
  log: database.log,
  metrics: createMetrics({ process: false }),
});

async function accountNamed(name: string): Promise<Account> {
  const account = await findAccount(database.app, name.includes(':') ? name : `asset:client:${name}`);
  if (account === null) throw new Error(`there is no account ${name}`);
  return account;
}
