import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { AT, bankLine, captured, eur, line, period } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createEngineWorld, DAY, type EngineWorld, type WorldBooks } from './engine-world.ts';

let database: TestDatabase;
let world: EngineWorld;
beforeAll(async () => {
  database = await createTestDatabase();
  world = createEngineWorld(database, AT);
});
afterAll(async () => {
  await world.reconciler.stop();
  await database.drop();
});

/** Books whose references begin with `n`, so that no two tests meet. */
type Told = (books: WorldBooks, n: string) => Promise<void>;

const fee = (reference: string, amount: bigint): PaymentEvent => ({
  type: 'payment.fee_known',
  key: `${reference}:fee`,
  reference,
  of: 'payment',
  ...eur(amount),
});
const payout = (id: string, amount: bigint): PaymentEvent => ({
  type: 'payout.created',
  key: `${id}:created`,
  payout: id,
  ...eur(amount),
});
const charge = (id: string, reference: string, gross: bigint, more: object = {}) =>
  line('charge', id, { reference, gross, ...more });

/** What is told, what is to be found late, and what is open while every window is; `n` stands for the names. */
const TABLE: readonly [name: string, told: Told, late: Record<string, string>, early?: Record<string, string>][] = [
  [
    'missing_in_settlement, once its window is over',
    async (books, n) => books.announce(captured(n, 1000n)),
    { 'missing_in_settlement n gross': 'open -1000 EUR' },
    {},
  ],
  [
    'missing_in_ledger at once: never received',
    async (books, n) => books.settle(charge('l', n, 1000n, { batch: n })),
    { 'missing_in_ledger n gross': 'open 1000 EUR never_received', 'missing_payout n': 'open 1000 EUR' },
    { 'missing_in_ledger n gross': 'open 1000 EUR never_received' },
  ],
  [
    'missing_in_ledger: its event is dead',
    async (books, n) => {
      await books.announce(captured(n, 1000n), { status: 'dead' });
      await books.settle(charge('l', n, 1000n, { batch: n }));
    },
    { 'missing_in_ledger n gross': 'open 1000 EUR dead_or_parked', 'missing_payout n': 'open 1000 EUR' },
    { 'missing_in_ledger n gross': 'open 1000 EUR dead_or_parked' },
  ],
  [
    'amount_mismatch, by one minor unit',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1001n, { batch: n }));
      await books.announce(payout(n, 1001n));
    },
    { 'amount_mismatch n gross': 'open 1 EUR', 'payout_not_in_bank n': 'open -1001 EUR' },
    { 'amount_mismatch n gross': 'open 1 EUR' },
  ],
  [
    'currency_mismatch, on both items',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1100n, { batch: n, currency: 'USD' }));
    },
    {
      'currency_mismatch n gross': 'open 1100 USD',
      'currency_mismatch n gross EUR': 'open -1000 EUR',
      'missing_payout n': 'open 1100 USD',
    },
    { 'currency_mismatch n gross': 'open 1100 USD', 'currency_mismatch n gross EUR': 'open -1000 EUR' },
  ],
  [
    'direction_mismatch',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, -1000n, { batch: n }));
    },
    { 'direction_mismatch n gross': 'open -2000 EUR', 'missing_payout n': 'open -1000 EUR' },
    { 'direction_mismatch n gross': 'open -2000 EUR' },
  ],
  [
    'status_mismatch: taken back, and settled all the same',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.announce({ type: 'payment.reversed', key: `${n}:reversed`, payment: n, ...eur(1000n) });
      await books.settle(charge('l', n, 1000n, { batch: n }));
      await books.announce(payout(n, 1000n));
      await books.bank(bankLine(n, n, 1000n));
    },
    { 'status_mismatch n gross': 'open 1000 EUR' },
    {},
  ],
  [
    'duplicate_in_settlement, by equal lines',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      for (const id of ['1', '2', '3']) await books.settle(charge(id, n, 1000n, { batch: n }));
      await books.announce(payout(n, 3000n));
      await books.bank(bankLine(n, n, 3000n));
    },
    { 'duplicate_in_settlement n gross': 'open 2000 EUR' },
    { 'duplicate_in_settlement n gross': 'open 2000 EUR' },
  ],
  [
    'duplicate_in_ledger: one order was announced by two objects',
    async (books, n) => {
      await books.announce(captured(`${n}a`, 1000n), { merchant: `order ${n}` });
      await books.announce(captured(`${n}b`, 1000n), { merchant: `order ${n}` });
      await books.settle(charge('l', `${n}a`, 1000n, { batch: n }));
      await books.announce(payout(n, 1000n));
      await books.bank(bankLine(n, n, 1000n));
    },
    { 'duplicate_in_ledger nb gross': 'open -1000 EUR' },
    {},
  ],
  [
    'split_incomplete: one capture of two has no line',
    async (books, n) => {
      await books.announce({ ...captured(n, 300n), key: `${n}:captured:1` } as PaymentEvent);
      await books.announce({ ...captured(n, 200n), key: `${n}:captured:2` } as PaymentEvent);
      await books.settle(charge('l', n, 300n, { batch: n }));
      await books.announce(payout(n, 300n));
      await books.bank(bankLine(n, n, 300n));
    },
    { 'split_incomplete n gross': 'open -200 EUR' },
    {},
  ],
  [
    'split_incomplete: two captures of three have no line',
    async (books, n) => {
      for (const [part, amount] of [300n, 200n, 150n].entries())
        await books.announce({ ...captured(n, amount), key: `${n}:captured:${part}`, at: AT + part } as PaymentEvent);
      await books.settle(charge('l', n, 300n, { batch: n }));
      await books.announce(payout(n, 300n));
      await books.bank(bankLine(n, n, 300n));
    },
    { 'split_incomplete n gross': 'open -350 EUR' },
    {},
  ],
  [
    'amount_mismatch: a part of what came last has no line',
    async (books, n) => {
      for (const [part, amount] of [300n, 200n].entries())
        await books.announce({ ...captured(n, amount), key: `${n}:captured:${part}`, at: AT + part } as PaymentEvent);
      await books.settle(charge('l', n, 350n, { batch: n }));
      await books.announce(payout(n, 350n));
      await books.bank(bankLine(n, n, 350n));
    },
    { 'amount_mismatch n gross': 'open -150 EUR' },
    { 'amount_mismatch n gross': 'open -150 EUR' },
  ],
  [
    'fee_mismatch where a fee was announced, signed from the merchant’s side',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.announce(fee(n, 29n));
      await books.settle(charge('l', n, 1000n, { batch: n, fee: 35n }));
      await books.announce(payout(n, 965n));
      await books.bank(bankLine(n, n, 965n));
    },
    { 'fee_mismatch n fee': 'open -6 EUR' },
    { 'fee_mismatch n fee': 'open -6 EUR' },
  ],
  [
    'no fee_mismatch where nobody announced one',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1000n, { batch: n, fee: 35n }));
      await books.announce(payout(n, 965n));
      await books.bank(bankLine(n, n, 965n));
    },
    {},
    {},
  ],
  [
    'missing_file, and what is in it under it',
    async (books, n) => {
      await books.announce(captured(`${n}p`, 1000n));
      await books.announce(payout(n, 1000n));
      await books.bank(bankLine(n, n, 1000n));
    },
    { 'missing_file n': 'open -1000 EUR' },
    {},
  ],
  [
    'missing_payout',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1000n, { batch: n }));
    },
    { 'missing_payout n': 'open 1000 EUR' },
    {},
  ],
  [
    'payout_total_mismatch',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1000n, { batch: n }));
      await books.announce(payout(n, 989n));
      await books.bank(bankLine(n, n, 989n));
    },
    { 'payout_total_mismatch n': 'open 11 EUR' },
    { 'payout_total_mismatch n': 'open 11 EUR' },
  ],
  [
    'proof_failed and roll_forward_break of an account that is paid out by hand; the newest carry is in transit',
    async (books, n) => {
      await books.tell(period('settlement.opening', `${n}1`, null, 100n));
      await books.settle(charge('l', n, 50n, { batch: `${n}1` }));
      await books.announce(captured(n, 50n));
      await books.tell(period('settlement.closing', `${n}1`, `${n}2`, 155n));
      await books.tell(period('settlement.opening', `${n}2`, `${n}1`, 150n));
      await books.tell({ ...period('settlement.closing', `${n}2`, `${n}3`, 150n), at: AT + DAY });
    },
    { 'proof_failed n1': 'open -5 EUR', 'roll_forward_break carry:n1>n2': 'open 5 EUR' },
    { 'proof_failed n1': 'open -5 EUR', 'roll_forward_break carry:n1>n2': 'open 5 EUR' },
  ],
  [
    'bank_amount_mismatch',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1000n, { batch: n }));
      await books.announce(payout(n, 1000n));
      await books.bank(bankLine(n, n, 987n));
    },
    { 'bank_amount_mismatch n': 'open -13 EUR' },
    { 'bank_amount_mismatch n': 'open -13 EUR' },
  ],
  [
    'payout_reversed: the processor took it back, the bank still has it',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.settle(charge('l', n, 1000n, { batch: n }));
      await books.announce({ ...payout(n, 1000n), type: 'payout.failed', key: `${n}:failed` } as PaymentEvent);
      await books.settle(line('payout', 'again', { batch: n, payout: `${n}2`, gross: -1000n }));
      await books.bank(bankLine(n, n, 1000n));
      await books.bank(bankLine(`${n}2`, `${n}2`, 1000n));
    },
    { 'payout_reversed n': 'open 1000 EUR' },
    { 'payout_reversed n': 'open 1000 EUR' },
  ],
  [
    'unidentified_bank_credit',
    async (books, n) => books.bank(bankLine(n, n, 4321n)),
    { 'unidentified_bank_credit n': 'open 4321 EUR' },
    { 'unidentified_bank_credit n': 'open 4321 EUR' },
  ],
  [
    'refund_not_sent',
    async (books, n) =>
      books.announce({ type: 'refund.created', key: `${n}:created`, refund: n, ...eur(300n) } as PaymentEvent),
    { 'refund_not_sent n': 'open 300 EUR' },
    {},
  ],
  [
    'dispute_stale and reserve_overdue, after months',
    async (books, n) => {
      await books.announce({ type: 'dispute.withdrawn', key: `${n}:withdrawn`, dispute: n, ...eur(300n) });
      await books.settle(line('chargeback', 'c', { batch: n, reference: n, gross: -300n }));
      await books.settle(line('reserve_hold', 'h', { batch: n, hold: n, gross: -100n }));
      await books.settle(line('topup', 't', { batch: n, payout: n, gross: 400n }));
      await books.bank(bankLine(n, n, -400n));
    },
    { 'dispute_stale n': 'open -300 EUR', 'reserve_overdue n': 'open -100 EUR' },
    {},
  ],
  [
    'nothing of what is withheld anew while the old is released, until the new is old',
    async (books, n) => {
      const held = (id: string, day: number, gross: bigint) =>
        books.settle(
          line(gross < 0n ? 'reserve_hold' : 'reserve_release', id, { batch: n, hold: n, gross, at: AT + day * DAY }),
        );
      await held('h1', 0, -100n);
      await held('h2', 150, -100n);
      await held('r1', 179, 100n);
      await held('h3', 300, -100n);
      await held('r2', 329, 100n);
      await books.settle(line('topup', 't', { batch: n, payout: n, gross: 100n }));
      await books.bank(bankLine(n, n, -100n));
    },
    {},
    {},
  ],
  [
    'unknown_kind',
    async (books, n) => {
      await books.settle(line('other', n, { batch: n, gross: 33n }));
      await books.announce(payout(n, 33n));
      await books.bank(bankLine(n, n, 33n));
    },
    { 'unknown_kind n': 'open 33 EUR' },
    { 'unknown_kind n': 'open 33 EUR' },
  ],
  [
    'nothing of a payment that is announced, settled, paid out and seen at the bank',
    async (books, n) => {
      await books.announce(captured(n, 1000n));
      await books.announce(fee(n, 29n));
      await books.settle(charge('l', n, 1000n, { batch: n, fee: 29n }));
      await books.announce(payout(n, 971n));
      await books.bank(bankLine(n, n, 971n));
    },
    {},
    {},
  ],
];

describe('each class, in its window and after it', () => {
  it('names every item by the first row that is true, once', async () => {
    const cases: {
      name: string;
      books: WorldBooks;
      n: string;
      late: Record<string, string>;
      early: Record<string, string>;
    }[] = [];
    for (const [name, told, late, early = late] of TABLE) {
      const books = await world.open({ bank_account: 'main' });
      const n = `case${cases.length}_`;
      await told(books, n);
      cases.push({ name, books, n, late, early });
    }
    const found = async (books: WorldBooks, n: string): Promise<Record<string, string>> => {
      const { rows } = await database.sql.query<{ item: string; is: string }>(
        `select class || ' ' || replace(reference, $3, 'n') || case when component = '' then '' else ' ' || component end
           || case when class = 'currency_mismatch' and currency = 'EUR' then ' EUR' else '' end as item,
           status || ' ' || delta || ' ' || currency || coalesce(' ' || cause, '') as is
         from postern.discrepancies where provider = $1 and account = $2 and status <> 'auto_cleared'`,
        [books.provider, books.account, n],
      );
      return Object.fromEntries(rows.map((row) => [row.item, row.is]));
    };
    world.now = AT + DAY;
    await world.catchUp();
    for (const { name, books, n, early } of cases) expect([name, await found(books, n)]).toEqual([name, early]);
    world.now = AT + 400 * DAY;
    await world.catchUp();
    for (const { name, books, n, late } of cases) expect([name, await found(books, n)]).toEqual([name, late]);
    expect(await world.compare()).toEqual([]);
  });

  it('finds what is open in another account of the same processor on both', async () => {
    world.now = AT;
    const [one, other] = [await world.open(), await world.open()];
    await one.announce(captured('elsewhere', 1000n));
    await other.settle(charge('l', 'elsewhere', 1000n));
    await world.catchUp();
    expect(await one.discrepancies()).toEqual({ 'wrong_account elsewhere gross': 'open -1000 EUR' });
    expect(await other.discrepancies()).toMatchObject({ 'wrong_account elsewhere gross': 'open 1000 EUR' });
  });

  it('judges the third hop only where a bank account is set, and anew where that changes', async () => {
    world.now = AT + 30 * DAY;
    const books = await world.open();
    await books.announce(payout('unjudged', 100n));
    await books.settle(charge('l', 'unjudged_p', 100n, { batch: 'unjudged' }));
    await books.announce(captured('unjudged_p', 100n));
    await world.catchUp();
    expect(await books.state()).toEqual({ 'bank_in_transit unjudged EUR': 'informational 100' });
    await world.change(books, { bank_account: 'main' });
    await world.catchUp();
    expect(await books.state()).toEqual({ 'bank_in_transit unjudged EUR': 'payout_not_in_bank 100' });
  });
});

describe('work on a discrepancy', () => {
  it('that nets is cleared, and one that comes back is reopened, as the same one', async () => {
    world.now = AT;
    const books = await world.open();
    await books.settle(charge('l', 'back', 1000n));
    await world.catchUp();
    await books.announce(captured('back', 1000n));
    await world.catchUp();
    await books.settle(charge('l2', 'back', 1000n));
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'duplicate_in_settlement back gross': 'reopened 1000 EUR' });
    const { rows } = await database.sql.query<{ action: string }>(
      `select h.action from postern.discrepancy_history h join postern.discrepancies d on d.id = h.discrepancy_id
       where d.account = $1 order by h.no`,
      [books.account],
    );
    expect(rows.map(({ action }) => action)).toEqual(['found', 'cleared', 'reopened']);
  });
});
