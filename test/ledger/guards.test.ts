import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { readMigrations } from '../../src/postgres/migration-files.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, type Books, captured, derivedDifferences, openBooks } from './books.ts';

let database: TestDatabase;
let books: Books;
let transactionId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  books = openBooks(database);
  const [posted] = await books.post([captured('p', 1000n)]);
  if (posted?.kind !== 'posted' || posted.transactions[0] === undefined) throw new Error('nothing was posted');
  transactionId = posted.transactions[0];
});
afterAll(() => database.drop());

const CHANGES = [
  'update postern.transactions set kind = kind',
  'delete from postern.transactions',
  'truncate postern.transactions',
  'update postern.postings set amount = amount + 1',
  'delete from postern.postings',
  'truncate postern.postings',
  // One that would hit no row is refused all the same.
  'delete from postern.postings where false',
];

describe('what is in the ledger stays as it is', () => {
  it.each(CHANGES)('refuses the application: %s', async (statement) => {
    await expect(database.app.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  it.each(CHANGES)('refuses the owner and the superuser too: %s', async (statement) => {
    await expect(asOwner(statement)).rejects.toMatchObject({ code: '23001' });
    await expect(database.sql.query(statement)).rejects.toMatchObject({ code: '23001' });
  });

  it.each(['transactions', 'postings', 'accounts', 'balances', 'open_items', 'periods', 'transaction_evidence'])(
    'gives the application no way of its own into %s',
    async (table) => {
      const { rows } = await database.sql.query<{ privilege: string }>(
        `select privilege_type as privilege from information_schema.role_table_grants
         where grantee in ('postern_app', 'PUBLIC') and table_schema = 'postern' and table_name = $1`,
        [table],
      );
      expect(rows).toEqual([{ privilege: 'SELECT' }]);
    },
  );

  it('lets nobody else call what writes', async () => {
    const { rows } = await database.sql.query<{ proname: string }>(
      `select proname from pg_proc where pronamespace = 'postern'::regnamespace and prosecdef
         and has_function_privilege('public', oid, 'execute')`,
    );
    expect(rows).toEqual([]);
  });
});

describe('a line that does not belong', () => {
  const insertLines = (lines: string) =>
    `insert into postern.postings (transaction_id, line, account_id, currency, amount, reference) ${lines}`;
  const account = (path: string) => `(select id from postern.accounts where path = '${path}')`;
  const revenue = account('income:revenue');

  it('is refused on a transaction of before, also in balance', async () => {
    const lines = insertLines(
      `values ('${transactionId}', 8, ${revenue}, 'EUR', 5, null), ('${transactionId}', 9, ${revenue}, 'EUR', -5, null)`,
    );
    await expect(database.sql.query(lines)).rejects.toThrow(/no line can be added/);
    await expect(asOwner(lines)).rejects.toThrow(/no line can be added/);
    await expect(database.app.query(lines)).rejects.toMatchObject({ code: '42501' });
  });

  const withNew = (lines: string) => (id: string) => [
    `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version)
     values ('${id}', '${id}', '', 'test', now(), now(), 1)`,
    insertLines(lines.replaceAll('$id', id)),
  ];

  it.each([
    ['does not balance', `values ('$id', 1, ${revenue}, 'EUR', 5, null)`, /does not balance in EUR: off by 5/],
    [
      'balances over currencies only',
      `values ('$id', 1, ${revenue}, 'EUR', 5, null), ('$id', 2, ${revenue}, 'USD', -5, null)`,
      /does not balance/,
    ],
    [
      'balances over transactions only',
      `values ('$id', 1, ${revenue}, 'EUR', 5, null), ('${uuidv7(AT)}', 1, ${revenue}, 'EUR', -5, null)`,
      /does not balance|no line/,
    ],
    ['names no account', `values ('$id', 1, 0, 'EUR', 5, null), ('$id', 2, ${revenue}, 'EUR', -5, null)`, /is missing/],
    [
      'names a reference where the account has none',
      `values ('$id', 1, ${revenue}, 'EUR', 5, 'r'), ('$id', 2, ${revenue}, 'EUR', -5, null)`,
      /wants a reference/,
    ],
    ...['eur', 'EURO', 'E1R', ''].map((currency): [string, string, RegExp] => [
      `names ${currency === '' ? 'no currency' : currency}`,
      `values ('$id', 1, ${revenue}, '${currency}', 5, null), ('$id', 2, ${revenue}, '${currency}', -5, null)`,
      /three capital letters/,
    ]),
    ['is zero', `values ('$id', 1, ${revenue}, 'EUR', 0, null)`, /postings_amount_check/],
  ])('is refused when it %s', async (_name, lines, message) => {
    await expect(inOwnersTransaction(withNew(lines)(uuidv7(AT)))).rejects.toThrow(message);
  });

  it('is refused when its open-item account gets no reference', async () => {
    const pending = account(`asset:processor_pending:test:${books.account}`);
    const lines = `values ('$id', 1, ${pending}, 'EUR', 5, null), ('$id', 2, ${revenue}, 'EUR', -5, null)`;
    await expect(inOwnersTransaction(withNew(lines)(uuidv7(AT)))).rejects.toThrow(/wants a reference/);
  });

  it('is refused on a closed account', async () => {
    await books.post([{ ...captured('closing', 1n), tax: 1n } as PaymentEvent]);
    await database.sql.query(`update postern.accounts set closed_at = now() where path = 'liability:tax_payable'`);
    await expect(books.post([{ ...captured('closed', 1n), tax: 1n } as PaymentEvent])).rejects.toMatchObject({
      code: '23514',
    });
    await database.sql.query(`update postern.accounts set closed_at = null where path = 'liability:tax_payable'`);
  });
});

describe('a component', () => {
  const pending = `(select id from postern.accounts where path = 'asset:processor_pending:test:' || '$a')`;
  const memo = `(select id from postern.accounts where path = 'memo:authorisations:test:' || '$a')`;
  const revenue = `(select id from postern.accounts where path = 'income:revenue')`;
  const post = (account: string, reference: string, component: string) => {
    const id = uuidv7(AT);
    return inOwnersTransaction([
      `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version)
       values ('${id}', '${id}', '', 'test', now(), now(), 1)`,
      `insert into postern.postings (transaction_id, line, account_id, currency, amount, reference, component) values
       ('${id}', 0, ${account.replace('$a', books.account)}, 'EUR', 5, ${reference}, ${component}),
       ('${id}', 1, ${revenue}, 'EUR', -5, null, null)`,
    ]);
  };

  it.each([
    ['of an announced item is missing', pending, `'r'`, 'null'],
    ['of an announced item is none that we know', pending, `'r'`, `'net'`],
    ['is given where the account has none', memo, `'r'`, `'gross'`],
    ['is given where there is no reference either', revenue, 'null', `'fee'`],
  ])('that %s is refused', async (_name, account, reference, component) => {
    await books.post([{ ...captured('held', 9n), type: 'payment.authorised', key: 'held:authorised' } as PaymentEvent]);
    await expect(post(account, reference, component)).rejects.toThrow(/wants a reference or a component/);
  });

  it('may be each of those that open items have', async () => {
    const own = await createTestDatabase();
    try {
      const dispute = {
        type: 'dispute.withdrawn',
        key: 'd:1',
        dispute: 'p',
        amount: 5n,
        currency: 'EUR',
        at: AT,
      } as const;
      const fee = { type: 'payment.fee_known', key: 'p:fee', reference: 'p', of: 'payment' } as const;
      const open = openBooks(own);
      await open.post(
        [captured('p', 9n)],
        [{ ...fee, amount: 1n, currency: 'EUR', at: AT }],
        [{ ...dispute, component: 'dispute' }],
      );
      expect(await open.balances()).toMatchObject({
        'asset:processor_pending [p gross] EUR': '9',
        'asset:processor_pending [p fee] EUR': '-1',
        'asset:processor_pending [p dispute] EUR': '-5',
      });
    } finally {
      await own.drop();
    }
  });
});

const BEFORE = `select * from postern.ledger_post(array[$1::uuid], array[$2], array[''::bytea], array['payment.captured'], array[now()],
  array[1::int2], array[null::uuid], array[gen_random_uuid()], array[$1::uuid, $1::uuid], array[0, 1]::int2[],
  array[(select id from postern.accounts where path = $3), (select id from postern.accounts where path = 'income:revenue')],
  array['EUR', 'EUR'], array[5, -5]::int8[], array['p', null], array['gross', null])`;

it('lets an earlier release and the accounts it opened go on', async () => {
  const own = await createTestDatabase({ migrated: false });
  try {
    const earlier = readMigrations().filter(({ release }) => release === 1);
    await migrate({ url: own.url, log: own.log, migrations: earlier });
    const open = openBooks(own);
    // As that release's program calls it.
    const pending = `asset:processor_pending:test:${open.account}`;
    await own.app.query(`select postern.ledger_open_accounts($1, '{asset,income}', '{t,f}')`, [
      [pending, 'income:revenue'],
    ]);
    await own.app.query(BEFORE, [uuidv7(AT), `test:${open.account}:before:captured`, pending]);
    await migrate({ url: own.url, log: own.log });
    await own.app.query(BEFORE, [uuidv7(AT), `test:${open.account}:between:captured`, pending]);
    await open.post([captured('after', 5n)]);
    expect(await open.balances()).toMatchObject({ 'income:revenue EUR': '-15' });
  } finally {
    await own.drop();
  }
});

describe('a transaction that takes back another', () => {
  const transaction = (reverses: string, id = uuidv7(AT)) => [
    id,
    `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, reverses)
     values ('${id}', '${id}', '', 'test', now(), now(), 1, '${reverses}')`,
  ];

  it('is refused where that is a reversal itself, is not there, or was taken back before', async () => {
    const [reversal = '', once = ''] = transaction(transactionId);
    await inOwnersTransaction([once]);
    const [, again = ''] = transaction(transactionId);
    await expect(inOwnersTransaction([again])).rejects.toThrow(/transactions_reverses/);
    const [, chain = ''] = transaction(reversal);
    await expect(inOwnersTransaction([chain])).rejects.toThrow(/which is a reversal itself/);
    const [, nobody = ''] = transaction(uuidv7(AT));
    await expect(inOwnersTransaction([nobody])).rejects.toThrow(/which is not there/);
  });
});

describe('what is effective in a closed period', () => {
  it('is accounted on the first day of the oldest open one', async () => {
    const own = await createTestDatabase();
    try {
      await own.sql.query(`insert into postern.periods values ('2026-01-01', '2026-03-31', now())`);
      const closed = openBooks(own);
      await closed.post([captured('p', 5n)], [{ ...captured('q', 5n), at: Date.UTC(2026, 4, 2) } as PaymentEvent]);
      const { rows } = await own.sql.query<{ day: string }>(
        'select accounting_date::text as day from postern.transactions order by effect_key',
      );
      expect(rows.map((row) => row.day)).toEqual(['2026-04-01', '2026-05-02']);
    } finally {
      await own.drop();
    }
  });
});

describe('two at once', () => {
  it('post one effect once, whoever is first', async () => {
    const account = 'raced';
    const rounds = Array.from({ length: 10 }, (_, n) => n);
    for (const round of rounds) {
      const events = Array.from({ length: 5 }, (_, n) => captured(`race_${round}_${n}`, 10n));
      // In opposite orders, which must not deadlock.
      const results = await Promise.all([events, events.toReversed()].map((mine) => postApart(account, mine)));
      const replays = results.flat().map((r) => r.kind === 'posted' && r.replayed);
      expect(replays.filter((replayed) => replayed)).toHaveLength(5);
    }
    const { rows } = await database.sql.query<{ count: number }>(
      `select count(*)::int as count from postern.transactions where starts_with(effect_key, 'test:raced:')`,
    );
    expect(rows).toEqual([{ count: 50 }]);
  });

  it('look at one payment one after the other', async () => {
    const cancel: PaymentEvent = { type: 'payment.cancelled', key: 'p:x', payment: 'p', currency: 'EUR', at: AT };
    for (let round = 0; round < 10; round += 1) {
      const account = `looked_${round}`;
      const hold: PaymentEvent = {
        type: 'payment.authorised',
        key: 'p:authorised',
        payment: 'p',
        amount: 9n,
        currency: 'EUR',
        at: AT,
      };
      await Promise.all([postApart(account, [hold]), postApart(account, [cancel])]);
      const open = await database.sql.query(
        `select from postern.open_items o join postern.accounts a on a.id = o.account_id
         where a.path = 'memo:authorisations:test:' || $1 and o.amount <> 0`,
        [account],
      );
      expect(open.rowCount).toBe(0);
    }
  });

  it('leave the sums right', async () => {
    expect(await derivedDifferences(database)).toEqual([]);
  });
});

it('forgets the accounts that a transaction opened and did not commit', async () => {
  const ledger = createLedger({ clock: { now: () => AT } });
  const request = {
    source: fromEvent(uuidv7(AT)),
    provider: 'test',
    account: 'undone',
    marketplace: null,
    events: [captured('p', 5n)],
  };
  await expect(
    withTransaction(database.appPool, async (tx) => {
      await ledger.post(tx, [request]);
      throw new Error('the worker failed after posting');
    }),
  ).rejects.toThrow('the worker failed');
  const results = await withTransaction(database.appPool, (tx) => ledger.post(tx, [request]));
  expect(results).toMatchObject([{ kind: 'posted', replayed: false }]);
});

function postApart(account: string, events: readonly PaymentEvent[]) {
  const ledger = createLedger({ clock: { now: () => AT } });
  return withTransaction(database.appPool, (tx) =>
    ledger.post(
      tx,
      events.map((event) => ({
        source: fromEvent(uuidv7(AT)),
        provider: 'test',
        account,
        marketplace: null,
        events: [event],
      })),
    ),
  );
}

function asOwner(statement: string): Promise<unknown> {
  return inOwnersTransaction([statement]);
}

/** As the owner of the tables, the most that a stolen or careless migration could be. One simple query is one transaction. */
function inOwnersTransaction(statements: readonly string[]): Promise<unknown> {
  return database.sql.query(['set local role postern_owner', ...statements].join(';\n'));
}
