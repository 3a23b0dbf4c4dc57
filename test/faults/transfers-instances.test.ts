import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/simulate/random.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { type ServiceCalls, serviceCalls } from '../support/service-calls.ts';

const SEED = process.env.TRANSFERS_SEED ?? String(Date.now());
let database: TestDatabase;
let gateways: readonly ChildGateway[];
let calls: ServiceCalls;

beforeAll(async () => {
  database = await createTestDatabase();
  const env = { POSTERN_ADMIN_TOKEN: ADMIN_TOKEN, ACK_DEADLINE_MS: '20000' };
  const start = () => startChildGateway(database.url, { work: false, env });
  gateways = await Promise.all([start(), start()]);
  calls = serviceCalls(
    gateways.map((gateway) => gateway.url),
    { patient: true },
  );
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await database.drop();
});

async function refuseOverdraft(account: string): Promise<void> {
  for (const { url } of gateways.slice(0, 1)) {
    const response = await fetch(`${url}/api/v1/accounts/${account}`, {
      method: 'PATCH',
      body: '{"overdraft":"refused"}',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: `asset:client:${account}`, overdraft: 'refused' });
  }
}

/** How many of these ended how. */
async function endings(keys: readonly string[]): Promise<Record<string, number>> {
  const tally: Record<string, number> = {};
  for (const { body } of await Promise.all(keys.map((key) => calls.result(key)))) {
    const ending = body.error?.code ?? body.status;
    tally[ending] = (tally[ending] ?? 0) + 1;
  }
  return tally;
}

/** The books as postings tell them, against what is kept of them. */
async function booksAreRight(): Promise<void> {
  const { rows } = await database.sql.query(
    `select (select count(*) from postern.transactions t where not exists (select from postern.requests r
         where r.id = t.source_request and r.transaction_id = t.id and r.status = 'completed')) as without_request,
       (select count(*) from postern.requests r where r.status = 'completed' and not exists
         (select from postern.transactions t where t.id = r.transaction_id)) as without_transaction,
       (select count(*) from postern.requests r where r.status = 'processing') as unfinished,
       (select coalesce(sum(amount), 0) from postern.postings) as off,
       (select count(*) from postern.balances b where (b.debits - b.credits) is distinct from
         (select sum(p.amount) from postern.postings p where p.account_id = b.account_id and p.currency = b.currency)) as wrong,
       (select count(*) from postern.requests o where o.refunded <>
         (select coalesce(sum(r.amount), 0) from postern.requests r where r.refunds = o.transaction_id and r.status = 'completed')) as refunds`,
  );
  expect(rows).toEqual([
    { without_request: 0n, without_transaction: 0n, unfinished: 0n, off: '0', wrong: 0n, refunds: 0n },
  ]);
}

async function deadlocks(): Promise<number> {
  let sum = 0;
  for (const { url } of gateways) {
    const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    for (const [, n] of (await response.text()).matchAll(/^postern_serialization_failures_total\{.*\} (\d+)$/gm))
      sum += Number(n);
  }
  return sum;
}

describe(`two instances (TRANSFERS_SEED=${SEED})`, () => {
  it('complete exactly 10 of 50 refunds of 10.00 on 100.00, sent at once', async () => {
    const id = await calls.made({ from: 'r-payer', to: 'r-shop', amount: '"100.00"', key: 'r-sale' });
    const keys = Array.from({ length: 50 }, (_, n) => `refund-${n}`);
    const answers = await Promise.all(keys.map((key) => calls.refund(id, key, '"10.00"')));
    expect(new Set(answers.map((a) => a.status)).difference(new Set([200, 202]))).toEqual(new Set());
    expect(await endings(keys)).toEqual({ COMPLETED: 10, exceeds_remaining: 40 });
    expect(await calls.balance('r-shop')).toBe('0');
    await booksAreRight();
  });

  it('let exactly what an account can pay go out, and never take it below zero', async () => {
    await calls.made({ to: 'purse', amount: '"100.00"', key: 'fill' });
    await refuseOverdraft('purse');
    const keys = Array.from({ length: 120 }, (_, n) => `spend-${n}`);
    await Promise.all(
      keys.map((key, n) => calls.transfer({ from: 'purse', to: `payee-${n % 7}`, amount: '"3.00"', key })),
    );
    expect(await endings(keys)).toEqual({ COMPLETED: 33, insufficient_funds: 87 });
    expect(await calls.balance('purse')).toBe('100');
    const { rows } = await database.sql.query<{ low: string }>(
      `select min(sum)::text as low from (select sum(p.amount) over (order by t.xact, t.id) from postern.postings p
         join postern.transactions t on t.id = p.transaction_id join postern.accounts a on a.id = p.account_id
         where a.path = 'asset:client:purse') as s`,
    );
    expect(rows).toEqual([{ low: '100' }]);
    await booksAreRight();
  });

  it('post a key sent 50 times to both once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => calls.transfer({ to: 'k-once', amount: '"1.00"', key: 'k-fifty' })),
    );
    expect(answers.filter((a) => a.status === 202).length).toBeLessThanOrEqual(1);
    expect(new Set(answers.map((a) => a.status)).difference(new Set([200, 202]))).toEqual(new Set());
    expect(
      new Set((await Promise.all(answers.map(() => calls.result('k-fifty')))).map((a) => a.body.messageId)).size,
    ).toBe(1);
    expect(await calls.balance('k-once')).toBe('100');
  });

  it('move money among few accounts in all directions without a deadlock, a loss, or one below zero', async () => {
    const random = createRandom(SEED);
    const names = Array.from({ length: 6 }, (_, n) => `ring-${n}`);
    for (const name of names) {
      await calls.made({ to: name, amount: '"50.00"', key: `fill ${name}` });
      await refuseOverdraft(name);
    }
    const sales: string[] = [];
    for (let n = 0; n < 5; n += 1)
      sales.push(
        await calls.made({ from: names[n] ?? '', to: names[n + 1] ?? '', amount: '"20.00"', key: `sale ${n}` }),
      );
    const orders = Array.from({ length: 400 }, (_, n) => ({
      key: `move-${n % 350}`,
      from: names[random.between(0, names.length - 1)] ?? '',
      to: names[random.between(0, names.length - 1)] ?? '',
      amount: `"${random.between(1, 30)}.00"`,
      refund: random.between(0, 3) === 0 ? sales[random.between(0, sales.length - 1)] : undefined,
    }));
    const answers = await Promise.all(
      orders.map(({ refund, ...order }) =>
        refund === undefined ? calls.transfer(order) : calls.refund(refund, order.key, order.amount),
      ),
    );
    expect(new Set(answers.map((a) => a.status)).difference(new Set([200, 202, 400, 409]))).toEqual(new Set());
    const balances = await Promise.all(names.map(async (name) => Number(await calls.balance(name))));
    expect(Math.min(...balances)).toBeGreaterThanOrEqual(0);
    expect(balances.reduce((a, b) => a + b, 0)).toBe(30_000);
    await booksAreRight();
    expect(await deadlocks()).toBe(0);
  });
});
