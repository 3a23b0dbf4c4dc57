import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom, shuffled } from '../../src/simulate/random.ts';
import { DIALECTS } from '../../src/simulate/world/dialects.ts';
import { inTransit } from '../../src/simulate/world/transit.ts';
import { createWorld, type PlannedAccount, type World } from '../../src/simulate/world/world.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { openWorldBooks, type WorldBooks } from '../support/world-books.ts';
import { eachAlone, inPairs, packed } from '../support/world-plans.ts';
import { confusionMatrix, type Found, scoreOf } from '../support/world-score.ts';

/**
 * POSTERN_WORLDS: `all` (`npm run worlds`) tries each fault alone at every processor and every pair at Stripe and Adyen, which
 * takes an hour and more; `stripe,square` each alone at these.
 */
const { POSTERN_WORLDS: wanted } = process.env;
const ALONE = wanted === undefined ? [] : wanted === 'all' ? [...DIALECTS.keys()] : wanted.split(',');
const PAIRS = wanted === 'all' ? ['stripe', 'adyen'] : [];

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const worldOf = (seed: string, accounts: readonly PlannedAccount[]): World =>
  createWorld({ seed, start: '2026-03-02', livesPerDay: 6, accounts });

/** Precision and recall of 1 for every class, and each class's sum of deltas to the minor unit. */
async function expectFound(world: World, books: WorldBooks): Promise<void> {
  const score = scoreOf(world, await books.discrepancies());
  const matrix = confusionMatrix(score);
  if (wanted !== undefined) console.log(matrix);
  const failed = [...books.files]
    .filter(([, kind]) => kind.startsWith('failed'))
    .map(([name, kind]) => `${name} ${kind}`);
  const told = `${matrix}\n${failed.join('\n')}`;
  expect(score.missed, told).toEqual([]);
  expect(score.surplus, told).toEqual([]);
  for (const [name, one] of Object.entries(score.classes)) expect(one.found, name).toEqual(one.labelled);
}

async function expectInTransit(world: World, books: WorldBooks): Promise<void> {
  const [found, expected]: [object[], object[]] = [[], []];
  for (const one of world.accounts) {
    const { name } = one.account;
    const { pending, underMissingFile } = inTransit(one);
    found.push({ name, ...(await books.open(name)) });
    expected.push({ name, waiting: pending, underFile: underMissingFile });
  }
  expect(found).toEqual(expected);
}

async function run(world: World): Promise<WorldBooks> {
  const books = await openWorldBooks(database, world);
  await books.tellEvents();
  await books.importReports();
  await books.importStatements();
  await books.reconcile();
  return books;
}

describe('the engine finds what a world has, to the last item', () => {
  it('at Stripe and Adyen, several faults an account', { timeout: 300_000 }, async () => {
    const world = worldOf('packed', ['stripe', 'adyen'].flatMap(packed));
    const books = await run(world);
    try {
      await expectFound(world, books);
      await expectInTransit(world, books);
    } finally {
      await books.stop();
    }
  });

  it.each(ALONE)('at %s, each fault alone', { timeout: 3_600_000 }, async (provider) => {
    const world = worldOf('alone', eachAlone(provider));
    const books = await run(world);
    await books.stop();
    await expectFound(world, books);
    await expectInTransit(world, books);
  });

  it.each(PAIRS)('at %s, in pairs', { timeout: 7_200_000 }, async (provider) => {
    const world = worldOf('pairs', inPairs(provider));
    const books = await run(world);
    await books.stop();
    await expectFound(world, books);
  });
});

describe('the order in which a world is told', () => {
  it('changes nothing of what is found', { timeout: 300_000 }, async () => {
    const accounts = ['stripe', 'adyen'].flatMap((provider): PlannedAccount[] => [
      {
        provider,
        faults: ['lost_event', 'amount_off', 'not_settled', 'wrong_status', 'bank_missing', 'payout_reversed'],
      },
    ]);
    const [first, second] = [worldOf('order', accounts), worldOf('order', accounts)];
    const inOrder = await run(first);
    await inOrder.stop();
    await expectFound(first, inOrder);
    const expected = keysOf(await inOrder.discrepancies());
    const other = await createTestDatabase();
    try {
      const books = await openWorldBooks(other, second);
      const random = createRandom('order');
      await books.importStatements();
      // Every batch by itself, in any order, one of them twice, before the webhooks, and the engine between them.
      await books.importReports({ joined: 1, order: (files) => shuffled([...files, ...files.slice(0, 1)], random) });
      await books.reconcile();
      await books.tellEvents((events) => shuffled([...events, ...events.slice(0, 20)], random));
      await books.reconcile();
      await books.stop();
      expect(keysOf(await books.discrepancies()).filter((key) => !key.startsWith('duplicate_file'))).toEqual(expected);
    } finally {
      await other.drop();
    }
  });
});

const keysOf = (found: readonly Found[]): string[] =>
  found
    .map((one) => `${one.class} ${one.account} ${one.reference} ${one.component} ${one.currency} ${one.delta}`)
    .sort();
