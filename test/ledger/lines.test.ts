import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent, fromLine } from '../../src/ledger/source.ts';
import { type Tx, withTransaction } from '../../src/postgres/sql.ts';
import { lineFault, type SettlementLine } from '../../src/settlement-line.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { AT, derivedDifferences, eur, expectNoConflict, line, openBooks } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What each kind of line leaves in the books when it is the only one there. */
const TABLE: readonly [name: string, line: SettlementLine, balances: Record<string, string>][] = [
  [
    'charge',
    line('charge', 'l', { reference: 'p', gross: 1000n, fee: 29n, tax: 5n }),
    {
      'asset:processor_balance [B1] EUR': '966',
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:tax_recoverable EUR': '5',
      // The fee that nobody announced is recognised, which leaves nothing open of it.
      'expense:processing_fees EUR': '29',
    },
  ],
  [
    'charge without a fee',
    line('charge', 'l', { reference: 'p', gross: 1000n }),
    { 'asset:processor_balance [B1] EUR': '1000', 'asset:processor_pending [p gross] EUR': '-1000' },
  ],
  [
    'charge whose fees exceed it',
    line('charge', 'l', { reference: 'p', gross: 10n, fee: 25n }),
    {
      'asset:processor_balance [B1] EUR': '-15',
      'asset:processor_pending [p gross] EUR': '-10',
      'expense:processing_fees EUR': '25',
    },
  ],
  [
    'refund',
    line('refund', 'l', { reference: 'r', gross: -300n, fee: -9n }),
    {
      'asset:processor_balance [B1] EUR': '-291',
      'asset:processor_pending [r gross] EUR': '300',
      'expense:processing_fees EUR': '-9',
    },
  ],
  [
    'refund_reversal',
    line('refund_reversal', 'l', { reference: 'r', gross: 300n }),
    { 'asset:processor_balance [B1] EUR': '300', 'asset:processor_pending [r gross] EUR': '-300' },
  ],
  [
    'chargeback, whose fee is a dispute’s',
    line('chargeback', 'l', { reference: 'd', gross: -1000n, fee: 1500n }),
    {
      'asset:processor_balance [B1] EUR': '-2500',
      'asset:processor_pending [d gross] EUR': '1000',
      'expense:dispute_fees EUR': '1500',
    },
  ],
  [
    'chargeback that is named by the payment disputed: no webhook tells what it moves',
    line('chargeback', 'l', { reference: 'p', component: 'dispute', gross: -1000n }),
    { 'asset:processor_balance [B1] EUR': '-1000', 'asset:disputes_receivable [p] EUR': '1000' },
  ],
  [
    'chargeback_reversal that is named by the payment disputed',
    line('chargeback_reversal', 'l', { reference: 'p', component: 'dispute', gross: 1000n }),
    { 'asset:processor_balance [B1] EUR': '1000', 'asset:disputes_receivable [p] EUR': '-1000' },
  ],
  [
    'chargeback_reversal, its fee given back',
    line('chargeback_reversal', 'l', { reference: 'd', gross: 1000n, fee: -1500n }),
    {
      'asset:processor_balance [B1] EUR': '2500',
      'asset:processor_pending [d gross] EUR': '-1000',
      'expense:dispute_fees EUR': '-1500',
    },
  ],
  [
    'transfer',
    line('transfer', 'l', { reference: 'tr', gross: -600n }),
    { 'asset:processor_balance [B1] EUR': '-600', 'asset:processor_pending [tr gross] EUR': '600' },
  ],
  [
    'platform_fee',
    line('platform_fee', 'l', { reference: 'fee_1', gross: 70n }),
    { 'asset:processor_balance [B1] EUR': '70', 'asset:processor_pending [fee_1 gross] EUR': '-70' },
  ],
  [
    'charge in euros, settled in dollars',
    line('charge', 'l', {
      reference: 'p',
      payer: { amount: 1000n, currency: 'EUR' },
      currency: 'USD',
      gross: 1080n,
      fee: 31n,
      tax: 3n,
    }),
    {
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:fx_position EUR': '1000',
      'asset:processor_balance [B1] USD': '1046',
      'asset:tax_recoverable USD': '3',
      'asset:fx_position USD': '-1080',
      'expense:processing_fees USD': '31',
    },
  ],
  [
    'fee',
    line('fee', 'l', { fee: 250n, tax: 40n }),
    {
      'asset:processor_balance [B1] EUR': '-290',
      'expense:processing_fees EUR': '250',
      'asset:tax_recoverable EUR': '40',
    },
  ],
  [
    'tax',
    line('tax', 'l', { tax: 40n }),
    { 'asset:processor_balance [B1] EUR': '-40', 'asset:tax_recoverable EUR': '40' },
  ],
  [
    'reserve_hold',
    line('reserve_hold', 'l', { hold: 'h', gross: -500n }),
    { 'asset:processor_balance [B1] EUR': '-500', 'asset:processor_reserve [h] EUR': '500' },
  ],
  [
    'reserve_release',
    line('reserve_release', 'l', { hold: 'h', gross: 500n }),
    { 'asset:processor_balance [B1] EUR': '500', 'asset:processor_reserve [h] EUR': '-500' },
  ],
  [
    'fx_conversion',
    line('fx_conversion', 'l', { gross: -1000n }),
    { 'asset:processor_balance [B1] EUR': '-1000', 'asset:fx_position EUR': '1000' },
  ],
  [
    'carry_forward out of a batch',
    line('carry_forward', 'l', { from: 'B1', to: 'B2', gross: -70n }),
    { 'asset:processor_balance [B1] EUR': '-70', 'asset:processor_balance [carry:B1>B2] EUR': '70' },
  ],
  [
    'payout of a batch, with its fee',
    line('payout', 'l', { payout: 'po', gross: -900n, fee: 25n }),
    {
      'asset:processor_balance [B1] EUR': '-925',
      'expense:payout_fees EUR': '25',
      'asset:bank_in_transit [po] EUR': '900',
    },
  ],
  [
    'payout that is its batch',
    line('payout', 'l', { batch: 'po', payout: 'po', gross: -900n }),
    { 'asset:bank_in_transit [po] EUR': '900', 'asset:processor_balance [po] EUR': '-900' },
  ],
  [
    'payout that is its batch, with its fee',
    line('payout', 'l', { batch: 'po', payout: 'po', gross: -900n, fee: 25n }),
    {
      'asset:bank_in_transit [po] EUR': '900',
      'asset:processor_balance [po] EUR': '-925',
      'expense:payout_fees EUR': '25',
    },
  ],
  [
    'negative payout',
    line('payout', 'l', { payout: 'po', gross: 900n }),
    { 'asset:processor_balance [B1] EUR': '900', 'asset:bank_in_transit [po] EUR': '-900' },
  ],
  [
    'payout in another currency',
    line('payout', 'l', { payout: 'po', gross: -900n, settled: { amount: 970n, currency: 'USD' } }),
    {
      'asset:processor_balance [B1] EUR': '-900',
      'asset:fx_position EUR': '900',
      'asset:fx_position USD': '-970',
      'asset:bank_in_transit [po] USD': '970',
    },
  ],
  [
    'topup',
    line('topup', 'l', { payout: 'tu', gross: 400n }),
    { 'asset:processor_balance [B1] EUR': '400', 'asset:bank_in_transit [tu] EUR': '-400' },
  ],
  [
    'payout_reversal, of a payout nobody told: it went and came back',
    line('payout_reversal', 'l', { payout: 'po', gross: 900n }),
    { 'asset:processor_balance [B1] EUR': '900', 'asset:processor_balance [po] EUR': '-900' },
  ],
  [
    'rounding',
    line('rounding', 'l', { gross: -1n }),
    { 'asset:processor_balance [B1] EUR': '-1', 'expense:rounding EUR': '1' },
  ],
  [
    'adjustment',
    line('adjustment', 'l', { gross: -333n }),
    { 'asset:processor_balance [B1] EUR': '-333', 'liability:suspense [l] EUR': '333' },
  ],
  [
    'other, with a fee: all of it is for a person to look at',
    line('other', 'l', { gross: 500n, fee: 20n }),
    { 'asset:processor_balance [B1] EUR': '480', 'liability:suspense [l] EUR': '-480' },
  ],
];

describe('what each kind of settlement line posts', () => {
  it.each(TABLE)('%s', async (_name, told, expected) => {
    const books = openBooks(database);
    expect(await books.post([told])).toMatchObject([{ kind: 'posted', replayed: false }]);
    expect(await books.balances()).toEqual(expected);
    // The same file again.
    expect(await books.post([told])).toMatchObject([{ kind: 'posted', replayed: true }]);
    expect(await books.balances()).toEqual(expected);
  });

  it('posts nothing of a line of nothing, and says so', async () => {
    const books = openBooks(database);
    const [result] = await books.post([line('charge', 'l', { reference: 'p' })]);
    expect(result).toEqual({ kind: 'nothing', reason: 'the amount is zero' });
  });

  it('keeps the derived balances and open items equal to the postings', async () => {
    expect(await derivedDifferences(database)).toEqual([]);
  });
});

describe('a line of before the account’s first day', () => {
  const early = (fields: Parameters<typeof line>[2]): SettlementLine =>
    ({ ...line('charge', 'l', fields), beforeLive: true }) as SettlementLine;

  it('leaves nothing open: what was there before us comes from the opening balances', async () => {
    const books = openBooks(database);
    expectNoConflict(await books.post([early({ reference: 'p', gross: 1000n, fee: 29n })]));
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '971',
      'equity:opening_balances EUR': '-1000',
      'expense:processing_fees EUR': '29',
    });
  });

  it('opens nothing in the payer’s currency either', async () => {
    const books = openBooks(database);
    expectNoConflict(
      await books.post([early({ reference: 'p', gross: 1000n, payer: { amount: 900n, currency: 'USD' } })]),
    );
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '1000',
      'asset:fx_position EUR': '-1000',
      'asset:fx_position USD': '900',
      'equity:opening_balances USD': '-900',
    });
  });

  it('is told again without another posting', async () => {
    const books = openBooks(database);
    const told = early({ reference: 'p', gross: 5n });
    await books.post([told]);
    expect(await books.post([told])).toMatchObject([{ kind: 'posted', replayed: true }]);
  });
});

describe('a batch that is named later', () => {
  const named = { type: 'settlement.batch_named', identity: 'l', from: 'unpaid', to: 'po_1' } as const;

  it('takes the net of its line over, and nothing else', async () => {
    const books = openBooks(database);
    await books.post([line('charge', 'l', { reference: 'p', gross: 1000n, fee: 29n, batch: 'unpaid' })]);
    expectNoConflict(await books.post([{ ...named, net: 971n, currency: 'EUR', at: AT, zone: 'UTC' }]));
    expect(await books.balances()).toEqual({
      'asset:processor_balance [po_1] EUR': '971',
      'asset:processor_pending [p gross] EUR': '-1000',
      'expense:processing_fees EUR': '29',
    });
  });

  it('is named once: another name for it is a conflict', async () => {
    const books = openBooks(database);
    await books.post([{ ...named, net: 5n, currency: 'EUR', at: AT, zone: 'UTC' }]);
    expect(await books.post([{ ...named, to: 'po_2', net: 5n, currency: 'EUR', at: AT, zone: 'UTC' }])).toMatchObject([
      { kind: 'conflict' },
    ]);
  });
});

describe('a line whose identity stands', () => {
  const first = line('charge', 'l', { reference: 'p', gross: 1000n, fee: 29n });

  it.each([
    ['another amount', line('charge', 'l', { reference: 'p', gross: 999n, fee: 29n })],
    ['another fee', line('charge', 'l', { reference: 'p', gross: 1000n, fee: 30n })],
    ['another reference', line('charge', 'l', { reference: 'q', gross: 1000n, fee: 29n })],
    ['another batch', line('charge', 'l', { reference: 'p', gross: 1000n, fee: 29n, batch: 'B2' })],
    ['another kind', line('fee', 'l', { fee: 29n })],
  ])('is told as a conflict with %s: nothing of it posts, and its neighbours do', async (_name, other) => {
    const books = openBooks(database);
    await books.post([first]);
    const results = await books.post([other], [line('charge', 'l2', { reference: 'p2', gross: 1n })]);
    expect(results).toMatchObject([
      { kind: 'conflict', effectKey: `test:${books.account}:line:l` },
      { kind: 'posted' },
    ]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '972',
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:processor_pending [p2 gross] EUR': '-1',
      'expense:processing_fees EUR': '29',
    });
  });

  it('is found inside one batch too', async () => {
    const books = openBooks(database);
    const results = await books.post([first], [line('charge', 'l', { reference: 'p', gross: 7n })]);
    expect(results.map(({ kind }) => kind)).toEqual(['posted', 'conflict']);
  });

  it('is not the recognition of another whose identity begins like it', async () => {
    const books = openBooks(database);
    const results = await books.post([first], [line('rounding', 'l:fee_recognised', { gross: 2n })]);
    expect(results.map(({ kind }) => kind)).toEqual(['posted', 'posted']);
  });
});

describe('a line that contradicts itself', () => {
  it.each([
    ['net is not gross less fee and tax', { ...line('charge', 'l', { reference: 'p', gross: 10n }), net: 9n }],
    ['a fee line has a gross', line('fee', 'l', { gross: 5n, fee: 5n })],
    ['a payout has tax', line('payout', 'l', { payout: 'po', gross: -5n, tax: 1n })],
    ['a hold has a fee', line('reserve_hold', 'l', { hold: 'h', gross: -5n, fee: 1n })],
    [
      'a payer pays in the currency that is settled',
      line('charge', 'l', { reference: 'p', gross: 5n, payer: { amount: 5n, currency: 'EUR' } }),
    ],
    [
      'a payer gets what the merchant gets',
      line('charge', 'l', { reference: 'p', gross: 5n, payer: { amount: -5n, currency: 'USD' } }),
    ],
  ])('is refused: %s', async (_name, told) => {
    expect(lineFault(told as SettlementLine)).not.toBeNull();
    const books = openBooks(database);
    await expect(books.post([told as SettlementLine])).rejects.toMatchObject({ code: 'rule_failed' });
    expect(await books.balances()).toEqual({});
  });
});

describe('a report of many lines', () => {
  async function queriesOf(count: number): Promise<number> {
    const ledger = createLedger({ clock: { now: () => AT } });
    const account = `many_${count}`;
    const requests = Array.from({ length: count }, (_, n) => ({
      source: fromLine(uuidv7(AT)),
      provider: 'test',
      account,
      marketplace: null,
      events: [line('charge', `l${n}`, { reference: `p${n}`, gross: 1000n, fee: 29n })],
    }));
    const announced = Array.from({ length: count }, (_, n) => ({
      ...requests[0],
      provider: 'test',
      account,
      marketplace: null,
      source: fromLine(uuidv7(AT)),
      events: [
        { type: 'payment.fee_known', key: `t${n}:fee`, reference: `p${n}`, of: 'payment', ...eur(29n) } as const,
      ],
    }));
    let queries = 0;
    await withTransaction(database.appPool, async (tx) => {
      const counting = {
        ...tx,
        query: (...args: Parameters<Tx['query']>) => {
          queries += 1;
          return tx.query(...args);
        },
      } as Tx;
      expectNoConflict(await ledger.post(counting, requests));
      expectNoConflict(await ledger.post(counting, announced));
    });
    return queries;
  }

  it('costs as many queries as one of few, also where announcements take every recognition back', async () => {
    const few = await queriesOf(2);
    expect(await queriesOf(200)).toBe(few);
    expect(few).toBeLessThan(20);
    expect(await derivedDifferences(database)).toEqual([]);
  });

  it('in one transaction holds the account’s fees whole, instead of a lock for each reference', async () => {
    const ledger = createLedger({ clock: { now: () => AT } });
    const books = { provider: 'test', account: 'import' };
    const about = { ...books, marketplace: null };
    const announcement = {
      ...about,
      source: fromEvent(uuidv7(AT)),
      events: [{ type: 'payment.fee_known', key: 't:fee', reference: 'p7', of: 'payment', ...eur(25n) } as const],
    };
    let announcing: Promise<unknown> | undefined;
    await withTransaction(database.appPool, async (tx) => {
      await ledger.holdFees(tx, books);
      for (let batch = 0; batch < 3; batch += 1) {
        const requests = Array.from({ length: 200 }, (_, n) => ({
          ...about,
          source: fromLine(uuidv7(AT)),
          events: [line('charge', `l${batch}-${n}`, { reference: `p${n}`, gross: 1000n, fee: 29n })],
        }));
        expectNoConflict(await ledger.post(tx, requests));
      }
      const { rows } = await tx.query<{ locks: number }>(
        `select count(*)::int as locks from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
      );
      expect(rows[0]?.locks).toBeLessThan(5);
      announcing = withTransaction(database.appPool, (other) => ledger.post(other, [announcement]));
      await eventually(async () => {
        const waiting = await tx.query('select from pg_locks where locktype = $1 and not granted', ['advisory']);
        expect(waiting.rowCount).toBe(1);
      });
    });
    await announcing;
    // All but the announced reference's three lines are recognised.
    const { rows } = await database.sql.query<{ expense: string }>(
      `select sum(p.amount)::text as expense from postern.postings p join postern.accounts a on a.id = p.account_id
       where a.path = 'expense:processing_fees:test:import'`,
    );
    expect(rows).toEqual([{ expense: String(29 * 3 * 199 + 25) }]);
  });
});
