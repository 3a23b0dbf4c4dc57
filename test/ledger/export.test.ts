import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trialBalance } from '../../src/ledger/balance-store.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import type { Pools } from '../../src/postgres/pools.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { complaintsOf, csvRows, exported, isInstalled, TOOL_NAMES, type Tool } from './journals.ts';

let database: TestDatabase;
let pools: Pools;

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 30, 12);
const clock = { now: () => START };

/** Names and ids that would break a line, end a text, be a formula or mean something else to a tool. */
const HOSTILE = [
  'Ünal & Söhne "GmbH"',
  'a:b%3A\\',
  '=HYPERLINK("http://x","y")',
  'x\n2026-01-01 * "forged"\n  Assets:X  1 EUR',
  'a, date:2020-01-01 [2020-01-01] ; (x)',
  '\u202egnorw \u2028 \t',
];

beforeAll(async () => {
  database = await createTestDatabase();
  pools = database.pools();
  const days: [account: string, day: number, ...events: PaymentEvent[]][] = [
    ['acct_1', 0, ...payment('ch_1', 12_345n, 'EUR'), fee('ch_1', 389n, 'EUR')],
    ['acct_1', 0, ...payment('ch_2', 1_050n, 'JPY')],
    ['ACME_x', 1, ...payment('ch_3', 2_500_010n, 'KWD'), fee('ch_3', -15n, 'KWD')],
    ['acct_1', 1, payout('po_1', 10_000n, 'EUR'), payout('po_2', -700n, 'EUR')],
    // 31 January to 1 February: where a month is closed.
    ['acct_1', 2, payout('po_3', 10_000n, 'USD', { amount: 9_234n, currency: 'EUR' }), payout('po_4', -100n, 'JPY')],
    ...HOSTILE.map((name): [string, number, ...PaymentEvent[]] => [name, 2, ...payment(name, 2n ** 60n, 'EUR')]),
    ['acct_1', 3, { type: 'payment.cancelled', key: 'p:x', payment: 'p', currency: 'EUR', at: 0 }],
    ['acct_1', 4, ...payment('ch_4', 1n, 'BHD')],
  ];
  const ledger = createLedger({ clock });
  for (const [account, day, ...events] of days) {
    const at = START + day * DAY_MS;
    const [result] = await withTransaction(database.appPool, (tx) =>
      ledger.post(tx, [
        {
          source: fromEvent(uuidv7(START)),
          provider: 'stripe',
          account,
          marketplace: null,
          events: events.map((event) => ({ ...event, at })),
        },
      ]),
    );
    expect(result?.kind).not.toBe('conflict');
  }
});
afterAll(() => database.drop());

function payment(id: string, amount: bigint, currency: string): PaymentEvent[] {
  const told = { payment: id, amount, currency, at: 0 };
  return [
    { type: 'payment.authorised', key: `${id}:authorised`, ...told },
    { type: 'payment.captured', key: `${id}:captured`, authorisation: { amount: amount / 2n, final: false }, ...told },
  ];
}

function fee(id: string, amount: bigint, currency: string): PaymentEvent {
  return { type: 'payment.fee_known', key: `${id}:fee`, reference: id, of: 'payment', amount, currency, at: 0 };
}

function payout(
  id: string,
  amount: bigint,
  currency: string,
  settled?: { amount: bigint; currency: string },
): PaymentEvent {
  const told = { type: 'payout.created', key: `${id}:created`, payout: id, amount, currency, at: 0 } as const;
  return settled === undefined ? told : { ...told, settled };
}

const PERIODS: [name: string, selection: { from?: string; to?: string; account?: string }][] = [
  ['all of it', {}],
  ['a month', { from: '2026-02-01', to: '2026-02-28' }],
  ['up to a day', { to: '2026-01-31' }],
  ['from a day on', { from: '2026-01-31' }],
  ['a time in which nothing was', { from: '2026-03-01', to: '2026-03-31' }],
  ['before anything was', { to: '2020-01-01' }],
  ['one account', { account: 'income:revenue' }],
  ['one account of a month', { account: 'asset:bank_in_transit:stripe:acct_1', from: '2026-02-01', to: '2026-02-28' }],
  [
    'one account in which nothing was that month',
    { account: 'expense:processing_fees:stripe:acct_1', from: '2026-02-01' },
  ],
  ['an account with a hostile name', { account: 'memo:authorisations:stripe:a%3Ab%253A\\' }],
];

describe.each(TOOL_NAMES.map((tool) => ({ tool })))('$tool', ({ tool }) => {
  const check = it.skipIf(!isInstalled(tool));

  check.each(PERIODS)('finds nothing wrong with %s', async (_name, selection) => {
    const journal = await exported(pools, tool, selection);
    expect(await complaintsOf(tool, journal), journal.slice(0, 4000)).toBe('');
  });

  it('says of every account and currency what the books say at the end of the period', async () => {
    const asserted = assertionsOf(tool, await exported(pools, tool, { to: '2026-02-01' }));
    const balances = await trialBalance(database.app, { at: new Date('2026-02-01T00:00:00Z') });
    expect(balances.length).toBeGreaterThan(20);
    expect(asserted).toHaveLength(balances.length);
    const minor = (text: string): string => text.replace('.', '').replace(/^(-?)0+(?=\d)/, '$1');
    expect(asserted.map(minor).sort()).toEqual(balances.map(({ balance }) => String(balance)).sort());
  });

  const TAMPERED: [name: string, tamper: (journal: string) => string][] = [
    ['one amount', (journal) => journal.replace('123.45 EUR', '123.46 EUR')],
    [
      'both sides of one transaction by a cent',
      (journal) => journal.replace('  123.45 EUR', '  123.46 EUR').replace('  -123.45 EUR', '  -123.46 EUR'),
    ],
    ['one minor unit of three decimals', (journal) => journal.replace('2500.010 KWD', '2500.011 KWD')],
    ['one yen', (journal) => journal.replace('1050 JPY', '1051 JPY')],
    ['a transaction left out', (journal) => without(journal, '"ch_2"', 'reference: ch_2')],
    ['an opening balance', (journal) => journal.replace(/(opening balances"?\n.* {2})(-?\d)/, '$19$2')],
  ];
  check.each(TAMPERED)('refuses a journal that was tampered with: %s', async (_name, tamper) => {
    const selection = _name.startsWith('an opening') ? { from: '2026-02-01' } : {};
    const journal = await exported(pools, tool, selection);
    const tampered = tamper(journal);
    expect(tampered).not.toBe(journal);
    expect(await complaintsOf(tool, tampered)).not.toBe('');
  });

  check('compares an account that others lie below as the tool adds it up', async () => {
    const other = await createTestDatabase();
    try {
      await postAbove(other, START);
      const journal = await exported(other.pools(), tool);
      expect(journal).toContain('Assets:Client:Up:Down  -5.00 EUR');
      expect(await complaintsOf(tool, journal)).toBe('');
    } finally {
      await other.drop();
    }
  });
});

/** Nothing of ours opens such accounts; but beancount would count the lower one's money for the upper one. */
async function postAbove({ sql }: TestDatabase, at: number): Promise<void> {
  await sql.query(
    `with a as (
       select array_agg(id order by path) as ids
       from postern.ledger_open_accounts('{asset:client:up,asset:client:up:down}', '{asset,asset}', '{false,false}')
     ) select r.* from a, postern.ledger_record(array[$1::uuid], '{k}', '{x}', '{moved}', array[$2::timestamptz], null, '{1}', '{null}',
       '{null}', null, null, array['{}'], array[$1::uuid, $1::uuid], '{0,1}', a.ids, '{EUR,EUR}', '{500,-500}', '{null,null}', '{null,null}') as r`,
    [uuidv7(at), new Date(at)],
  );
}

/** What is asserted at the end, as it stands there. */
function assertionsOf(tool: Tool, journal: string): string[] {
  const pattern = tool === 'beancount' ? /^\S+ balance \S+ (\S+) \S+$/gm : / = (\S+) [A-Z]{3}$/gm;
  return [...journal.matchAll(pattern)].map((match) => match[1] ?? '');
}

/** Without the transactions that say one of these texts. */
function without(journal: string, ...texts: string[]): string {
  return journal
    .split('\n\n')
    .filter((block) => !texts.some((text) => block.includes(text)))
    .join('\n\n');
}

describe('a journal', () => {
  it.each(['csv', 'beancount', 'hledger'] as const)('is the same every time: %s', async (format) => {
    expect(await exported(pools, format)).toBe(await exported(pools, format));
  });

  it('is in the order of accounting date and id', async () => {
    const keys = csvRows(await exported(pools, 'csv')).map((row) => `${row.date} ${row.transaction}`);
    expect(keys).toEqual(keys.toSorted());
  });

  it.each(['beancount', 'hledger'] as const)('cannot be forged by what strangers wrote: %s', async (format) => {
    const journal = await exported(pools, format);
    for (const line of journal.split('\n')) {
      expect(line).not.toMatch(/^\s*2026-01-01 \*|^\s*Assets:X {2}1 EUR/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
      expect(line).not.toMatch(/[\u0000-\u001f\u202e\u2028]/);
    }
    const { rows } = await database.sql.query<{ n: bigint }>(
      'select count(*) as n from postern.transactions t where exists (select from postern.postings p where p.transaction_id = t.id)',
    );
    expect(BigInt(journal.match(/^\d{4}-\d\d-\d\d \* "?(payment|payout|memo)/gm)?.length ?? 0)).toBe(rows[0]?.n);
  });

  it('tells of each transaction where it came from', async () => {
    const { rows } = await database.sql.query<{ id: string; source_event: string }>(
      `select id, source_event from postern.transactions where effect_key = 'stripe:acct_1:ch_1:captured'`,
    );
    for (const format of ['beancount', 'hledger', 'csv'] as const) {
      const journal = await exported(pools, format);
      for (const fact of [rows[0]?.id, rows[0]?.source_event, 'stripe:acct_1:ch_1:captured', 'ch_1', 'gross']) {
        expect(journal).toContain(fact);
      }
    }
  });

  it('has whole transactions where it is of one account', async () => {
    const account = 'expense:processing_fees:stripe:acct_1';
    const rows = csvRows(await exported(pools, 'csv', { account }));
    expect(rows.map(({ account: path, debit, credit }) => [path, debit, credit])).toEqual([
      [account, '3.89', ''],
      ['asset:processor_pending:stripe:acct_1', '', '3.89'],
    ]);
  });

  it.each([
    ['an account that is not there', { account: 'income:none' }, 'there is no account income:none'],
    ['a period that ends before it begins', { from: '2026-02-01', to: '2026-01-01' }, 'before it begins'],
  ])('is refused for %s', async (_name, selection, message) => {
    await expect(exported(pools, 'csv', selection)).rejects.toThrow(message);
  });

  it('is not changed by what is posted while it is read', async () => {
    const journal = exported(pools, 'beancount');
    const ledger = createLedger({ clock });
    const post = withTransaction(database.appPool, (tx) =>
      ledger.post(tx, [
        {
          source: fromEvent(uuidv7(START)),
          provider: 'stripe',
          account: 'acct_1',
          marketplace: null,
          events: payment('ch_beside', 5n, 'EUR').map((event) => ({ ...event, at: START })),
        },
      ]),
    );
    await post;
    if (isInstalled('beancount')) expect(await complaintsOf('beancount', await journal)).toBe('');
    else await journal;
  });
});

describe('a CSV file', () => {
  it('adds up to the balances at the end, opening balances included', async () => {
    for (const [from, to] of [
      [undefined, '2026-01-31'],
      ['2026-02-01', '2026-02-28'],
    ]) {
      const sums = new Map<string, bigint>();
      for (const row of csvRows(
        await exported(pools, 'csv', { ...(from === undefined ? {} : { from }), to: to ?? null }),
      )) {
        const key = `${plain(row.account)} ${row.currency}`;
        const minor = (text = ''): bigint => BigInt(text.replace('.', '') || 0);
        sums.set(key, (sums.get(key) ?? 0n) + minor(row.debit) - minor(row.credit));
      }
      const balances = await trialBalance(database.app, { at: new Date(`${to}T00:00:00Z`) });
      const known = new Map(balances.map(({ account, currency, balance }) => [`${account} ${currency}`, balance]));
      for (const [key, sum] of sums) expect([key, sum]).toEqual([key, known.get(key)]);
      const left = [...known].filter(([key, balance]) => !sums.has(key) && balance !== 0n);
      expect(left).toEqual([]);
    }
  });

  it('has no cell that a spreadsheet would run, and no row that a stranger wrote', async () => {
    const rows = csvRows(await exported(pools, 'csv'));
    for (const row of rows) {
      expect(row.date).toMatch(/^\d{4}-\d\d-\d\d$/);
      for (const cell of Object.values(row)) expect(cell).not.toMatch(/^\s*[=+@-]|^[\t\r]/);
    }
    expect(rows.map(({ reference }) => plain(reference))).toEqual(expect.arrayContaining(HOSTILE));
  });

  it('has the decimals of each currency', async () => {
    const amounts = csvRows(await exported(pools, 'csv')).map((row) => `${row.debit || row.credit} ${row.currency}`);
    expect(amounts).toEqual(
      expect.arrayContaining(['1050 JPY', '2500.010 KWD', '123.45 EUR', '0.001 BHD', '11529215046068469.76 EUR']),
    );
  });
});

const plain = (cell = ''): string => cell.replace(/^'/, '');
