import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { sendRaw } from '../support/raw-request.ts';
import { type RobustnessCase, robustnessCases } from '../support/robustness-cases.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const cases = robustnessCases((provider) => providers.has(provider));
const NOW_S = 1_767_225_600;

let database: TestDatabase;
let gateway: TestGateway;
let endpoints = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql.query(`select postern.ensure_delivery_partitions(1, '2026-01-01')`);
  gateway = await startTestGateway(database, { now: () => NOW_S * 1000 });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Stored = { event_id: string; status: string; reason: string | null };
type Books = { path: string; currency: string; amount: bigint }[];

/** Sends the requests of a case to an endpoint of its own; the answers, and what is stored once it has settled. */
async function run(one: RobustnessCase): Promise<{ answers: number[]; stored: Stored[]; books: Books }> {
  endpoints += 1;
  const name = `case-${endpoints}`;
  if (one.secrets.includes('')) {
    await expect(gateway.addEndpoint(one.provider, name, one.secrets, one.settings)).rejects.toMatchObject({
      code: 'invalid_request',
    });
    return { answers: one.requests.map(() => 404), stored: [], books: [] };
  }
  await gateway.addEndpoint(one.provider, name, one.secrets, { ...one.settings, account: name });
  const send = (n: number): Promise<number> => {
    const request = one.requests[n];
    if (request === undefined) throw new Error('no such request');
    return sendRaw(gateway.url, { ...request, path: `/webhooks/${one.provider}/${name}` });
  };
  const answers: number[] = [];
  if (one.concurrent) answers.push(...(await Promise.all(one.requests.map((_, n) => send(n)))));
  else for (const n of one.requests.keys()) answers.push(await send(n));

  const stored = await eventually(async () => {
    const { rows } = await database.sql.query<Stored>(
      `select e.event_id, e.status, e.reason from postern.events e join postern.endpoints n on n.id = e.endpoint_id
       where n.name = $1 order by e.id`,
      [name],
    );
    expect(rows.filter((row) => row.status === 'queued')).toEqual([]);
    return rows;
  });
  const { rows: books } = await database.sql.query<Books[number]>(
    `select a.path, p.currency, sum(p.amount)::int8 as amount from postern.postings p
     join postern.accounts a on a.id = p.account_id
     where p.transaction_id in (
       select t.id from postern.transactions t join postern.events e on e.id = t.source_event
         join postern.endpoints n on n.id = e.endpoint_id where n.name = $1
       union
       -- Adyen's items name their own account, so another case may have posted the same effect.
       select x.transaction_id from postern.transaction_evidence x join postern.events e on e.id = x.event_id
         join postern.endpoints n on n.id = e.endpoint_id where n.name = $1
     ) group by 1, 2 having sum(p.amount) <> 0 order by 1, 2`,
    [name],
  );
  return { answers, stored, books };
}

const named = (name: string): RobustnessCase => {
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
};

describe.skipIf(cases.length === 0)('hostile and odd requests over real sockets', () => {
  // The processors of the other cases have no adapter yet.
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_, one) => {
    const { answers, stored } = await run(one);
    for (const [n, status] of answers.entries()) {
      const allowed = one.anyOf ? one.http : [one.http[n] ?? one.http[0] ?? [200, 299]];
      expect(
        allowed.some(([low, high]) => status >= low && status <= high),
        `request ${n} was answered ${status}`,
      ).toBe(true);
    }
    expect(one.stored).toContain(stored.length);
  });

  // The case wants 9007199254740993 or quarantine. Its charge says amount 9007199254740993 of which amount_captured is
  // 12345, and ledger.md posts what was captured: the specification holds. The next test sends such an amount captured.
  it('posts what was captured of an amount beyond 2^53', async () => {
    const { books } = await run(named('integer-above-2^53'));
    expect(books).toContainEqual({ path: 'income:revenue', currency: 'EUR', amount: -12_345n });
  });

  it('posts an amount beyond 2^53 exactly', async () => {
    const one = named('integer-above-2^53');
    const body = Buffer.from(
      chargeSucceeded('beyond')
        .replaceAll(':1000,', ':9007199254740993,')
        .replace('"livemode":false', '"livemode":true'),
    );
    const headers = sign({ body, url: '' }, one.secrets[0] ?? '', NOW_S * 1000);
    const { books } = await run({ ...one, requests: [{ method: 'POST', headers, body }] });
    expect(books).toContainEqual({ path: 'income:revenue', currency: 'EUR', amount: -9_007_199_254_740_993n });
  });

  it('posts 12345 yen as 12345', async () => {
    expect((await run(named('zero-decimal-jpy'))).books).toContainEqual({
      path: 'income:revenue',
      currency: 'JPY',
      amount: -12_345n,
    });
  });

  it('posts once what two event ids announce', async () => {
    const { books, stored } = await run(named('other-id-same-business-event'));
    expect(stored.map((row) => row.status)).toEqual(['posted', 'posted']);
    expect(books.find((line) => line.path === 'income:revenue')?.amount).toBe(-12_345n);
  });

  it('posts nothing of a test event on a live endpoint', async () => {
    const { books, stored } = await run(named('test-event-on-live-endpoint'));
    expect(books).toEqual([]);
    expect(stored).toMatchObject([{ status: 'no_effect', reason: 'test_mode' }]);
  });

  it('nets a refund that failed to nothing', async () => {
    const { books } = await run(named('adyen-refund-failed'));
    expect(books.filter((line) => /refund/.test(line.path))).toEqual([]);
  });

  it('is authorised in the end where the success flips under one reference', async () => {
    const { books, stored } = await run(named('adyen-success-flips-under-one-reference'));
    expect(stored.map((row) => row.status).sort()).toEqual(['no_effect', 'posted']);
    expect(books).toContainEqual({ path: 'income:revenue', currency: 'EUR', amount: -1_000n });
  });

  it('pollutes no prototype', async () => {
    await run(named('proto-key'));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
