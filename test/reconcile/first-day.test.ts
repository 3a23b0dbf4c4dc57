import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { EndpointSettings } from '../../src/providers/provider.ts';
import { createImporter, type Importer } from '../../src/reconcile/import/importer.ts';
import { AT } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type StubItem, stubBytes, stubFile, stubProvider } from '../support/stub-report.ts';
import { createEngineWorld, DAY, type EngineWorld, type WorldBooks } from './engine-world.ts';

/** An account whose first report says what its period opened with, and whose `live_from` is told at some time or other. */
const MODE = { settlement_mode: 'balance' } as const;
const LIVE = { ...MODE, live_from: '2026-03-05', time_zone: 'Europe/Berlin' } as const;
const OPENS_AT = Date.parse('2026-03-05T00:00:00+01:00');

let database: TestDatabase;
let world: EngineWorld;
let importer: Importer;
beforeAll(async () => {
  database = await createTestDatabase();
  world = createEngineWorld(database, AT);
  importer = createImporter({ pool: database.appPool, clock: { now: () => world.now }, log: database.log });
});
afterAll(async () => {
  await importer.close();
  await world.reconciler.stop();
  await database.drop();
});
beforeEach(() => {
  world.now = AT;
});

const opening = (amount: number, batch = 'P2', neighbour = 'P1'): StubItem => ({
  ...{ type: 'settlement.opening', batch, neighbour, amount, at: OPENS_AT },
});
const charge = (id: string, gross: number): StubItem => ({ kind: 'charge', id, about: id, gross, batch: 'P2' });
const closing = (amount: number, batch = 'P2', neighbour = 'P3'): StubItem => ({
  ...{ type: 'settlement.closing', batch, neighbour, amount },
});

async function hand(books: WorldBooks, settings: EndpointSettings, items: readonly StubItem[]): Promise<string> {
  const { endpoint: id, account } = books;
  const endpoint = { id, name: account, account, settings, provider: stubProvider };
  const order = { endpoint, format: null, fileName: null, acceptDifference: null, actor: 'test', bytesMax: 1_000_000 };
  const received = await importer.receive(order, stubBytes(stubFile(items)));
  return received.kind === 'proven' ? (await received.finish()).kind : received.kind;
}

/** Ten days on. */
async function later(): Promise<void> {
  world.now += 10 * DAY;
  await world.catchUp();
}

async function openingBalances(books: WorldBooks): Promise<bigint> {
  const { rows } = await database.sql.query<{ sum: bigint }>(
    `select coalesce(sum(p.amount), 0)::int8 as sum from postern.postings p join postern.accounts a on a.id = p.account_id
     join postern.transactions t on t.id = p.transaction_id
     where a.path = 'equity:opening_balances' and starts_with(t.effect_key, 'stripe:' || $1 || ':')`,
    [books.account],
  );
  return rows[0]?.sum ?? 0n;
}

it('ends the same whether its first day is told before its first report or after it', async () => {
  const states: unknown[] = [];
  for (const first of [LIVE, MODE]) {
    const books = await world.open(first);
    const id = `c${books.endpoint}`;
    expect(await hand(books, first, [opening(50), charge(id, 500), closing(550)])).toBe('imported');
    await later();
    if (first === MODE) {
      expect(await books.discrepancies()).toMatchObject({ 'missing_file carry:P1>P2': 'open -50 EUR' });
      await world.change(books, LIVE);
      await world.catchUp();
      expect(await books.discrepancies()).toMatchObject({ 'missing_file carry:P1>P2': 'auto_cleared -50 EUR' });
    }
    // The same period again, with a line more: its opening is not told otherwise, and nothing of it is taken back.
    expect(await hand(books, LIVE, [opening(50), charge(id, 500), charge(`${id}b`, 1), closing(551)])).toBe('imported');
    await later();
    expect(await openingBalances(books)).toBe(-50n);
    states.push(Object.entries(await books.state()).map(([item, is]) => [item.replaceAll(id, 'c'), is]));
    expect(await world.compare()).toEqual([]);
  }
  expect(states[1]).toEqual(states[0]);
});

it('has no webhook by design for what happened before it, also where that is told later', async () => {
  const books = await world.open(MODE);
  const [early, own] = [`e${books.endpoint}`, `o${books.endpoint}`];
  const before = { ...(charge(early, 500) as object), occurredAt: OPENS_AT - 1 } as StubItem;
  await hand(books, MODE, [before, { ...(charge(own, 7) as object), occurredAt: OPENS_AT } as StubItem, closing(507)]);
  await later();
  const [missing, ours] = [`missing_in_ledger ${early} gross`, `missing_in_ledger ${own} gross`];
  expect(await books.discrepancies()).toMatchObject({
    [missing]: 'open 500 EUR never_received',
    [ours]: 'open 7 EUR never_received',
  });
  await world.change(books, LIVE);
  await world.catchUp();
  expect(await books.discrepancies()).toMatchObject({
    [missing]: 'auto_cleared 500 EUR never_received',
    [ours]: 'open 7 EUR never_received',
  });
  expect(await books.state()).toMatchObject({ [`pending ${early} gross EUR`]: 'informational -500' });
});

it.each([
  ['that opened after the first day', { ...LIVE, live_from: '2026-03-04' }, [opening(50), closing(50)]],
  [
    'whose predecessor says otherwise',
    LIVE,
    [opening(0, 'P1', 'P0'), closing(49, 'P1', 'P2'), opening(50), closing(50)],
  ],
])('stays as it is of a period %s', async (_, live, items) => {
  const books = await world.open(MODE);
  await hand(books, MODE, items);
  await later();
  const before = await books.state();
  expect(Object.keys(before)).toContain('balance carry:P1>P2 EUR');
  await world.change(books, live);
  await world.catchUp();
  expect(await books.state()).toEqual(before);
  expect(await openingBalances(books)).toBe(0n);
});
