import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createImporter, type Importer } from '../../src/reconcile/import/importer.ts';
import { bankLine } from '../ledger/books.ts';
import { stripeCharge, stripeEvent } from '../providers/stripe/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { meaningOf } from '../support/provider-event.ts';
import { stubBytes } from '../support/stub-report.ts';
import { createEngineWorld, DAY, type EngineWorld, type WorldBooks } from './engine-world.ts';

/** A Stripe account whose money somebody pays out by hand: its reports state no balances, and name no payout's lines. */
const START = Date.UTC(2026, 2, 2, 12);
const SETTINGS = { settlement_mode: 'balance', bank_account: 'main' } as const;

let database: TestDatabase;
let world: EngineWorld;
let importer: Importer;
let made = 0;
beforeAll(async () => {
  database = await createTestDatabase();
  world = createEngineWorld(database, START);
  importer = createImporter({ pool: database.appPool, clock: { now: () => world.now }, log: database.log });
});
afterAll(async () => {
  await importer.close();
  await world.reconciler.stop();
  await database.drop();
});
beforeEach(() => {
  world.now = START;
});

type Movement = { readonly id: string; readonly day: number; readonly amount: number; readonly fee: number };

const open = async (books: WorldBooks): Promise<Record<string, string>> =>
  Object.fromEntries(Object.entries(await books.discrepancies()).filter(([, is]) => is.startsWith('open')));

const at = (day: number): number => START + day * DAY;
const minor = (amount: number): string => (amount / 100).toFixed(2);
const stamp = (time: number): string => new Date(time).toISOString().slice(0, 19).replace('T', ' ');

/** Three charges a day for so many days, of an account of its own: what one is called is told once in the database. */
function movements(days: number): Movement[] {
  made += 1;
  return Array.from({ length: days * 3 }, (_, n) => ({
    id: `h${made}_${n}`,
    day: Math.floor(n / 3),
    amount: 1000 + 100 * n,
    fee: 25 + n,
  }));
}

/** By the webhook that Stripe sends of it. */
async function announce(books: WorldBooks, body: Buffer): Promise<void> {
  const meaning = meaningOf(stripe, body);
  if (meaning.kind !== 'effects') throw new Error(meaning.kind);
  for (const effect of meaning.effects) await books.announce(effect);
}

const charged = ({ id, day, amount, fee }: Movement): Buffer => {
  const created = at(day) / 1000;
  const balance = { id: `txn_${id}`, object: 'balance_transaction', amount, currency: 'eur', fee, created };
  const charge = { id: `ch_${id}`, amount, amount_captured: amount, created, balance_transaction: balance };
  return stripeEvent('charge.succeeded', stripeCharge(charge), { created });
};

async function hand(books: WorldBooks, rows: readonly string[]): Promise<string> {
  const { endpoint: id, account } = books;
  const endpoint = { id, name: account, account, settings: SETTINGS, provider: stripe };
  const order = { endpoint, format: null, fileName: null, acceptDifference: null, actor: 'test', bytesMax: 1_000_000 };
  const received = await importer.receive(order, stubBytes(`${rows.join('\n')}\n`));
  return received.kind === 'proven' ? (await received.finish()).kind : received.kind;
}

function activity(list: readonly Movement[]): string[] {
  const rows = list.map(
    ({ id, day, amount, fee }) =>
      `txn_${id},${stamp(at(day))},eur,${minor(amount)},${minor(fee)},${minor(amount - fee)},charge,ch_${id},ch_${id}`,
  );
  return ['balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id', ...rows];
}

function payouts(id: string, day: number, amount: number): string[] {
  return [
    'payout_id,effective_at_utc,balance_transaction_id,currency,gross,fee,net,reporting_category',
    `${id},${stamp(at(day))},txn_${id},eur,${minor(-amount)},0.00,${minor(-amount)},payout`,
  ];
}

/** Six days with two payouts by hand, in the order that is asked for; without the lines of `lost`. */
async function told(order: (days: number[]) => number[], lost: (one: Movement) => boolean) {
  const books = await world.open(SETTINGS);
  const days = 6;
  const all = movements(days);
  for (const one of all) await announce(books, charged(one));
  const paid = [2, 4].map((day) => ({ id: `po_${made}_${day}`, day, amount: 5000 + day }));
  for (const { id, day, amount } of paid) {
    const created = at(day) / 1000;
    const payout = { id, object: 'payout', amount, currency: 'eur', created, arrival_date: created, status: 'paid' };
    await announce(books, stripeEvent('payout.paid', payout, { created }));
    await books.bank({ ...bankLine(id, id, BigInt(amount)), at: at(day) });
  }
  for (const day of order(Array.from({ length: days }, (_, n) => n))) {
    const list = all.filter((one) => one.day === day && !lost(one));
    expect(await hand(books, activity(list))).toBe('imported');
    for (const one of paid.filter((payout) => payout.day === day))
      expect(await hand(books, payouts(one.id, day, one.amount))).toBe('imported');
    world.now += DAY;
    await world.catchUp();
  }
  world.now = at(days + 30);
  await world.catchUp();
  return { books, all, paid };
}

describe('an account that is paid out by hand', () => {
  it.each([
    ['in their order', (days: number[]) => days],
    ['the newest first', (days: number[]) => [...days].reverse()],
  ])('has what its reports come to in transit, and nothing else: %s', async (_, order) => {
    const { books, all, paid } = await told(order, () => false);
    expect(await open(books)).toEqual({});
    const state = Object.values(await books.state());
    const there = all.reduce((sum, one) => sum + one.amount - one.fee, 0);
    const left = there - paid.reduce((sum, one) => sum + one.amount, 0);
    expect(state.every((one) => one.startsWith('in_transit '))).toBe(true);
    expect(state.reduce((sum, one) => sum + Number(one.split(' ')[1]), 0)).toBe(left);
    expect(await world.compare()).toEqual([]);
  });

  it('misses the one line that no report has, and names it', async () => {
    const { books, all } = await told(
      (days) => days,
      ({ id }) => id.endsWith('_7'),
    );
    const lost = all[7];
    expect(await books.discrepancies()).toEqual({
      [`missing_in_settlement ch_${lost?.id} gross`]: `open -${lost?.amount} EUR`,
      [`fee_mismatch ch_${lost?.id} fee`]: `open ${lost?.fee} EUR`,
    });
  });

  it('has what a day leaves corrected where it comes to nothing, and where a line of it is told of another day', async () => {
    const books = await world.open(SETTINGS);
    const [first, , , second] = movements(2);
    if (first === undefined || second === undefined) throw new Error('no movements');
    for (const one of [first, second]) await announce(books, charged(one));
    await hand(books, activity([first, second]));
    await hand(books, payouts(`po_${made}`, 0, first.amount - first.fee));
    await hand(books, activity([{ ...second, day: 0, amount: second.amount + 1 }]));
    world.now = at(40);
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      [`amount_mismatch ch_${second.id} gross`]: 'open 1 EUR',
      'amended_file 2026-03-02': 'open 0 EUR',
      [`payout_not_in_bank po_${made}`]: `open -${first.amount - first.fee} EUR`,
    });
    expect(await books.state()).toMatchObject({
      'balance carry:2026-03-02>unproven EUR': `in_transit ${second.amount + 1 - second.fee}`,
    });
  });
});
