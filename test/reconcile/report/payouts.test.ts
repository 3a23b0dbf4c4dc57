import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Told } from '../../../src/ledger/told.ts';
import { AT, type Books, bankLine, eur, line, openBooks } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { madeReport } from '../../support/made-report.ts';
import { addSettlement } from '../../support/settlement-rows.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const MONTH = 31 * 86_400_000;

type Amount = { readonly minor: string };
type Row = Record<'payout' | 'batch' | 'batch_currency' | 'currency' | 'kind' | 'state' | 'what', string> &
  Record<'net' | 'paid_out' | 'returned' | 'at_bank' | 'open' | 'ledger', Amount | null> & { readonly lines: number };
type Shown = { readonly payouts: Row[]; readonly payout_makeup: Row[]; readonly sides: Row[] };

const reported = async ({ account }: Books, period: string): Promise<Shown> =>
  (await madeReport(database, { account, period, now: AT + 2 * MONTH })) as Shown;

const figures = ({ payout, state, ...row }: Row): string =>
  [payout, ...(['paid_out', 'returned', 'at_bank', 'open'] as const).map((name) => row[name]?.minor), state].join(' ');

type End = 'failed' | 'cancelled' | 'returned';
const created = (payout: string, amount: bigint): Told => ({
  type: 'payout.created',
  key: `${payout}:created`,
  payout,
  ...eur(amount),
});
const ended = (end: End, payout: string, amount: bigint, at = AT): Told => ({
  type: `payout.${end}`,
  key: `${payout}:${end}`,
  payout,
  ...eur(amount),
  at,
});

async function booksOf(...told: readonly Told[]): Promise<Books> {
  const books = openBooks(database);
  const results = await books.post(...told.map((one) => [one]));
  expect(results.map(({ kind }) => kind)).toEqual(told.map(() => 'posted'));
  return books;
}

describe('a payout that comes back', () => {
  it.each(['failed', 'cancelled', 'returned'] as const)('before the bank had it is no match: %s', async (end) => {
    const books = await booksOf(created('po_1', 500n), ended(end, 'po_1', 500n));
    const { payouts } = await reported(books, '2026-03');
    expect(payouts.map(figures)).toEqual(['po_1 500 -500 0 0 returned']);
  });

  it('after the bank had it is open until the bank tells that it left again', async () => {
    const books = await booksOf(created('po_1', 500n), bankLine('b1', 'po_1', 500n), ended('failed', 'po_1', 500n));
    expect((await reported(books, '2026-03')).payouts.map(figures)).toEqual(['po_1 500 -500 500 -500 not_judged']);
    await books.post([bankLine('b2', 'po_1', -500n)]);
    expect((await reported(books, '2026-03')).payouts.map(figures)).toEqual(['po_1 500 -500 0 0 returned']);
  });

  it('in another month is in both, each with what moved in it', async () => {
    const books = await booksOf(
      created('po_1', 500n),
      created('po_2', 70n),
      bankLine('b1', 'po_2', 70n),
      ended('returned', 'po_1', 500n, AT + MONTH),
      ended('returned', 'po_2', 70n, AT + MONTH),
    );
    const [march, april] = [await reported(books, '2026-03'), await reported(books, '2026-04')];
    expect(march.payouts.map(figures)).toEqual(['po_1 500 0 0 0 returned', 'po_2 70 0 70 -70 not_judged']);
    expect(april.payouts.map(figures)).toEqual(['po_1 0 -500 0 0 returned', 'po_2 0 -70 70 -70 not_judged']);
    // The section adds up to the proof of the same days.
    for (const { payouts, sides } of [march, april]) {
      for (const name of ['paid_out', 'returned'] as const) {
        const total = payouts.reduce((sum, row) => sum + BigInt(row[name]?.minor ?? 0), 0n);
        expect(sides.find(({ what }) => what === name)?.ledger?.minor).toBe(String(total));
      }
    }
  });

  it('is not what a payout of which the bank has less is, nor one that was written off', async () => {
    const books = await booksOf(created('po_1', 500n), bankLine('b1', 'po_1', 499n), created('po_2', 70n), {
      type: 'write_off',
      id: 'w1',
      item: 'bank_in_transit',
      reference: 'po_2',

      ...eur(70n),
    });
    const { payouts } = await reported(books, '2026-03');
    expect(payouts.map(figures)).toEqual(['po_1 500 0 499 1 not_judged', 'po_2 70 0 0 0 matched']);
  });

  it('is made up of its own batch, not of the one that tells that it came back', async () => {
    const books = await booksOf(
      line('charge', 'l1', { reference: 'p1', gross: 500n }),
      line('payout', 'l2', { payout: 'po_1', gross: -500n }),
      line('payout_reversal', 'l3', { batch: 'B2', payout: 'po_1', gross: 500n }),
      line('charge', 'l4', { batch: 'B2', reference: 'p2', gross: 70n }),
      line('payout', 'l5', { batch: 'B2', payout: 'po_2', gross: -570n }),
    );
    const of = { currency: 'EUR', at: AT };
    await addSettlement(database, {
      provider: 'test',
      account: books.account,
      at: AT,
      batches: ['B1', 'B2'].map((batch) => ({ batch, currency: 'EUR' })),
      lines: [
        { kind: 'charge', batch: 'B1', gross: 500n, reference: 'p1', ...of },
        { kind: 'payout', batch: 'B1', gross: -500n, reference: 'po_1', ...of },
        { kind: 'payout_reversal', batch: 'B2', gross: 500n, reference: 'po_1', ...of },
        { kind: 'charge', batch: 'B2', gross: 70n, reference: 'p2', ...of },
        { kind: 'payout', batch: 'B2', gross: -570n, reference: 'po_2', ...of },
      ],
    });
    const { payouts, payout_makeup: makeup } = await reported(books, '2026-03');
    expect(payouts.map(figures)).toEqual(['po_1 500 -500 0 0 returned', 'po_2 570 0 0 570 not_judged']);
    expect(payouts.map(({ batch, lines, net }) => [batch, lines, net?.minor])).toEqual([
      ['B1', 2, '500'],
      ['B2', 3, '70'],
    ]);
    expect(makeup.map(({ payout, batch, kind, net }) => [payout, batch, kind, net?.minor].join(' '))).toEqual([
      'po_1 B1 charge 500',
      'po_1 B1 payout -500',
      'po_2 B2 charge 70',
      'po_2 B2 payout -570',
      'po_2 B2 payout_reversal 500',
    ]);
  });
});

describe('what a payout is made of', () => {
  const of = { currency: 'EUR', at: AT };
  const batch = (name: string, currency = 'EUR') => ({ batch: name, currency });
  const made = ({ payouts, payout_makeup: makeup }: Shown): string[] => [
    ...payouts.map(
      ({ payout, batch: name, batch_currency: currency, lines, net }) =>
        `${payout}: ${lines} of ${name} come to ${net?.minor} ${currency}`,
    ),
    ...makeup.map(({ kind, batch: name, lines, net }) => `${lines} ${kind} of ${name} ${net?.minor}`),
  ];
  type Report = Parameters<typeof addSettlement>[1];
  const add = async ({ account }: Books, ...reports: readonly Partial<Report>[]): Promise<void> => {
    for (const report of reports) {
      const { lines = [], ...rest } = report;
      const batches = [...new Set(lines.map((one) => `${one.batch} ${one.currency}`))].map((text) => {
        const [name = '', currency] = text.split(' ');
        return batch(name, currency);
      });
      await addSettlement(database, { provider: 'test', account, at: AT, batches, lines, ...rest });
    }
  };
  const paidOut = { kind: 'payout', batch: 'po_1', gross: -600n, reference: 'po_1', ...of };

  it('is its lines where they came in another file than itself', async () => {
    const books = await booksOf(created('po_1', 600n));
    await add(
      books,
      { lines: [paidOut] },
      { lines: [{ kind: 'charge', batch: 'po_1', gross: 650n, fee: 20n, reference: 'p1', ...of }] },
      { lines: [{ kind: 'refund', batch: 'po_1', gross: -30n, reference: 'r1', ...of }] },
    );
    expect(made(await reported(books, '2026-03'))).toEqual([
      'po_1: 3 of po_1 come to 600 EUR',
      '1 charge of po_1 630',
      '1 payout of po_1 -600',
      '1 refund of po_1 -30',
    ]);
  });

  it('is what stands of an amended report, and what its later version told otherwise', async () => {
    const books = await booksOf(created('po_1', 600n));
    await add(
      books,
      {
        status: 'amended',
        lines: [
          { kind: 'charge', batch: 'po_1', gross: 500n, reference: 'p1', ...of },
          { kind: 'charge', batch: 'po_1', gross: 99n, reference: 'p2', removed: true, ...of },
          paidOut,
        ],
      },
      { lines: [{ kind: 'charge', batch: 'po_1', gross: 100n, reference: 'p2', ...of }] },
    );
    expect(made(await reported(books, '2026-03'))).toEqual([
      'po_1: 3 of po_1 come to 600 EUR',
      '2 charge of po_1 600',
      '1 payout of po_1 -600',
    ]);
  });

  it('has what did not name its batch at first', async () => {
    const books = await booksOf(created('po_1', 600n));
    await add(
      books,
      {
        lines: [
          { kind: 'charge', batch: 'unpaid', named: 'po_1', gross: 600n, reference: 'p1', ...of },
          { kind: 'charge', batch: 'unpaid', gross: 7n, reference: 'p2', ...of },
        ],
      },
      { lines: [paidOut] },
    );
    expect(made(await reported(books, '2026-03'))).toEqual([
      'po_1: 2 of po_1 come to 600 EUR',
      '1 charge of po_1 600',
      '1 payout of po_1 -600',
    ]);
  });

  it('has nothing of a control, another account, another currency or a batch that is not named', async () => {
    const [books, others] = [await booksOf(created('po_1', 600n)), await booksOf()];
    const charge = { kind: 'charge', batch: 'po_1', gross: 600n, reference: 'p1', ...of };
    await add(
      books,
      { lines: [paidOut, charge, { ...charge, currency: 'USD', gross: 5n }, { ...charge, batch: 'po_2', gross: 6n }] },
      { movesMoney: false, lines: [charge] },
    );
    await add(others, { lines: [charge] });
    expect(made(await reported(books, '2026-03'))).toEqual([
      'po_1: 2 of po_1 come to 600 EUR',
      '1 charge of po_1 600',
      '1 payout of po_1 -600',
    ]);
    const unnamed = await booksOf(created('po_9', 600n));
    await add(unnamed, {
      lines: [
        { ...paidOut, reference: 'po_9', batch: 'unpaid' },
        { ...charge, batch: 'unpaid' },
      ],
    });
    expect(made(await reported(unnamed, '2026-03'))).toEqual(['po_9: null of unpaid come to undefined EUR']);
  });

  it('is nothing where it was asked for by hand: a period is not what was paid out of it', async () => {
    const books = await booksOf(created('po_1', 600n));
    await add(books, {
      mode: 'balance',
      lines: [
        { kind: 'charge', batch: '2026-03', gross: 900n, reference: 'p1', ...of },
        { ...paidOut, batch: '2026-03' },
      ],
    });
    expect(made(await reported(books, '2026-03'))).toEqual(['po_1: null of 2026-03 come to undefined EUR']);
  });

  it('stands in its own currency, whatever arrives at the bank', async () => {
    const books = await booksOf({
      ...created('po_1', 600n),
      settled: { amount: 97_000n, currency: 'JPY' },
    } as Told);
    await add(books, { lines: [paidOut, { kind: 'charge', batch: 'po_1', gross: 600n, reference: 'p1', ...of }] });
    const shown = await reported(books, '2026-03');
    expect(made(shown)).toEqual(['po_1: 2 of po_1 come to 600 EUR', '1 charge of po_1 600', '1 payout of po_1 -600']);
    expect(shown.payouts.map(({ currency, paid_out: paid }) => [currency, paid?.minor])).toEqual([['JPY', '97000']]);
  });
});
