import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAccounts, postEntries } from '../../src/ledger/ledger-store.ts';
import { draftsOf } from '../../src/ledger/rules.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, derivedDifferences, eur, openBooks } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const seller = { id: 's1', amount: 600n };

/** What each canonical event leaves in the books when it is the only one there. */
const TABLE: readonly [
  name: string,
  event: PaymentEvent,
  balances: Record<string, string>,
  marketplace?: 'on_transfer',
][] = [
  [
    'payment.authorised',
    { type: 'payment.authorised', key: 'p:authorised', payment: 'p', ...eur(500n) },
    { 'memo:authorisations [p] EUR': '500', 'memo:authorisations_contra EUR': '-500' },
  ],
  [
    'payment.captured, all ours',
    { type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(1000n) },
    { 'asset:processor_pending [p gross] EUR': '1000', 'income:revenue EUR': '-1000' },
  ],
  [
    'payment.captured with a seller and tax',
    { type: 'payment.captured', key: 'p:captured', payment: 'p', seller, tax: 50n, ...eur(1000n) },
    {
      'asset:processor_pending [p gross] EUR': '1000',
      'liability:seller_payable:s1 EUR': '-600',
      'liability:tax_payable EUR': '-50',
      'income:revenue EUR': '-350',
    },
  ],
  [
    'payment.captured beyond 2^53',
    { type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(9_007_199_254_740_993n) },
    { 'asset:processor_pending [p gross] EUR': '9007199254740993', 'income:revenue EUR': '-9007199254740993' },
  ],
  [
    'payment.reversed, without the capture it takes back',
    { type: 'payment.reversed', key: 'p:reversed', payment: 'p', ...eur(1000n) },
    { 'asset:processor_pending [p gross] EUR': '-1000', 'income:revenue EUR': '1000' },
  ],
  [
    'payment.reversed that implies its capture',
    { type: 'payment.reversed', key: 'p:reversed', payment: 'p', captureKey: 'p:captured', seller, ...eur(1000n) },
    {},
  ],
  ['payment.failed', { type: 'payment.failed', key: 'p:failed', payment: 'p', currency: 'EUR', at: AT }, {}],
  [
    'payment.tax_known',
    { type: 'payment.tax_known', key: 'in_1:tax', payment: 'p', ...eur(190n) },
    { 'income:revenue EUR': '190', 'liability:tax_payable EUR': '-190' },
  ],
  [
    'payment.fee_known',
    { type: 'payment.fee_known', key: 'txn:fee', reference: 'p', of: 'payment', ...eur(29n) },
    { 'expense:processing_fees EUR': '29', 'asset:processor_pending [p fee] EUR': '-29' },
  ],
  [
    'payment.fee_known of a dispute, given back',
    { type: 'payment.fee_known', key: 'txn:fee', reference: 'd', of: 'dispute', ...eur(-1500n) },
    { 'expense:dispute_fees EUR': '-1500', 'asset:processor_pending [d fee] EUR': '1500' },
  ],
  [
    'platform_fee.created',
    { type: 'platform_fee.created', key: 'fee_1:created', fee: 'fee_1', ...eur(70n) },
    { 'asset:processor_pending [fee_1 gross] EUR': '70', 'income:platform_fees EUR': '-70' },
  ],
  [
    'platform_fee.refunded',
    { type: 'platform_fee.refunded', key: 'fr_1:refunded', fee: 'fr_1', ...eur(70n) },
    { 'asset:processor_pending [fr_1 gross] EUR': '-70', 'income:platform_fees EUR': '70' },
  ],
  [
    'transfer.created',
    { type: 'transfer.created', key: 'tr_1:created', transfer: 'tr_1', seller: 's1', ...eur(600n) },
    { 'liability:seller_payable:s1 EUR': '600', 'asset:processor_pending [tr_1 gross] EUR': '-600' },
  ],
  [
    'transfer.created where the transfer is the sale to the seller',
    { type: 'transfer.created', key: 'tr_1:created', transfer: 'tr_1', seller: 's1', ...eur(600n) },
    { 'income:revenue EUR': '600', 'asset:processor_pending [tr_1 gross] EUR': '-600' },
    'on_transfer',
  ],
  [
    'transfer.reversed',
    { type: 'transfer.reversed', key: 'trr_1:created', transfer: 'trr_1', seller: 's1', ...eur(600n) },
    { 'liability:seller_payable:s1 EUR': '-600', 'asset:processor_pending [trr_1 gross] EUR': '600' },
  ],
  [
    'refund.created',
    { type: 'refund.created', key: 'r:created', refund: 'r', ...eur(300n) },
    { 'income:refunds EUR': '300', 'liability:refunds_payable [r] EUR': '-300' },
  ],
  [
    'refund.succeeded, which implies created',
    { type: 'refund.succeeded', key: 'r:succeeded', refund: 'r', ...eur(300n) },
    { 'income:refunds EUR': '300', 'asset:processor_pending [r gross] EUR': '-300' },
  ],
  ['refund.failed, in the end nothing', { type: 'refund.failed', key: 'r:failed', refund: 'r', ...eur(300n) }, {}],
  [
    'dispute.withdrawn',
    { type: 'dispute.withdrawn', key: 'd:1', dispute: 'd', ...eur(1000n) },
    { 'asset:disputes_receivable [d] EUR': '1000', 'asset:processor_pending [d gross] EUR': '-1000' },
  ],
  [
    'dispute.withdrawn that is named by the payment disputed',
    { type: 'dispute.withdrawn', key: 'p:1', dispute: 'p', component: 'dispute', ...eur(1000n) },
    { 'asset:disputes_receivable [p] EUR': '1000', 'asset:processor_pending [p dispute] EUR': '-1000' },
  ],
  [
    'dispute.reinstated',
    { type: 'dispute.reinstated', key: 'd:2', dispute: 'd', ...eur(1000n) },
    { 'asset:disputes_receivable [d] EUR': '-1000', 'asset:processor_pending [d gross] EUR': '1000' },
  ],
  [
    'dispute.lost',
    { type: 'dispute.lost', key: 'd:lost', dispute: 'd', ...eur(1000n) },
    { 'expense:dispute_losses EUR': '1000', 'asset:disputes_receivable [d] EUR': '-1000' },
  ],
  [
    'payout.created',
    { type: 'payout.created', key: 'po:created', payout: 'po', ...eur(900n) },
    { 'asset:bank_in_transit [po] EUR': '900', 'asset:processor_balance [po] EUR': '-900' },
  ],
  [
    'payout.created, negative',
    { type: 'payout.created', key: 'po:created', payout: 'po', ...eur(-900n) },
    { 'asset:bank_in_transit [po] EUR': '-900', 'asset:processor_balance [po] EUR': '900' },
  ],
  [
    'payout.created in another currency',
    {
      type: 'payout.created',
      key: 'po:created',
      payout: 'po',
      settled: { amount: 1080n, currency: 'USD' },
      ...eur(900n),
    },
    {
      'asset:bank_in_transit [po] USD': '1080',
      'asset:fx_position USD': '-1080',
      'asset:fx_position EUR': '900',
      'asset:processor_balance [po] EUR': '-900',
    },
  ],
  ['payout.failed, which implies created', { type: 'payout.failed', key: 'po:failed', payout: 'po', ...eur(900n) }, {}],
  ['payout.returned', { type: 'payout.returned', key: 'po:returned', payout: 'po', ...eur(900n) }, {}],
];

describe('what each canonical event posts', () => {
  it.each(TABLE)('%s', async (_name, event, expected, marketplace) => {
    const books = openBooks(database, marketplace ?? null);
    await books.post([event]);
    expect(await books.balances()).toEqual(expected);
  });

  it('names an amount of zero instead of posting nothing silently', async () => {
    const books = openBooks(database);
    const [result] = await books.post([{ type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(0n) }]);
    expect(result).toEqual({ kind: 'nothing', reason: 'the amount is zero' });
  });

  it('keeps the derived balances and open items equal to the postings', async () => {
    expect(await derivedDifferences(database)).toEqual([]);
  });
});

describe('effects that are told again', () => {
  const captured: PaymentEvent = { type: 'payment.captured', key: 'p:captured', payment: 'p', ...eur(1000n) };

  it('posts once what two events tell, and links the second to it', async () => {
    const books = openBooks(database);
    const [first] = await books.post([captured]);
    const [second] = await books.post([{ ...captured, at: AT + 5_000 }]);
    if (first?.kind !== 'posted') throw new Error('the first did not post');
    expect(second).toEqual({ kind: 'posted', transactions: first.transactions, replayed: true });
    const evidence = await database.sql.query('select from postern.transaction_evidence where transaction_id = $1', [
      first.transactions[0],
    ]);
    expect(evidence.rowCount).toBe(1);
    expect(await books.balances()).toMatchObject({ 'income:revenue EUR': '-1000' });
  });

  it('posts once what one batch tells twice', async () => {
    const books = openBooks(database);
    const results = await books.post([captured], [captured]);
    expect(results).toMatchObject([{ replayed: false }, { replayed: true }]);
    expect(await books.balances()).toMatchObject({ 'income:revenue EUR': '-1000' });
  });

  it.each([
    ['another amount', { ...captured, amount: 1001n }],
    ['another currency', { ...captured, currency: 'USD' }],
    ['another reference', { ...captured, payment: 'q' }],
    ['another seller', { ...captured, seller }],
  ])('is a conflict with %s, and changes nothing', async (_name, other: PaymentEvent) => {
    const books = openBooks(database);
    await books.post([captured]);
    const before = await books.balances();
    const [result] = await books.post([other]);
    expect(result).toEqual({ kind: 'conflict', effectKey: `test:${books.account}:p:captured` });
    expect(await books.balances()).toEqual(before);
    const noted = await database.sql.query('select told from postern.effect_conflicts where effect_key = $1', [
      `test:${books.account}:p:captured`,
    ]);
    expect(noted.rowCount).toBe(1);
  });

  it.each([
    ['nothing new, where the money is the same', { ...captured, seller }, { kind: 'posted', replayed: true }],
    ['a conflict, where it is not', { ...captured, amount: 1001n }, { kind: 'conflict' }],
    ['a conflict in another currency', { ...captured, currency: 'USD' }, { kind: 'conflict' }],
  ])('is, with what an older rule posted otherwise, %s', async (_name, event: PaymentEvent, expected) => {
    const books = openBooks(database);
    await postByRule(1, books.account, captured);
    const before = await books.balances();
    expect(await books.post([event])).toMatchObject([expected]);
    expect(await books.balances()).toEqual(before);
  });

  const paidOut = (amount: bigint, settled?: bigint): PaymentEvent => ({
    type: 'payout.created',
    key: 'po:created',
    payout: 'po',
    ...(settled === undefined ? {} : { settled: { amount: settled, currency: 'USD' } }),
    ...eur(amount),
  });

  it.each([
    ['another amount in one of two currencies', paidOut(900n, 1080n), paidOut(900n, 1081n)],
    ['another amount in the other', paidOut(900n, 1080n), paidOut(901n, 1080n)],
    ['a currency more', paidOut(900n), paidOut(900n, 1080n)],
    ['a currency less', paidOut(900n, 1080n), paidOut(900n)],
  ])('is a conflict with what an older rule posted of %s', async (_name, before, event) => {
    const books = openBooks(database);
    await postByRule(1, books.account, before);
    expect(await books.post([event])).toMatchObject([{ kind: 'conflict' }]);
  });

  it('is, beside what an older rule posted as other legs of the same money, each judged alone', async () => {
    const books = openBooks(database);
    await postByRule(1, books.account, captured);
    await postByRule(1, books.account, paidOut(900n));
    const results = await books.post([{ ...captured, seller }], [paidOut(901n)]);
    expect(results).toMatchObject([{ kind: 'posted', replayed: true }, { kind: 'conflict' }]);
  });

  it('posts nothing of an event of which one effect conflicts, and all of its neighbours', async () => {
    const books = openBooks(database);
    await books.post([captured]);
    const results = await books.post(
      [{ type: 'platform_fee.created', key: 'f1:created', fee: 'f1', ...eur(1n) }],
      [
        { type: 'platform_fee.created', key: 'f2:created', fee: 'f2', ...eur(2n) },
        { ...captured, amount: 1n },
      ],
      // A seller nobody has named before: its account was made by the turn that was undone.
      [{ type: 'transfer.created', key: 'tr:created', transfer: 'tr', seller: `new ${books.account}`, ...eur(4n) }],
    );
    expect(results.map((r) => r.kind)).toEqual(['posted', 'conflict', 'posted']);
    expect(await books.balances()).toMatchObject({ 'income:platform_fees EUR': '-1' });
  });

  it('finds a conflict inside one batch', async () => {
    const books = openBooks(database);
    const results = await books.post([captured], [{ ...captured, amount: 7n }]);
    expect(results.map((r) => r.kind)).toEqual(['posted', 'conflict']);
    expect(await books.balances()).toMatchObject({ 'income:revenue EUR': '-1000' });
  });
});

async function postByRule(version: number, account: string, event: PaymentEvent): Promise<void> {
  await withTransaction(database.appPool, async (tx) => {
    for (const { key, kind, at, legs, content } of draftsOf(event, { provider: 'test', account, marketplace: null })) {
      const ids = new Map(
        (
          await openAccounts(
            tx,
            legs.map((l) => l.account),
          )
        ).map(({ path, id }) => [path, id]),
      );
      const entry = { id: uuidv7(AT), effectKey: `test:${account}:${key}`, kind, at, legs, content, reverses: null };
      await postEntries(
        tx,
        [{ source: fromEvent(uuidv7(AT)), zone: null, entry }],
        (path) => ids.get(path) ?? 0,
        version,
      );
    }
  });
}
