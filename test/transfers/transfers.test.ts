import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { chart } from '../../src/ledger/chart.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { withDatabase } from '../../src/postgres/address.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { Wish } from '../../src/transfers/asked.ts';
import { createTransfers, type Transfers } from '../../src/transfers/transfers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';

let database: TestDatabase;
let pools: Pools;
let metrics: Metrics;
let transfers: Transfers;

beforeEach(async () => {
  database = await createTestDatabase();
  pools = database.pools();
  metrics = createMetrics({ process: false });
  transfers = withLimits({});
});
afterEach(async () => {
  await transfers.close();
  await database.drop();
});

function withLimits(limits: { deadlineMs?: number; inFlightMax?: number }): Transfers {
  const clock = { now: () => Date.now() };
  return createTransfers({ pool: pools.requests, clock, log: database.log, metrics, deadlineMs: 30_000, ...limits });
}

const wish = (to: string, amount = 100n, from = 'source'): Wish => ({
  kind: 'transfer',
  source: chart.client(from),
  destination: chart.client(to),
  currency: 'EUR',
  amount,
});
const submit = (key: string, one: Wish) => transfers.submit({ idempotencyKey: key, actor: 'token:test', wish: one });
const statuses = async () =>
  new Map(
    (
      await database.sql.query<{ key: string; status: string; code: string | null }>(
        'select idempotency_key as key, status, error_code as code from postern.requests order by 1',
      )
    ).rows.map((row) => [row.key, row.code ?? row.status]),
  );

/** Makes Postgres refuse what a test marks by its amount, with this SQLSTATE. */
async function refuse(table: string, condition: string, sqlstate: string): Promise<void> {
  await database.sql.query(
    `create function public.refuse_marked() returns trigger language plpgsql as $$
     begin raise exception 'marked' using errcode = '${sqlstate}'; end $$`,
  );
  await database.sql.query(
    `create trigger refuse_marked before insert on postern.${table} for each row when (${condition}) execute function public.refuse_marked()`,
  );
}

describe('a group', () => {
  it('is not spoiled by the one that the ledger refuses: it alone ends FAILED, and nothing of it is posted', async () => {
    await refuse('postings', 'new.amount = 666', '22000');
    const wishes = Array.from({ length: 40 }, (_, n) => wish(`to-${n}`, n === 17 ? 666n : 100n));
    const answers = await Promise.all(wishes.map((one, n) => submit(`key-${n}`, one)));
    expect(answers.every((answer) => !answer.repeated)).toBe(true);
    const ended = await statuses();
    expect(ended.get('key-17')).toBe('refused');
    expect([...ended.values()].filter((status) => status === 'completed')).toHaveLength(39);
    const { rows } = await database.sql.query(
      `select (select count(*) from postern.transactions) as transactions, (select count(*) from postern.postings) as lines,
         (select count(*) from postern.audit_log) as audited`,
    );
    expect(rows).toEqual([{ transactions: 39n, lines: 78n, audited: 39n }]);
    expect((await metrics.requestsHalved.get()).values[0]?.value).toBeGreaterThan(0);
  });

  it('is not spoiled by the one that cannot even be written down: it alone is answered as our fault', async () => {
    await refuse('requests', `new.idempotency_key = 'bad'`, '22000');
    const answers = await Promise.allSettled(['a', 'bad', 'b', 'c'].map((key) => submit(key, wish('x'))));
    expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(answers[1]).toMatchObject({ reason: { code: 'internal' } });
    expect([...(await statuses()).keys()]).toEqual(['a', 'b', 'c']);
  });

  it('is tried again after a deadlock, and that is counted', async () => {
    await database.sql.query('create sequence public.tries');
    await database.sql.query('grant usage on sequence public.tries to public');
    await database.sql.query(
      `create function public.deadlock_once() returns trigger language plpgsql as $$
       begin if nextval('public.tries') = 1 then raise exception 'once' using errcode = '40P01'; end if; return null; end $$`,
    );
    await database.sql.query(
      'create trigger deadlock_once after insert on postern.requests for each statement execute function public.deadlock_once()',
    );
    await submit('after-deadlock', wish('x'));
    expect(await statuses()).toEqual(new Map([['after-deadlock', 'completed']]));
    expect((await metrics.serializationFailures.get()).values).toMatchObject([
      { value: 1, labels: { sqlstate: '40P01' } },
    ]);
  });

  it('reads the policies again when one changes while it posts, and fails the one that cannot pay alone', async () => {
    await submit('fill', wish('purse', 150n));
    // Whoever posts waits for this row, having read the policy; when it goes on, what it read is old.
    const holder = new pg.Client({ connectionString: withDatabase(inject('postgres').superuserUrl, database.name) });
    await holder.connect();
    await holder.query('begin');
    await holder.query('select 1 from postern.balances for update');
    const spent = Promise.all(['s1', 's2', 's3'].map((key) => submit(key, wish('shop', 60n, 'purse'))));
    await eventually(async () => {
      const { rows } = await database.sql.query(
        `select 1 from pg_stat_activity where datname = current_database() and application_name = 'postern requests'
           and wait_event_type = 'Lock'`,
      );
      expect(rows).not.toEqual([]);
    });
    await database.app.query(`select postern.set_overdraft('asset:client:purse', 'refused')`);
    await holder.query('commit');
    await holder.end();
    await spent;
    const ended = [...(await statuses()).values()].sort();
    expect(ended).toEqual(['completed', 'completed', 'completed', 'insufficient_funds']);
    const { rows } = await database.sql.query(
      `select (debits - credits)::text as balance from postern.balances b join postern.accounts a on a.id = b.account_id
       where a.path = 'asset:client:purse'`,
    );
    expect(rows).toEqual([{ balance: '30' }]);
  });
});

describe('what is taken back by a person and refunded by a service', () => {
  const back = (id: string) =>
    withTransaction(database.appPool, (tx) =>
      reverseTransaction(tx, { id, actor: 'cli:ada', reason: 'a mistake' }, { clock: { now: () => Date.now() } }),
    );
  const idOf = async (key: string): Promise<string> => {
    const { rows } = await database.sql.query<{ id: string }>(
      'select transaction_id as id from postern.requests where idempotency_key = $1',
      [key],
    );
    return rows[0]?.id ?? '';
  };
  const refund = (key: string, of: string, amount: string | null) =>
    transfers.submit({ idempotencyKey: key, actor: 'token:test', wish: { kind: 'refund', of, amount } });
  const balance = async (): Promise<unknown> =>
    (
      await database.sql.query(
        `select (debits - credits)::text as balance from postern.balances b join postern.accounts a on a.id = b.account_id
         where a.path = 'asset:client:shop'`,
      )
    ).rows[0]?.balance;

  it('is given back once: nothing of what was reversed is left to refund', async () => {
    await submit('sale', wish('shop'));
    const id = await idOf('sale');
    expect(await back(id)).toMatchObject({ kind: 'reversed' });
    await refund('part', id, '0.40');
    await refund('rest', id, null);
    const ended = await statuses();
    expect([ended.get('part'), ended.get('rest')]).toEqual(['exceeds_remaining', 'exceeds_remaining']);
    expect(await balance()).toBe('0');
  });

  it('is not reversed whole after a part was refunded, unless that refund was reversed', async () => {
    await submit('sale', wish('shop'));
    const id = await idOf('sale');
    await refund('part', id, '0.40');
    expect(await back(id)).toMatchObject({ kind: 'refused', code: 'conflict' });
    expect(await balance()).toBe('60');
    expect(await back(await idOf('part'))).toMatchObject({ kind: 'reversed' });
    expect(await back(id)).toMatchObject({ kind: 'reversed' });
    expect(await balance()).toBe('0');
  });

  it('is given back once where both come at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => submit(`sale-${n}`, wish('shop'))));
    const ids = await Promise.all(Array.from({ length: 20 }, (_, n) => idOf(`sale-${n}`)));
    await Promise.all(ids.flatMap((id, n) => [back(id), refund(`all-${n}`, id, null)]));
    expect(await balance()).toBe('0');
  });
});

describe('limits', () => {
  it('refuse at once past the requests in hand, and take more afterwards', async () => {
    transfers = withLimits({ inFlightMax: 5 });
    const answers = await Promise.allSettled(Array.from({ length: 9 }, (_, n) => submit(`l-${n}`, wish('x'))));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused).toHaveLength(4);
    expect(refused[0]).toMatchObject({ reason: { code: 'overloaded', http: 503 } });
    await expect(submit('l-after', wish('x'))).resolves.toMatchObject({ repeated: false });
  });

  it('end at the deadline where a lock is held: nothing is known then, and the key again tells', async () => {
    await submit('before', wish('x'));
    const patient = transfers;
    transfers = withLimits({ deadlineMs: 300 });
    const holder = await database.appPool.connect();
    await holder.query('begin');
    await holder.query(`insert into postern.requests (id, idempotency_key, content, kind, source, destination, currency, amount,
      status, actor) values (gen_random_uuid(), 'held', '', 'transfer', 'a', 'b', 'EUR', 1, 'processing', 'x')`);
    const pending = submit('held', wish('x'));
    expect(transfers.inHand('held')).toBe(true);
    await expect(pending).rejects.toMatchObject({ code: 'commit_unknown', http: 503 });
    expect(transfers.inHand('held')).toBe(false);
    await holder.query('rollback');
    holder.release();
    await transfers.close();
    transfers = patient;
    await submit('held', wish('x'));
    expect((await statuses()).get('held')).toBe('completed');
    const { rows } = await database.sql.query(`select count(*) as n from postern.transactions`);
    expect(rows).toEqual([{ n: 2n }]);
  });

  it('takes nothing once it is closed', async () => {
    await transfers.close();
    await expect(submit('late', wish('x'))).rejects.toMatchObject({ code: 'overloaded' });
  });
});
