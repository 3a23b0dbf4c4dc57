import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { AT, bankLine, captured, eur, line } from '../ledger/books.ts';
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
beforeEach(() => {
  world.now = AT;
});

describe('an announcement', () => {
  it('is in transit until its window ends, then missing in the settlement', async () => {
    const books = await world.open();
    await books.announce(captured('p', 1000n));
    await world.catchUp();
    expect(await books.state()).toEqual({ 'pending p gross EUR': 'in_transit 1000' });
    expect(await books.discrepancies()).toEqual({});
    world.now = AT + 7 * DAY;
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({});
    world.now = AT + 8 * DAY;
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_in_settlement p gross': 'open -1000 EUR' });
    await books.settle(line('charge', 'l', { reference: 'p', gross: 1000n, fee: 29n, at: world.now }));
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      'missing_in_settlement p gross': 'auto_cleared -1000 EUR',
      'late_settlement p gross': 'open 0 EUR',
    });
    expect(await books.state()).toEqual({ 'balance B1 EUR': 'in_transit 971' });
  });
});

describe('what comes and goes under one name', () => {
  const moved = (type: 'dispute.withdrawn' | 'dispute.reinstated', amount: bigint, at: number) =>
    ({ type, key: `d:${type}`, dispute: 'd1', ...eur(amount), at }) as const;
  const late = async (books: WorldBooks): Promise<string[]> => {
    await world.catchUp();
    return Object.keys(await books.discrepancies()).filter((key) => key.startsWith('late_settlement'));
  };

  it('is late by its own announcement, not by the first', async () => {
    const books = await world.open();
    await books.announce(captured('d1', 1000n));
    await books.settle(line('charge', 'l1', { reference: 'd1', gross: 1000n, at: AT + DAY }));
    expect(await late(books)).toEqual([]);
    world.now = AT + 30 * DAY;
    await books.announce(moved('dispute.withdrawn', 1000n, world.now));
    await books.settle(line('chargeback', 'l2', { reference: 'd1', gross: -1000n, at: world.now + DAY }));
    expect(await late(books)).toEqual([]);
    world.now = AT + 60 * DAY;
    await books.announce(moved('dispute.reinstated', 1000n, world.now));
    await books.settle(line('chargeback_reversal', 'l3', { reference: 'd1', gross: 1000n, at: world.now + 7 * DAY }));
    expect(await late(books)).toEqual([]);
  });

  it('is late where one of its parts was, whatever is in time since', async () => {
    const books = await world.open();
    await books.announce(moved('dispute.withdrawn', 700n, AT));
    await books.settle(line('chargeback', 'l1', { reference: 'd1', gross: -700n, at: AT + 9 * DAY }));
    world.now = AT + 30 * DAY;
    await books.announce(moved('dispute.reinstated', 700n, world.now));
    await books.settle(line('chargeback_reversal', 'l2', { reference: 'd1', gross: 700n, at: world.now }));
    expect(await late(books)).toEqual(['late_settlement d1 gross']);
  });

  it('is late in parts of one direction too: each is of the announcement that comes before it', async () => {
    const books = await world.open();
    for (const [n, at] of [AT, AT + 20 * DAY].entries()) {
      await books.announce({ ...captured('d1', 500n), key: `d1:${n}`, at });
      await books.settle(line('charge', `l${n}`, { reference: 'd1', gross: 500n, at: at + (n === 0 ? 1 : 8) * DAY }));
      world.now = at + 10 * DAY;
      expect(await late(books)).toEqual(n === 0 ? [] : ['late_settlement d1 gross']);
    }
  });
});

describe('what a pass brought together', () => {
  const late = async (books: WorldBooks): Promise<string[]> => {
    await world.catchUp();
    return Object.keys(await books.discrepancies()).filter((key) => key.startsWith('late_settlement'));
  };

  it('is late where its line was after the window of its announcement, and is told once', async () => {
    const [first, after, intime] = [await world.open(), await world.open(), await world.open()];
    const books = { first, after, intime };
    for (const [name, one] of Object.entries(books))
      await one.announce(captured(`${name}_p`, 1000n), { merchant: `order ${name}` });
    await world.catchUp();
    const lineOn = (name: string, day: number) =>
      line('charge', 'l', { reference: `${name}_x`, gross: 1000n, at: AT + day * DAY });
    // The end of the seventh day after it; what is looked at later is no later for that.
    await intime.settle(lineOn('intime', 7), { merchant: 'order intime' });
    world.now = AT + 8 * DAY;
    await first.settle(lineOn('first', 8), { merchant: 'order first' });
    expect(await late(first)).toEqual(['late_settlement first_p gross']);
    world.now = AT + 20 * DAY;
    await after.settle(lineOn('after', 9), { merchant: 'order after' });
    expect(await late(after)).toEqual(['late_settlement after_p gross']);
    expect(await late(intime)).toEqual([]);
    expect(await late(first)).toEqual(['late_settlement first_p gross']);
  });

  it('is late by the payment that its lines name, each by its own announcement', async () => {
    const books = await world.open();
    await books.announce({ ...captured('cap_1', 700n), at: AT } as PaymentEvent, { payment: 'sale' });
    await books.announce({ ...captured('cap_2', 300n), at: AT + 20 * DAY } as PaymentEvent, { payment: 'sale' });
    world.now = AT + 21 * DAY;
    await books.settle(line('charge', 'l1', { reference: 'sale', gross: 700n, at: AT + DAY }), { payment: 'sale' });
    expect(await late(books)).toEqual([]);
    world.now = AT + 30 * DAY;
    await books.settle(line('charge', 'l2', { reference: 'sale', gross: 300n, at: AT + 29 * DAY }), {
      payment: 'sale',
    });
    expect(await late(books)).toEqual(['late_settlement cap_2 gross']);
  });
});

describe('a line', () => {
  it('nobody announced is missing in the ledger at once', async () => {
    const books = await world.open();
    await books.settle(line('charge', 'l', { reference: 'p2', gross: 1000n }));
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({ 'missing_in_ledger p2 gross': 'open 1000 EUR never_received' });
    await books.announce(captured('p2', 1000n));
    await world.catchUp();
    expect(await books.discrepancies()).toEqual({
      'missing_in_ledger p2 gross': 'auto_cleared 1000 EUR never_received',
    });
  });

  it('by another name is matched where the merchant’s reference is one of each, with what is left of it', async () => {
    const books = await world.open();
    await books.announce(captured('p3', 1000n), { merchant: 'order 1' });
    await world.catchUp();
    await books.settle(line('charge', 'l', { reference: 'x', gross: 990n }), { merchant: 'order 1' });
    await world.catchUp();
    expect(await books.state()).toEqual({
      'pending p3 gross EUR': 'amount_mismatch 10',
      'balance B1 EUR': 'in_transit 990',
    });
  });

  it('and its match is undone where a second one claims the reference', async () => {
    const books = await world.open();
    await books.announce(captured('p4', 1000n), { merchant: 'order 2' });
    await books.settle(line('charge', 'l', { reference: 'x', gross: 1000n }), { merchant: 'order 2' });
    await world.catchUp();
    expect(await books.state()).toEqual({ 'balance B1 EUR': 'in_transit 1000' });
    await books.settle(line('charge', 'l2', { reference: 'y', gross: 1000n }), { merchant: 'order 2' });
    await world.catchUp();
    expect(await books.state()).toEqual({
      'balance B1 EUR': 'in_transit 2000',
      'pending p4 gross EUR': 'in_transit 1000',
      'pending x gross EUR': 'missing_in_ledger -1000',
      'pending y gross EUR': 'missing_in_ledger -1000',
    });
  });
});

it('takes a line that an event announced in another currency for that event’s, whatever order it names', async () => {
  const [first, second] = [await world.open(), await world.open()];
  for (const books of [first, second]) {
    const [own, other, stranger] = ['own', 'other', 'x'].map((name) => `${name}_${books.endpoint}`);
    if (own === undefined || other === undefined || stranger === undefined) throw new Error('there are three');
    const order = { merchant: `order ${books.endpoint}` };
    await books.announce({ ...captured(own, 1000n), currency: 'USD' }, order);
    await books.announce(captured(other, 900n), order);
    await books.settle(line('charge', 'l', { reference: own, gross: 1000n }));
    // A line that names the order must not change what the first one belongs to.
    if (books === second) await books.settle(line('charge', 'm', { reference: stranger, gross: -5n }), order);
    await world.catchUp();
    expect(await books.state()).toMatchObject({
      [`pending ${own} gross USD`]: 'currency_mismatch 1000',
      [`pending ${own} gross EUR`]: 'currency_mismatch -1000',
      [`pending ${other} gross EUR`]: 'in_transit 900',
    });
  }
});

describe('a payout', () => {
  it('gets the bank line that names it, also where it came and failed at once after another took that by its amount', async () => {
    const books = await world.open({ bank_account: 'main' });
    const created = (payout: string, amount: bigint): PaymentEvent => ({
      ...{ type: 'payout.created', payout, key: `${payout}:created`, ...eur(amount) },
    });
    await books.announce(created('po_taking', 300n));
    await books.bank({ ...bankLine('n', 'n1', 300n), at: AT + DAY }, 'PAYOUT PO-NAMED');
    await world.catchUp();
    expect(await books.state()).not.toHaveProperty('bank_in_transit po_taking EUR');
    await books.announce(created('po_named', 982n));
    await books.announce({
      ...created('po_named', 982n),
      type: 'payout.failed',
      key: 'po_named:failed',
    } as PaymentEvent);
    await world.catchUp();
    expect(await books.state()).toMatchObject({
      'bank_in_transit po_taking EUR': 'in_transit 300',
      'bank_in_transit po_named EUR': 'payout_reversed -300',
    });
  });

  it('is matched to a bank line by its name, or by amount and window', async () => {
    const books = await world.open({ bank_account: 'main' });
    const payout = { type: 'payout.created', payout: 'po_1', key: 'po_1:created', ...eur(900n) } as const;
    await books.settle(line('charge', 'l', { reference: 'p5', gross: 900n, batch: 'po_1' }));
    await books.announce(captured('p5', 900n));
    await books.announce(payout);
    await world.catchUp();
    expect(await books.state()).toEqual({ 'bank_in_transit po_1 EUR': 'in_transit 900' });
    await books.bank({ ...bankLine('b', 'b1', 895n), at: AT + DAY }, 'STRIPE PAYOUT PO-1 X');
    await world.catchUp();
    expect(await books.state()).toEqual({
      'bank_in_transit po_1 EUR': 'in_transit 900',
      'bank_in_transit b1 EUR': 'unidentified_bank_credit -895',
    });
    await books.bank({ ...bankLine('c', 'c1', 900n), at: AT + DAY }, 'SOMETHING');
    await world.catchUp();
    expect(await books.state()).toEqual({ 'bank_in_transit b1 EUR': 'unidentified_bank_credit -895' });
  });
});
