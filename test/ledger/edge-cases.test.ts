import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Told } from '../../src/ledger/told.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { stripeCharge, stripeEvent } from '../providers/stripe/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { meaningOf } from '../support/provider-event.ts';
import {
  AT,
  bankLine,
  captured,
  derivedDifferences,
  eur,
  expectSameInAnyOrder,
  line,
  openBooks,
  period,
} from './books.ts';

/*
 * Whole lives with everything that is told of them: announcements, settlement lines, bank lines. What is expected is the whole
 * trial balance with every open item, in any order and as one batch. What one event or one line posts alone, and lives that
 * events alone tell, are in the files beside this one.
 */

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const anyOrder = (told: readonly Told[], expected: Record<string, string>): Promise<void> =>
  expectSameInAnyOrder(database, told, expected);

const fee = (amount: bigint, reference = 'p', of: 'payment' | 'dispute' = 'payment'): Told => ({
  type: 'payment.fee_known',
  key: `txn_${reference}:fee`,
  reference,
  of,
  ...eur(amount),
});
const refund = (id: string, type: 'created' | 'succeeded' | 'failed', amount: bigint): Told => ({
  type: `refund.${type}`,
  key: `${id}:${type}`,
  refund: id,
  payment: 'p',
  ...eur(amount),
});
const dispute = (type: 'withdrawn' | 'reinstated' | 'lost', key: string): Told => ({
  type: `dispute.${type}`,
  key,
  dispute: 'd',
  ...eur(1000n),
});
const payout = (type: 'created' | 'failed', amount: bigint): Told => ({
  type: `payout.${type}`,
  key: `po:${type}`,
  payout: 'po',
  ...eur(amount),
});
const charge = (identity: string, gross: bigint, feeAmount = 0n): Told =>
  line('charge', identity, { reference: 'p', gross, fee: feeAmount });

describe('payments', () => {
  it('of nothing, settled with a fee all the same', async () => {
    await anyOrder([captured('p', 0n), charge('l', 0n, 5n)], {
      'asset:processor_balance [B1] EUR': '-5',
      'expense:processing_fees EUR': '5',
    });
  });

  it('captured in parts, each settled by a line of its own', async () => {
    const part = (id: string, amount: bigint, final: boolean): Told => ({
      type: 'payment.captured',
      key: `${id}:captured`,
      payment: 'p',
      authorisation: { amount, final },
      ...eur(amount),
    });
    const authorised: Told = { type: 'payment.authorised', key: 'p:authorised', payment: 'p', ...eur(1000n) };
    await anyOrder(
      [authorised, part('c1', 300n, false), part('c2', 500n, true), charge('l1', 300n), charge('l2', 499n)],
      {
        'asset:processor_pending [p gross] EUR': '1',
        'asset:processor_balance [B1] EUR': '799',
        'income:revenue EUR': '-800',
      },
    );
  });

  it('whose line comes before the webhook: paid out and at the bank before anybody announced it', async () => {
    const books = openBooks(database);
    await books.post([charge('l', 1000n, 29n)], [line('payout', 'l2', { payout: 'po', gross: -971n })]);
    await books.post([bankLine('b', 'po', 971n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_pending [p gross] EUR': '-1000',
      'asset:bank:main EUR': '971',
      'expense:processing_fees EUR': '29',
    });
    await books.post([captured('p', 1000n), fee(29n)], [payout('created', 971n)]);
    expect(await books.balances()).toEqual({
      'asset:bank:main EUR': '971',
      'expense:processing_fees EUR': '29',
      'income:revenue EUR': '-1000',
    });
  });

  it('that fail after they succeeded and were settled', async () => {
    const reversed: Told = {
      type: 'payment.reversed',
      key: 'p:reversed',
      payment: 'p',
      captureKey: 'p:captured',
      ...eur(1000n),
    };
    await anyOrder([captured('p', 1000n), charge('l1', 1000n), reversed, charge('l2', -1000n)], {});
    // Settled, and taken back by word only: what the processor must still take back is open.
    await anyOrder([charge('l1', 1000n), reversed], {
      'asset:processor_balance [B1] EUR': '1000',
      'asset:processor_pending [p gross] EUR': '-1000',
    });
  });

  it('charged in euros and settled in dollars, refunded in euros and taken in dollars', async () => {
    const sold = line('charge', 'l1', {
      reference: 'p',
      payer: { amount: 1000n, currency: 'EUR' },
      currency: 'USD',
      gross: 1080n,
      fee: 31n,
    });
    const given = line('refund', 'l2', {
      reference: 'r',
      payer: { amount: -400n, currency: 'EUR' },
      currency: 'USD',
      gross: -440n,
    });
    await anyOrder([captured('p', 1000n), sold, refund('r', 'succeeded', 400n), given], {
      'income:revenue EUR': '-1000',
      'income:refunds EUR': '400',
      'asset:fx_position EUR': '600',
      'asset:fx_position USD': '-640',
      'asset:processor_balance [B1] USD': '609',
      'expense:processing_fees USD': '31',
    });
  });

  it('beyond 2^53, to the last minor unit', async () => {
    const most = 9_007_199_254_740_993n;
    await anyOrder([captured('p', most), charge('l', most, 3n)], {
      'income:revenue EUR': '-9007199254740993',
      'asset:processor_balance [B1] EUR': '9007199254740990',
      'expense:processing_fees EUR': '3',
    });
  });

  it.each([
    ['jpy', 500, 'JPY', '500'],
    ['eur', 500, 'EUR', '500'],
    ['kwd', 5000, 'KWD', '5000'],
    // Stripe sends these with decimals that the currencies do not have.
    ['isk', 500_000, 'ISK', '5000'],
    ['ugx', 500_000, 'UGX', '5000'],
  ])('in %s: %d as Stripe sends it', async (code, amount, currency, minor) => {
    const body = stripeEvent('charge.succeeded', stripeCharge({ currency: code, amount, amount_captured: amount }));
    const meaning = meaningOf(stripe, body);
    if (meaning.kind !== 'effects') throw new Error(meaning.kind);
    const books = openBooks(database);
    await books.post(
      [...meaning.effects],
      [line('charge', 'l', { reference: 'ch_1', currency, gross: BigInt(minor) })],
    );
    expect(await books.balances()).toEqual({
      [`asset:processor_balance [B1] ${currency}`]: minor,
      [`income:revenue ${currency}`]: `-${minor}`,
    });
  });

  it('in a currency whose scale nobody knows are parked', () => {
    const body = stripeEvent('charge.succeeded', stripeCharge({ currency: 'xxx' }));
    expect(meaningOf(stripe, body)).toMatchObject({ kind: 'deferred', waitingFor: 'currency', until: null });
  });
});

describe('fees', () => {
  const sold = captured('p', 1000n);
  const settled = charge('l', 1000n, 29n);
  const kept = { 'income:revenue EUR': '-1000', 'asset:processor_balance [B1] EUR': '971' };

  it('announced before the report, after it, or never: the expense is the same', async () => {
    await anyOrder([sold, fee(29n), settled], { ...kept, 'expense:processing_fees EUR': '29' });
    await anyOrder([sold, settled], { ...kept, 'expense:processing_fees EUR': '29' });
  });

  it('announced otherwise than reported: the expense is what was announced, the rest is open', async () => {
    await anyOrder([sold, fee(25n), settled], {
      ...kept,
      'expense:processing_fees EUR': '25',
      'asset:processor_pending [p fee] EUR': '4',
    });
  });

  it('announced and never reported stay open', async () => {
    await anyOrder([sold, fee(25n), charge('l', 1000n)], {
      'income:revenue EUR': '-1000',
      'asset:processor_balance [B1] EUR': '1000',
      'expense:processing_fees EUR': '25',
      'asset:processor_pending [p fee] EUR': '-25',
    });
  });
});

describe('refunds', () => {
  it('of one payment, several, one before its capture, each with its line', async () => {
    const told = [
      refund('r1', 'succeeded', 300n),
      captured('p', 1000n),
      refund('r2', 'succeeded', 200n),
      line('refund', 'l1', { reference: 'r1', gross: -300n }),
      line('refund', 'l2', { reference: 'r2', gross: -200n }),
    ];
    await anyOrder(told, {
      'asset:processor_pending [p gross] EUR': '1000',
      'asset:processor_balance [B1] EUR': '-500',
      'income:revenue EUR': '-1000',
      'income:refunds EUR': '500',
    });
  });

  it('that fail after they succeeded, with the line that gives them back', async () => {
    const told = [
      refund('r', 'succeeded', 300n),
      line('refund', 'l1', { reference: 'r', gross: -300n }),
      refund('r', 'failed', 300n),
      line('refund_reversal', 'l2', { reference: 'r', gross: 300n }),
    ];
    await anyOrder(told, {});
  });
});

describe('disputes', () => {
  it('lost before they were withdrawn, with the line between', async () => {
    const told = [
      dispute('lost', 'd:lost'),
      line('chargeback', 'l', { reference: 'd', gross: -1000n, fee: 1500n }),
      dispute('withdrawn', 'd:1'),
      fee(1500n, 'd', 'dispute'),
    ];
    await anyOrder(told, {
      'asset:processor_balance [B1] EUR': '-2500',
      'expense:dispute_losses EUR': '1000',
      'expense:dispute_fees EUR': '1500',
    });
  });

  it('reinstated and withdrawn again', async () => {
    const told = [
      dispute('withdrawn', 'd:1'),
      dispute('reinstated', 'd:2'),
      dispute('withdrawn', 'd:3'),
      line('chargeback', 'l1', { reference: 'd', gross: -1000n }),
      line('chargeback_reversal', 'l2', { reference: 'd', gross: 1000n }),
    ];
    // The second withdrawal is not settled yet.
    await anyOrder(told, {
      'asset:disputes_receivable [d] EUR': '1000',
      'asset:processor_pending [d gross] EUR': '-1000',
    });
  });
});

describe('payouts', () => {
  it('that are negative, from the balance to the bank', async () => {
    const told = [
      payout('created', -700n),
      line('refund', 'l1', { batch: 'po', reference: 'r', gross: -700n }),
      line('payout', 'l2', { batch: 'po', payout: 'po', gross: 700n }),
      bankLine('b', 'po', -700n),
    ];
    await anyOrder(told, { 'asset:processor_pending [r gross] EUR': '700', 'asset:bank:main EUR': '-700' });
  });

  it('that fail after they were at the bank: open until the bank gives them back', async () => {
    const told = [payout('created', 900n), bankLine('b1', 'po', 900n), payout('failed', 900n)];
    await anyOrder(told, {
      'asset:bank:main EUR': '900',
      'asset:bank_in_transit [po] EUR': '-900',
    });
    await anyOrder([...told, bankLine('b2', 'po', -900n)], {});
  });

  it('by hand, which name no lines: the report’s opening and closing prove them', async () => {
    const told = [
      period('settlement.opening', '2026-03-05', null, 100n),
      line('charge', 'l1', { batch: '2026-03-05', reference: 'p', gross: 1000n, fee: 29n }),
      line('payout', 'l2', { batch: '2026-03-05', payout: 'po', gross: -500n, fee: 10n }),
      period('settlement.closing', '2026-03-05', '2026-03-06', 561n),
      payout('created', 500n),
    ];
    await anyOrder(told, {
      'equity:opening_balances EUR': '-100',
      'asset:processor_pending [p gross] EUR': '-1000',
      'expense:processing_fees EUR': '29',
      'expense:payout_fees EUR': '10',
      'asset:bank_in_transit [po] EUR': '500',
      'asset:processor_balance [carry:2026-03-05>2026-03-06] EUR': '561',
    });
  });
});

it('a reserve held and released in two parts, in another batch', async () => {
  const told = [
    line('reserve_hold', 'l1', { hold: 'h', gross: -500n }),
    line('reserve_release', 'l2', { hold: 'h', gross: 200n, batch: 'B2' }),
  ];
  await anyOrder(told, {
    'asset:processor_balance [B1] EUR': '-500',
    'asset:processor_balance [B2] EUR': '200',
    'asset:processor_reserve [h] EUR': '300',
  });
  await anyOrder([...told, line('reserve_release', 'l3', { hold: 'h', gross: 300n, batch: 'B2' })], {
    'asset:processor_balance [B1] EUR': '-500',
    'asset:processor_balance [B2] EUR': '500',
  });
});

it.each([
  [1n, '1'],
  [-1n, '-1'],
])('a residual of %d minor unit written off, to the books’ last unit', async (residual, expense) => {
  const books = openBooks(database);
  await books.post([captured('p', 1000n)], [charge('l', 1000n - residual)]);
  await books.post([
    {
      type: 'write_off',
      id: 'w',
      item: 'processor_pending',
      reference: 'p',
      component: 'gross',
      ...eur(residual),
    },
  ]);
  expect(await books.balances()).toEqual({
    'asset:processor_balance [B1] EUR': (1000n - residual).toString(),
    'income:revenue EUR': '-1000',
    'expense:reconciliation_differences EUR': expense,
  });
});

describe('sellers', () => {
  const to = (change: object): Told => ({ ...captured('p', 1000n), ...change }) as Told;
  const transfer: Told = { type: 'transfer.created', key: 'tr:created', transfer: 'tr', seller: 's1', ...eur(900n) };
  const applicationFee: Told = { type: 'platform_fee.created', key: 'fee_1:created', fee: 'fee_1', ...eur(100n) };
  const settledTransfer = line('transfer', 'l2', { reference: 'tr', gross: -900n });

  it('of destination charges: what is passed on is the seller’s until its transfer', async () => {
    await anyOrder([to({ seller: { id: 's1', amount: 900n } }), transfer, charge('l1', 1000n), settledTransfer], {
      'asset:processor_balance [B1] EUR': '100',
      'income:revenue EUR': '-100',
    });
  });

  it('of direct charges: the platform has its application fee alone', async () => {
    await anyOrder([applicationFee, line('platform_fee', 'l', { reference: 'fee_1', gross: 100n })], {
      'asset:processor_balance [B1] EUR': '100',
      'income:platform_fees EUR': '-100',
    });
  });

  it('of separate charges: the transfer is the sale', async () => {
    const books = openBooks(database, 'on_transfer');
    await books.post([transfer], [settledTransfer], [charge('l1', 1000n)], [captured('p', 1000n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_balance [B1] EUR': '100',
      'income:revenue EUR': '-100',
    });
  });

  it('of a split that leaves a remainder: refunded in thirds, nothing is lost', async () => {
    const books = openBooks(database, 'on_capture');
    await books.post([to({ seller: { id: 's1', amount: 667n } })]);
    for (const [id, amount] of [
      ['r1', 333n],
      ['r2', 333n],
    ] as const)
      await books.post([refund(id, 'succeeded', amount)]);
    expect(await books.balances()).toEqual({
      'asset:processor_pending [p gross] EUR': '1000',
      'asset:processor_pending [r1 gross] EUR': '-333',
      'asset:processor_pending [r2 gross] EUR': '-333',
      'liability:seller_payable:s1 EUR': '-223',
      'income:revenue EUR': '-333',
      'income:refunds EUR': '222',
    });
    await books.post([refund('r3', 'succeeded', 334n)]);
    expect(await books.balances()).toEqual({
      'asset:processor_pending [p gross] EUR': '1000',
      'asset:processor_pending [r1 gross] EUR': '-333',
      'asset:processor_pending [r2 gross] EUR': '-333',
      'asset:processor_pending [r3 gross] EUR': '-334',
      'income:revenue EUR': '-333',
      'income:refunds EUR': '333',
    });
  });
});

it('a life to its end: everything announced, settled, paid out and at the bank nets to nothing but the result', async () => {
  const books = openBooks(database);
  const told: Told[] = [
    captured('p', 1000n),
    fee(29n),
    refund('r', 'succeeded', 250n),
    line('charge', 'l1', { batch: 'po', reference: 'p', gross: 1000n, fee: 29n, at: AT + 1 }),
    line('refund', 'l2', { batch: 'po', reference: 'r', gross: -250n }),
    line('fee', 'l3', { batch: 'po', fee: 10n, tax: 2n }),
    line('rounding', 'l4', { batch: 'po', gross: 1n }),
    line('payout', 'l5', { batch: 'po', payout: 'po', gross: -710n }),
    payout('created', 710n),
    bankLine('b', 'po', 710n),
  ];
  await books.post(...told.map((one) => [one]));
  expect(await books.balances()).toEqual({
    'asset:bank:main EUR': '710',
    'asset:tax_recoverable EUR': '2',
    'income:revenue EUR': '-1000',
    'income:refunds EUR': '250',
    'expense:processing_fees EUR': '39',
    'expense:rounding EUR': '-1',
  });
});
