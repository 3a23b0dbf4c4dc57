import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKeyring } from '../../src/encryption.ts';
import { chart } from '../../src/ledger/chart.ts';
import { signNow } from '../../src/ledger/heads.ts';
import { headText, type TreeHeadText } from '../../src/ledger/tree-head.ts';
import type { CheckName, Fault } from '../../src/ledger/verify/report.ts';
import { verifyLedger } from '../../src/ledger/verify/verify.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { createTransfers } from '../../src/transfers/transfers.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seal } from '../support/sealed.ts';
import { AT, captured, openBooks, tellEvents } from './books.ts';

const keyring = parseKeyring(`test:${Buffer.alloc(32, 7).toString('base64')}`);
const clock = { now: () => AT };

/** Books with a bit of everything: 300 payments, fees, markers, two currencies, evidence, all sealed but the last. */
async function filled(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const books = openBooks(database);
  const fee = (n: number): PaymentEvent => ({
    type: 'payment.fee_known',
    key: `p${n}:fee`,
    reference: `p${n}`,
    of: 'payment',
    amount: 3n,
    currency: n % 2 === 0 ? 'EUR' : 'JPY',
    at: AT + n * 3_600_000,
  });
  await books.post(...Array.from({ length: 300 }, (_, n) => [captured(`p${n}`, BigInt(n + 1)), fee(n)]));
  await books.post(
    [captured('p1', 2n)],
    [{ type: 'payment.cancelled', key: 'x', payment: 'x', currency: 'EUR', at: AT }],
  );
  await books.post([
    {
      type: 'payout.created',
      key: 'po:created',
      payout: 'po',
      amount: 1000n,
      currency: 'EUR',
      settled: { amount: 1100n, currency: 'USD' },
      at: AT,
    },
  ]);
  await tellEvents(database);
  await transferAndRefund(database);
  await seal(database);
  await books.post([captured('last', 1n)]);
  await tellEvents(database);
  return database;
}

/** A service's transfer of 10.00, of which 4.00 came back. */
async function transferAndRefund(database: TestDatabase): Promise<void> {
  const metrics = createMetrics({ process: false });
  const transfers = createTransfers({ pool: database.appPool, clock, log: database.log, metrics, deadlineMs: 10_000 });
  const transfer = {
    kind: 'transfer',
    source: chart.client('a'),
    destination: chart.client('b'),
    amount: 1000n,
    currency: 'EUR',
  } as const;
  try {
    const { messageId } = await transfers.submit({ idempotencyKey: 'moved', actor: 'test', wish: transfer });
    const { rows } = await database.sql.query<{ transaction_id: string }>(
      'select transaction_id from postern.requests where id = $1',
      [messageId],
    );
    const of = rows[0]?.transaction_id ?? '';
    await transfers.submit({ idempotencyKey: 'back', actor: 'test', wish: { kind: 'refund', of, amount: '4.00' } });
  } finally {
    await transfers.close();
  }
}

/** As nobody but the server's superuser can: behind every trigger. */
async function behindTheTriggers(database: TestDatabase, ...statements: readonly string[]): Promise<void> {
  const all = ['set session_replication_role = replica', ...statements, 'set session_replication_role = origin'];
  await database.sql.query(all.join(';'));
}

const faultsOf = async (database: TestDatabase, held: readonly TreeHeadText[] = []) => {
  const report = await verifyLedger({ pool: database.appPool, held });
  const faults = new Map<CheckName, Fault>();
  for (const { name, fault } of report.checks) if (fault !== null) faults.set(name, fault);
  expect(report.ok).toBe(faults.size === 0);
  return { report, faults };
};

describe('right books', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await filled();
  });
  afterAll(() => database.drop());

  it('hold, and it says how much was looked at', async () => {
    const signed = await signNow({ sql: database.app, keyring, clock });
    const { report, faults } = await faultsOf(database);
    expect(Object.fromEntries(faults)).toEqual({});
    const { rows } = await database.sql.query<{ transactions: number; postings: number; events: number }>(
      `select (select count(*)::int from postern.transactions) as transactions, (select count(*)::int from postern.postings) as postings,
         (select count(*)::int from postern.events) as events`,
    );
    expect(report).toMatchObject({ ...rows[0], unsealed: 1, heads: 1, log_size: (rows[0]?.transactions ?? 0) - 1 + 2 });
    expect(report.audit_entries).toBe(2);
    expect(report.root).toBe(signed?.head.root.toString('hex'));
    for (const check of report.checks) expect(check.checked).toBeGreaterThan(0);
  });

  it('hold however many ranges and sessions look at them', async () => {
    for (const sessions of [1, 3]) expect((await verifyLedger({ pool: database.appPool, sessions })).ok).toBe(true);
  });

  it('hold while others post and seal', async () => {
    const books = openBooks(database);
    let posting = true;
    const others = (async () => {
      for (let n = 0; n < 30; n += 1) {
        await books.post([captured(`meanwhile${n}`, 5n)]);
        await tellEvents(database);
        await database.app.query('select postern.ledger_seal(3)');
      }
      posting = false;
    })();
    let looked = 0;
    while (posting) {
      const { faults } = await faultsOf(database);
      // Its event is told after it here, in another transaction: the one thing a worker does otherwise.
      faults.delete('events');
      expect(Object.fromEntries(faults)).toEqual({});
      looked += 1;
    }
    await others;
    expect(looked).toBeGreaterThan(0);
  });

  it('leave no session behind', async () => {
    const { rows } = await database.sql.query(
      `select from pg_stat_activity where application_name = 'postern verify' and datname = current_database()`,
    );
    expect(rows).toEqual([]);
  });
});

const ONE = `(select id from postern.transactions where effect_key like '%:p7:captured')`;
const LINE = `transaction_id = ${ONE} and line = 0`;

describe('books that somebody changed behind the triggers are found wrong:', () => {
  it.each<[what: string, statements: readonly string[], check: CheckName, row: RegExp]>([
    ['an amount', [`update postern.postings set amount = amount + 1 where ${LINE}`], 'balanced', /^transaction /],
    [
      'amounts that still balance',
      [`update postern.postings set amount = amount * 2 where transaction_id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    [
      'a currency, balanced',
      [`update postern.postings set currency = 'USD' where transaction_id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    ['a reference', [`update postern.postings set reference = 'p8' where ${LINE}`], 'sealed', /^transaction /],
    [
      'an account',
      [
        `update postern.postings set account_id = (select id from postern.accounts where path = 'asset:fx_position') where ${LINE}`,
      ],
      'sealed',
      /^transaction /,
    ],
    [
      'the name of an account',
      [`update postern.accounts set path = 'income:other' where path = 'income:revenue'`],
      'sealed',
      /^transaction /,
    ],
    [
      'a day',
      [`update postern.transactions set accounting_date = accounting_date + 1 where id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    [
      'when it was recorded',
      [`update postern.transactions set recorded_at = recorded_at - interval '1 second' where id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    [
      'who caused it',
      [`update postern.transactions set cause = '{"actor":"x"}' where id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    ['a line taken away', [`delete from postern.postings where ${LINE}`], 'balanced', /^transaction /],
    [
      'a transaction taken away with its lines',
      [
        `delete from postern.postings where transaction_id = ${ONE}`,
        `delete from postern.transactions where effect_key like '%:p7:captured'`,
      ],
      'no_orphans',
      /^transaction .*/,
    ],
    [
      'a transaction taken away without its lines',
      [`delete from postern.transactions where effect_key like '%:p7:captured'`],
      'no_orphans',
      /^transaction /,
    ],
    [
      'a transaction slipped in as an old one',
      [
        `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, cause, xact)
         select gen_random_uuid(), 'slipped:in', '', 'x', now(), now(), 1, '{}', min(xact) from postern.transactions`,
      ],
      'sealed',
      /^transaction /,
    ],
    [
      'a line on an account that is not there',
      [`update postern.postings set account_id = 99999 where ${LINE}`],
      'no_orphans',
      /^transaction /,
    ],
    [
      'a leaf brought in line',
      [`update postern.seal set leaf_hash = sha256('x') where transaction_id = ${ONE}`],
      'sealed',
      /^transaction /,
    ],
    [
      'an amount with its leaf brought in line',
      [
        `update postern.postings set amount = amount * 2 where transaction_id = ${ONE}`,
        `update postern.seal s set leaf_hash = (select postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at,
           t.accounting_date, t.rule_version, t.reverses, t.source_event, s.source_sha256, t.source_line, t.source_request, t.cause,
           (select string_agg(postern.line_bytes(p.line, a.path, p.currency, p.amount, p.reference, p.component), ''::bytea order by p.line)
            from postern.postings p join postern.accounts a on a.id = p.account_id where p.transaction_id = t.id))
           from postern.transactions t where t.id = s.transaction_id) where s.transaction_id = ${ONE}`,
      ],
      'log',
      /^(log, subtree|tree head)/,
    ],
    [
      'two leaves that changed places',
      [
        `update postern.seal set seq = -1 where seq = 280`,
        `update postern.seal set seq = 280 where seq = 281`,
        `update postern.seal set seq = 281 where seq = -1`,
      ],
      'log',
      /^tree head of /,
    ],
    ['who did something', [`update postern.audit_log set actor = 'system'`], 'audit', /^audit entry /],
    ['when it was done', [`update postern.audit_log set at = at - interval '1 hour'`], 'audit', /^audit entry /],
    ['a reason made up later', [`update postern.audit_log set reason = 'told to'`], 'audit', /^audit entry /],
    ['the details', [`update postern.audit_log set details = details || '{"a":1}'`], 'audit', /^audit entry /],
    [
      'an audit entry taken away',
      ['delete from postern.audit_log where id = (select min(id) from postern.audit_log)'],
      'no_orphans',
      /^audit entry /,
    ],
    [
      'an audit entry slipped in late',
      [`insert into postern.audit_log (actor, action, subject, xact) values ('a', 'b', 'c', '1')`],
      'audit',
      /^audit entry /,
    ],
    [
      'an audit entry with its leaf brought in line',
      [
        `update postern.audit_log set actor = 'system'`,
        `update postern.seal s set leaf_hash = (select postern.audit_leaf_hash(a.id, a.at, a.actor, a.action, a.subject, a.reason, a.details)
           from postern.audit_log a where a.id = s.audit_id) where s.audit_id is not null`,
      ],
      'log',
      /^(log, subtree|tree head)/,
    ],
    [
      'an audit entry slipped in with a number below all',
      [
        `insert into postern.audit_log (id, actor, action, subject, xact) overriding system value values (-5, 'a', 'b', 'c', '1')`,
      ],
      'audit',
      /^audit entry -5$/,
    ],
    [
      'an audit entry that no sealer will ever come to',
      [`insert into postern.audit_log (actor, action, subject, xact) values ('a', 'b', 'c', '9223372036854775807')`],
      'audit',
      /^audit entry /,
    ],
    [
      'an audit entry slipped in, with a leaf beyond the end of the log',
      [
        `insert into postern.audit_log (actor, action, subject, xact) values ('a', 'b', 'c', '1')`,
        `insert into postern.seal (seq, audit_id, leaf_hash)
         select 1000000000000, a.id, postern.audit_leaf_hash(a.id, a.at, a.actor, a.action, a.subject, a.reason, a.details)
         from postern.audit_log a where a.id = (select max(id) from postern.audit_log)`,
      ],
      'audit',
      /^audit entry /,
    ],
    [
      'an audit entry taken away, and another slipped in with a leaf before the log',
      [
        `delete from postern.audit_log where id = (select min(id) from postern.audit_log)`,
        `insert into postern.audit_log (actor, action, subject, xact) values ('a', 'b', 'c', '1')`,
        `insert into postern.seal (seq, audit_id, leaf_hash)
         select -1, a.id, postern.audit_leaf_hash(a.id, a.at, a.actor, a.action, a.subject, a.reason, a.details)
         from postern.audit_log a where a.id = (select max(id) from postern.audit_log)`,
      ],
      'audit',
      /^audit entry /,
    ],
    [
      'a transaction slipped in, with a leaf beyond the end of the log',
      [
        `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, cause, xact)
         select gen_random_uuid(), 'slipped:in', '', 'x', now(), now(), 1, '{}', min(xact) from postern.transactions`,
        `insert into postern.seal (seq, transaction_id, leaf_hash)
         select 1000000000000, t.id, postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at, t.accounting_date,
           t.rule_version, t.reverses, t.source_event, null, t.source_line, t.source_request, t.cause, null)
         from postern.transactions t where t.effect_key = 'slipped:in'`,
      ],
      'sealed',
      /^transaction /,
    ],
    [
      'a transaction that no sealer will ever come to',
      [
        `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, cause, xact)
         values (gen_random_uuid(), 'slipped:in', '', 'x', now(), now(), 1, '{}', '9223372036854775807')`,
      ],
      'sealed',
      /^transaction /,
    ],
    [
      'a transaction slipped in under the lowest of all numbers',
      [
        `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, cause, xact)
         select '00000000-0000-0000-0000-000000000000', '', '', 'x', now(), now(), 1, '{}', min(xact) from postern.transactions`,
      ],
      'sealed',
      /^transaction 0+-/,
    ],
    ['a leaf taken away', [`delete from postern.seal where seq = 20`], 'log', /^log, leaves /],
    [
      'the end of the log cut off',
      [`delete from postern.seal where seq > 500`, `update postern.sealing set size = 501`],
      'log',
      /^tree head of /,
    ],
    [
      'a subtree',
      [`update postern.seal_nodes set hash = sha256('x') where position = 1`],
      'log',
      /^log, subtree 1 of level 8/,
    ],
    ['a signed head', [`update postern.tree_heads set root = sha256('x')`], 'log', /^tree head of /],
    [
      'an effect posted twice',
      [
        'drop index postern.transactions_effect_key',
        `update postern.transactions set effect_key = (select effect_key from postern.transactions where id = ${ONE})
         where effect_key like '%:p8:captured'`,
      ],
      'effect_keys',
      /p7:captured/,
    ],
    [
      'an event taken away',
      [`delete from postern.events where id = (select source_event from postern.transactions where id = ${ONE})`],
      'events',
      /^transaction /,
    ],
    [
      'the bytes of an event',
      [
        `update postern.events set body_sha256 = sha256('x') where id = (select source_event from postern.transactions where id = ${ONE})`,
      ],
      'events',
      /^transaction /,
    ],
    [
      'the state of an event',
      [
        `update postern.events set status = 'dead' where id = (select source_event from postern.transactions where id = ${ONE})`,
      ],
      'events',
      /^transaction /,
    ],
    [
      'an event that claims to be posted',
      [
        `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
         values (gen_random_uuid(), gen_random_uuid(), now(), 1, 0, 'forged', '', 't', 'a', 'posted')`,
      ],
      'events',
      /^event /,
    ],
    [
      'a balance',
      [`update postern.balances set debits = debits + 1, credits = credits + 1 where currency = 'EUR'`],
      'balances',
      /^account /,
    ],
    ['a balance taken away', [`delete from postern.balances where currency = 'USD'`], 'balances', /^account .* in USD/],
    [
      'a sum by day',
      [`update postern.balance_days set debits = debits + 1 where currency = 'JPY'`],
      'days',
      /in JPY on/,
    ],
    [
      'a day moved',
      [`update postern.balance_days set effective_day = effective_day - 1000 where currency = 'USD'`],
      'days',
      /in USD on/,
    ],
    [
      'an open item',
      [`update postern.open_items set amount = amount + 1 where reference = 'p7' and component = 'gross'`],
      'open_items',
      /in EUR/,
    ],
    [
      'two open items that make up for each other',
      [
        `update postern.open_items set amount = amount + 1 where reference = 'p7' and component = 'gross'`,
        `update postern.open_items set amount = amount - 1 where reference = 'p8' and component = 'gross'`,
      ],
      'open_items',
      /^open item p7 gross of /,
    ],
  ])('%s', async (_, statements, check, row) => {
    const database = await filled();
    try {
      await signNow({ sql: database.app, keyring, clock });
      await behindTheTriggers(database, ...statements);
      const { faults } = await faultsOf(database);
      expect([...faults.keys()]).toContain(check);
      expect(faults.get(check)?.row).toMatch(row);
    } finally {
      await database.drop();
    }
  });
});

describe('a log written anew from its beginning', () => {
  it('is found wrong by a head that somebody kept outside, though everything inside agrees', async () => {
    const database = await filled();
    try {
      const signed = await signNow({ sql: database.app, keyring, clock });
      if (signed === null) throw new Error('nothing is sealed');
      const held = headText(signed.head, signed.publicKey);
      await behindTheTriggers(
        database,
        `update postern.postings set amount = amount * 2 where transaction_id = ${ONE}`,
        `update postern.open_items set amount = amount * 2 where reference = 'p7' and component = 'gross'`,
        `update postern.balances b set debits = s.debits, credits = s.credits from (select account_id, currency,
           coalesce(sum(amount) filter (where amount > 0), 0) as debits, coalesce(-sum(amount) filter (where amount < 0), 0) as credits
           from postern.postings group by 1, 2) as s where s.account_id = b.account_id and s.currency = b.currency`,
        'truncate postern.seal, postern.seal_nodes, postern.tree_heads, postern.balance_days',
        `update postern.sealing set size = 0, xact = '0', id = '00000000-0000-0000-0000-000000000000', audit_xact = '0', audit_id = 0`,
      );
      await seal(database);
      await signNow({ sql: database.app, keyring, clock });
      expect(Object.fromEntries((await faultsOf(database)).faults)).toEqual({});
      const { faults } = await faultsOf(database, [held]);
      expect(faults.get('log')).toMatchObject({
        row: expect.stringMatching(/^tree head of/),
        found: expect.stringMatching(/has another/),
      });
      const forged = { ...held, root: '00'.repeat(32) };
      expect((await faultsOf(database, [forged])).faults.get('log')?.found).toMatch(/no key of this log signed it/);
    } finally {
      await database.drop();
    }
  });
});

describe('the running role', () => {
  it.each([
    `insert into postern.seal (seq, transaction_id, leaf_hash) values (0, gen_random_uuid(), '')`,
    'update postern.seal set seq = seq + 1',
    'delete from postern.seal_nodes',
    'truncate postern.seal',
    `update postern.sealing set xact = '0'`,
    `update postern.balance_days set debits = 0`,
    `select postern.seal_entries(array[gen_random_uuid()], array[null::bigint])`,
    `update postern.tree_heads set root = ''`,
    'delete from postern.tree_heads',
    `update postern.audit_log set actor = 'x'`,
    'delete from postern.audit_log',
    'truncate postern.audit_log',
    `insert into postern.audit_log (actor, action, subject, xact) values ('a', 'b', 'c', '1')`,
    `insert into postern.audit_log (actor, action, subject, at) values ('a', 'b', 'c', '2020-01-01')`,
    'delete from postern.signing_keys',
    `update postern.accounts set overdraft = 'allowed'`,
    'alter table postern.seal disable trigger all',
    'set session_replication_role = replica',
  ])('may not: %s', async (statement) => {
    const database = await createTestDatabase();
    try {
      await expect(database.app.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    } finally {
      await database.drop();
    }
  });
});
