import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenService } from '../../src/access/token-service.ts';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { type ServiceCalls, serviceCalls } from '../support/service-calls.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let gateway: TestGateway;
let calls: ServiceCalls;

beforeAll(async () => {
  database = await createTestDatabase();
  // A deadline that a busy machine keeps.
  gateway = await startTestGateway(database, { env: { ACK_DEADLINE_MS: '20000' } });
  calls = serviceCalls([gateway.url]);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const count = async (table: string): Promise<bigint> => {
  const { rows } = await database.sql.query<{ n: bigint }>(`select count(*) as n from postern.${table}`);
  return rows[0]?.n ?? -1n;
};

describe('a transfer', () => {
  it('is answered 202 with a poll URL where its result is', async () => {
    const accepted = await calls.transfer({ to: 'anna', amount: '"100.00"', key: 'first/1 ü' });
    expect(accepted.status).toBe(202);
    expect(accepted.body).toEqual({
      status: 'ACCEPTED',
      idempotencyKey: 'first/1 ü',
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      pollUrl: '/api/v1/transactions/status/first%2F1%20%C3%BC',
    });
    expect(accepted.headers.get('location')).toBe(accepted.body.pollUrl);
    const polled = await gateway.api(accepted.body.pollUrl);
    expect(await polled.json()).toMatchObject({
      status: 'COMPLETED',
      messageId: accepted.body.messageId,
      error: null,
      transaction: {
        kind: 'service.transferred',
        effect_key: `service:requests:${accepted.body.messageId}:transferred`,
        source: { event: null, request: accepted.body.messageId },
        postings: [
          { account: 'asset:client:anna', direction: 'debit', amount: '10000', currency: 'EUR' },
          { account: 'equity:opening_balances', direction: 'credit', amount: '10000', currency: 'EUR' },
        ],
      },
    });
  });

  it('answers the account by its bare id and by its path', async () => {
    await calls.made({ to: 'a:b%3Ac', amount: '"2.00"', key: 'paths' });
    expect(await calls.balance('a:b%3Ac')).toBe('200');
    expect(await calls.balance('asset:client:a%3Ab%253Ac')).toBe('200');
    expect(await calls.balance('equity:opening_balances')).toMatch(/^-/);
  });

  it('names one account by both, so that the same request is a repetition', async () => {
    expect((await calls.transfer({ to: 'bob', key: 'both' })).status).toBe(202);
    expect((await calls.transfer({ to: 'asset:client:bob', amount: '1', key: 'both' })).status).toBe(200);
    expect((await calls.transfer({ from: 'bob', to: 'asset:client:bob', key: 'itself' })).status).toBe(400);
  });

  it('is found by its id', async () => {
    const id = await calls.made({ key: 'by-id' });
    expect((await calls.get(`/transactions/${id}`)).body).toMatchObject({
      id,
      cause: expect.stringContaining('"actor"'),
    });
    expect((await calls.get('/transactions/0190f000-0000-7000-8000-000000000000')).status).toBe(404);
    expect((await calls.get('/transactions/nonsense')).status).toBe(404);
    expect((await calls.result('never sent')).status).toBe(404);
  });

  it('is in the audit log with its actor', async () => {
    const id = await calls.made({ key: 'audited' });
    const log = await gateway.api('/api/v1/audit-log?limit=1');
    expect(((await log.json()) as { items: unknown[] }).items[0]).toMatchObject({
      action: 'transaction.transfer',
      subject: `transaction:${id}`,
      actor: expect.stringMatching(/^token:/),
    });
  });
});

describe('a request in hand', () => {
  it('is PROCESSING for who polls its key, and known to nobody once it came to nothing', async () => {
    const holder = await database.appPool.connect();
    await holder.query('begin');
    await holder.query(`insert into postern.requests (id, idempotency_key, content, kind, source, destination, currency, amount,
      status, actor) values (gen_random_uuid(), 'slow', '', 'transfer', 'a', 'b', 'EUR', 1, 'processing', 'x')`);
    const pending = calls.transfer({ key: 'slow' });
    await eventually(async () =>
      expect((await calls.result('slow')).body).toMatchObject({
        status: 'PROCESSING',
        messageId: null,
        transaction: null,
      }),
    );
    await holder.query('rollback');
    holder.release();
    expect((await pending).status).toBe(202);
    expect((await calls.result('slow')).body.status).toBe('COMPLETED');
  });
});

describe('a key', () => {
  it('with the same content again is answered 200 with the result so far, and posts nothing', async () => {
    const first = await calls.transfer({ to: 'rita', amount: '"7.50"', key: 'again' });
    const before = await count('transactions');
    for (const amount of ['"7.50"', '7.50', '"7.5"', '7.5']) {
      const repeated = await calls.transfer({ to: 'rita', amount, key: 'again' });
      expect([repeated.status, repeated.body.status]).toEqual([200, 'COMPLETED']);
      expect(repeated.body.messageId).toBe(first.body.messageId);
    }
    expect(await count('transactions')).toBe(before);
    expect(await calls.balance('rita')).toBe('750');
  });

  it.each([
    ['amount', { amount: '"1.01"' }],
    ['currency', { currency: 'USD' }],
    ['source', { from: 'someone else' }],
    ['destination', { to: 'someone else' }],
  ])('with another %s is refused with 409', async (what, other) => {
    const key = `conflict-${what}`;
    expect((await calls.transfer({ key })).status).toBe(202);
    const before = await count('transactions');
    const refused = await calls.transfer({ key, ...other });
    expect(refused.status).toBe(409);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body.detail).toContain(key);
    expect(await count('transactions')).toBe(before);
  });

  it('of a transfer is refused for a refund', async () => {
    const id = await calls.made({ key: 'shared' });
    expect((await calls.refund(id, 'shared')).status).toBe(409);
  });

  it('may come as a header, or as both if they are the same', async () => {
    expect((await calls.transfer({}, { 'idempotency-key': 'in-header' })).status).toBe(202);
    expect((await calls.transfer({ key: 'in-header' })).status).toBe(200);
    expect((await calls.transfer({ key: 'in-header' }, { 'idempotency-key': 'in-header' })).status).toBe(200);
    const different = await calls.transfer({ key: 'in-body' }, { 'idempotency-key': 'in-header' });
    expect([different.status, different.body.errors?.[0]?.path]).toEqual([400, 'headers/idempotency-key']);
    expect((await calls.result('in-body')).status).toBe(404);
  });

  it.each([
    ['none', null],
    ['an empty one', ''],
    ['a control character', 'a\u0000b'],
    ['a line break', 'a\nb'],
    ['a lone surrogate', 'a\ud800'],
    ['256 characters', 'k'.repeat(256)],
    ['what a URL loses', '..'],
  ])('%s is refused with 400', async (_what, key) => {
    const before = await count('requests');
    expect((await calls.transfer({ key })).status).toBe(400);
    expect(await count('requests')).toBe(before);
  });

  it('of 255 characters is polled', async () => {
    const key = 'ключ/'.repeat(51);
    expect((await calls.transfer({ key })).status).toBe(202);
    expect((await calls.result(key)).body.status).toBe('COMPLETED');
  });

  it('sent 50 times at once makes one transaction', async () => {
    const before = await count('transactions');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => calls.transfer({ to: 'once', amount: '"3.00"', key: 'fifty' })),
    );
    expect(answers.filter((a) => a.status === 202)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 200)).toHaveLength(49);
    expect((await count('transactions')) - before).toBe(1n);
    expect(await calls.balance('once')).toBe('300');
  });

  it('sent at once with two contents makes one of them', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        calls.transfer({ to: 'either', amount: n % 2 === 0 ? '"1.00"' : '"2.00"', key: 'two' }),
      ),
    );
    const by = (status: number): number => answers.filter((a) => a.status === status).length;
    expect([by(202), by(200), by(409)]).toEqual([1, 19, 20]);
  });
});

describe('an amount', () => {
  it.each([
    ['EUR', '"100.00"', '10000'],
    ['EUR', '0.01', '1'],
    ['JPY', '"500"', '500'],
    ['KWD', '"1.234"', '1234'],
    ['KWD', '"1.2"', '1200'],
    ['CLF', '1.2345', '12345'],
    // A JS number would make …993 of them …992.
    ['EUR', '90071992547409.93', '9007199254740993'],
    ['JPY', '9223372036854775807', '9223372036854775807'],
    ['EUR', '"92233720368547758.07"', '9223372036854775807'],
  ])('%s %s is %s minor units', async (currency, amount, minor) => {
    const key = `exact ${currency} ${amount}`;
    expect((await calls.transfer({ to: `exact-${minor}`, amount, currency, key })).status).toBe(202);
    expect((await calls.result(key)).body.transaction?.postings[0]?.amount).toBe(minor);
  });

  it.each([
    ['EUR', '"1.005"', 'amount'],
    ['EUR', '"1.000"', 'amount'],
    ['JPY', '"1.0"', 'amount'],
    ['KWD', '"1.2345"', 'amount'],
    ['EUR', '"0.00"', 'amount'],
    ['EUR', '0', 'amount'],
    ['EUR', '"-1.00"', 'amount'],
    ['EUR', '-1', 'amount'],
    ['EUR', '1e2', 'amount'],
    ['EUR', '"1,00"', 'amount'],
    ['EUR', '" 1.00"', 'amount'],
    ['EUR', '"+1.00"', 'amount'],
    ['EUR', '".5"', 'amount'],
    ['EUR', '"NaN"', 'amount'],
    ['EUR', '"0x10"', 'amount'],
    ['EUR', '""', 'amount'],
    ['EUR', '"92233720368547758.08"', 'amount'],
    ['JPY', '9223372036854775808', 'amount'],
    ['EUR', `"${'9'.repeat(39)}"`, 'amount'],
    ['EUR', `"${'9'.repeat(41)}"`, 'amount'],
    ['EUR', 'true', 'amount'],
    ['EUR', 'null', 'amount'],
    ['EUR', '["1.00"]', 'amount'],
    ['XXX', '"1"', 'currency'],
    ['eur', '"1.00"', 'currency'],
    ['', '"1.00"', 'currency'],
  ])('%s %s is refused with 400', async (currency, amount, field) => {
    const before = await count('requests');
    const refused = await calls.transfer({ currency, amount, key: `refused ${currency} ${amount}` });
    expect(refused.status).toBe(400);
    expect(refused.body.errors?.map((e) => e.path)).toContain(`body/transaction/${field}`);
    expect(await count('requests')).toBe(before);
  });
});

describe('an account', () => {
  it.each([
    'asset:processor_balance:stripe:acct_1',
    'asset:bank:main',
    'income:revenue',
    'liability:seller_payable:x',
    'equity:retained',
    'asset:client:',
    'asset:client:a:b',
    'asset:client:a%b',
    'a\u0000b',
    'a\u0007b',
    '\udfff',
    ' ',
    '..',
    'x'.repeat(129),
  ])('%j is refused with 400, on either side', async (account) => {
    for (const side of [{ from: account }, { to: account }]) {
      const refused = await calls.transfer({ ...side, key: `bad account ${account.length}` });
      expect(refused.status).toBe(400);
      expect(refused.body.errors?.[0]?.path ?? refused.body.detail).toMatch(/_account_id|surrogate/);
    }
  });

  it.each(['true', 'null', '{}', '[]'])('that is %s and no text is refused with 400', async (account) => {
    const body = `{"transaction":{"source_account_id":"a","destination_account_id":${account},"amount":"1.00","currency":"EUR"},"idempotencyKey":"typed"}`;
    expect((await calls.post('/transactions', body)).status).toBe(400);
  });

  it('that was closed takes nothing: FAILED account_closed, and others of its group go through', async () => {
    await calls.made({ to: 'shut', key: 'before-close' });
    await database.sql.query(`update postern.accounts set closed_at = now() where path = 'asset:client:shut'`);
    await Promise.all([
      calls.transfer({ to: 'shut', key: 'after-close' }),
      calls.transfer({ to: 'beside', key: 'beside-close' }),
    ]);
    expect((await calls.result('after-close')).body).toMatchObject({
      status: 'FAILED',
      error: { code: 'account_closed' },
    });
    expect((await calls.result('beside-close')).body.status).toBe('COMPLETED');
  });
});

describe('a body', () => {
  it.each([
    ['no JSON', '{"transaction":'],
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['no transaction', '{"idempotencyKey":"x"}'],
    ['a misspelt field', '{"transaction":{"source":"a"},"idempotencyKey":"x"}'],
    [
      'another field',
      '{"transaction":{"source_account_id":"a","destination_account_id":"b","amount":"1","currency":"EUR","memo":"x"},"idempotencyKey":"x"}',
    ],
    ['a prototype', '{"__proto__":{"transaction":{}},"idempotencyKey":"x"}'],
    ['too deep nesting', `{"transaction":${'['.repeat(70)}${']'.repeat(70)}}`],
  ])('with %s is refused with 400', async (_what, body) => {
    expect((await calls.post('/transactions', body)).status).toBe(400);
  });

  it('over 16 KiB is refused with 413, and of another type with 415', async () => {
    expect((await calls.transfer({ to: 'x'.repeat(17_000), key: 'big' })).status).toBe(413);
    expect((await calls.post('/transactions', '<a/>', { 'content-type': 'application/xml' })).status).toBe(415);
  });
});

describe('a refund', () => {
  it('gives back all, or a part, and never more than is left', async () => {
    const id = await calls.made({ from: 'payer', to: 'shop', amount: '"100.00"', key: 'sale' });
    expect((await calls.refund(id, 'part', '"30.00"')).status).toBe(202);
    expect((await calls.result('part')).body).toMatchObject({
      status: 'COMPLETED',
      transaction: {
        kind: 'service.refunded',
        postings: [
          { account: 'asset:client:payer', direction: 'debit', amount: '3000' },
          { account: 'asset:client:shop', direction: 'credit', amount: '3000' },
        ],
      },
    });
    expect((await calls.refund(id, 'too-much', '"70.01"')).status).toBe(202);
    expect((await calls.result('too-much')).body).toMatchObject({
      status: 'FAILED',
      transaction: null,
      error: { code: 'exceeds_remaining', message: expect.stringContaining('70.00 EUR') },
    });
    expect((await calls.refund(id, 'rest')).status).toBe(202);
    expect((await calls.result('rest')).body.transaction?.postings[0]?.amount).toBe('7000');
    for (const [key, amount] of [
      ['nothing-left', undefined],
      ['a-cent', '"0.01"'],
    ] as const) {
      await calls.refund(id, key, amount);
      expect((await calls.result(key)).body.error?.code, key).toBe('exceeds_remaining');
    }
    expect([await calls.balance('payer'), await calls.balance('shop')]).toEqual(['0', '0']);
  });

  it('again with its key is answered 200, with another amount 409', async () => {
    const id = await calls.made({ amount: '"5.00"', key: 'refunded-again' });
    const other = await calls.made({ amount: '"5.00"', key: 'refunded-other' });
    expect((await calls.refund(id, 'r-again', '"2.00"')).status).toBe(202);
    const again = await calls.refund(id, 'r-again', '2');
    expect([again.status, again.body.status]).toEqual([200, 'COMPLETED']);
    expect((await calls.refund(id, 'r-again', '"2.01"')).status).toBe(409);
    expect((await calls.refund(id, 'r-again')).status).toBe(409);
    expect((await calls.refund(other, 'r-again', '"2.00"')).status).toBe(409);
  });

  it('needs no body where its key is a header', async () => {
    const id = await calls.made({ key: 'bodyless' });
    const response = await gateway.api(`/api/v1/transactions/${id}/refund`, {
      method: 'POST',
      headers: { 'idempotency-key': 'bodyless-refund' },
    });
    expect(response.status).toBe(202);
    expect((await calls.result('bodyless-refund')).body.status).toBe('COMPLETED');
  });

  it('of a refund, of what no service made, or of nothing is refused and leaves no trace', async () => {
    const id = await calls.made({ key: 'refund-base' });
    await calls.refund(id, 'refund-of-it');
    const refund = (await calls.result('refund-of-it')).body.transaction?.id ?? '';
    expect((await calls.refund(refund, 'of-refund')).status).toBe(409);

    await gateway.addEndpoint('stripe', 'main', ['whsec_transactions'], { account: 'acct_1' });
    const body = chargeSucceeded(1);
    const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, 'whsec_transactions', Date.now()));
    expect((await fetch(`${gateway.url}/webhooks/stripe/main`, { method: 'POST', body, headers })).status).toBe(200);
    const told = await eventually(async () => {
      const { rows } = await database.sql.query<{ id: string }>(
        'select id from postern.transactions where source_event is not null limit 1',
      );
      expect(rows).toHaveLength(1);
      return rows[0]?.id ?? '';
    });
    const ofProcessor = await calls.refund(told, 'of-processor');
    expect([ofProcessor.status, ofProcessor.body.detail]).toEqual([409, expect.stringContaining('at the processor')]);
    expect((await calls.refund('0190f000-0000-7000-8000-000000000000', 'of-nothing')).status).toBe(404);
    expect((await calls.refund('nonsense', 'of-nonsense')).status).toBe(404);
    for (const key of ['of-refund', 'of-processor', 'of-nothing', 'of-nonsense'])
      expect((await calls.result(key)).status).toBe(404);
  });

  it.each(['"1.001"', '"0.00"', '"-1.00"', '1e1', 'true', '"x"'])('of %s is refused with 400', async (amount) => {
    const id = await calls.made({ key: `refund-amount ${amount}` });
    const refused = await calls.refund(id, `refund of ${amount}`, amount);
    expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([400, 'body/amount']);
  });

  it('is measured by the currency of what it gives back', async () => {
    const yen = await calls.made({ amount: '500', currency: 'JPY', key: 'yen' });
    expect((await calls.refund(yen, 'half-yen', '"0.5"')).status).toBe(400);
    expect((await calls.refund(yen, 'yen-back', '"200"')).status).toBe(202);
    expect((await calls.result('yen-back')).body.transaction?.postings[0]?.amount).toBe('200');
  });
});

describe('who may', () => {
  it('send transactions: services, and nobody else but admins', async () => {
    const tokens = createTokenService({ pool: gateway.gateway.pools.api });
    const id = await calls.made({ key: 'roles' });
    for (const role of ['monitor', 'ops', 'finance', 'service'] as const) {
      const { token } = await tokens.create({ name: role, roles: [role], expiresAt: null }, 'test');
      await gateway.gateway.reloadTokens();
      const as = serviceCalls([gateway.url], { token });
      const may = role === 'service';
      expect((await as.transfer({ key: `by ${role}` })).status, role).toBe(may ? 202 : 403);
      expect((await as.refund(id, `refund by ${role}`, '"0.01"')).status, role).toBe(may ? 202 : 403);
      const reads = may || role === 'finance' ? 200 : 403;
      expect((await as.result('roles')).status, role).toBe(reads);
      expect((await as.get(`/transactions/${id}`)).status, role).toBe(reads);
      expect((await as.get('/accounts/alice/audit-trail')).status, role).toBe(reads);
      expect((await as.get('/accounts/alice/reconciliation-history')).status, role).toBe(
        role === 'finance' ? 200 : 403,
      );
      expect((await as.post('/accounts/alice/reconcile', '{}')).status, role).toBe(role === 'finance' ? 202 : 403);
    }
    const stranger = serviceCalls([gateway.url], { token: 'pst_nobody' });
    expect((await stranger.transfer({ key: 'by nobody' })).status).toBe(401);
    expect((await calls.result('by nobody')).status).toBe(404);
  });
});

it('counts what came of it all, by kind and outcome', async () => {
  const text = await (await gateway.api('/metrics')).text();
  for (const [kind, outcome] of [
    ['transfer', 'completed'],
    ['transfer', 'repeated'],
    ['transfer', 'conflict'],
    ['transfer', 'account_closed'],
    ['refund', 'completed'],
    ['refund', 'exceeds_remaining'],
    ['refund', 'not_found'],
    ['refund', 'invalid_request'],
  ])
    expect(text).toMatch(new RegExp(`^postern_requests_total\\{kind="${kind}",outcome="${outcome}"\\} [1-9]`, 'm'));
  expect(text).not.toContain('postern_serialization_failures_total{');
});
