import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialectOf } from '../../src/simulate/world/dialects.ts';
import { FAULT_KINDS, faultOf } from '../../src/simulate/world/faults.ts';
import { createWorld, type PlannedAccount } from '../../src/simulate/world/world.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { openWorldBooks } from '../support/world-books.ts';
import { confusionMatrix, scoreOf } from '../support/world-score.ts';

const PROVIDERS = (process.env.WORLD ?? 'stripe,adyen').split(',');
const ONLY = process.env.FAULTS?.split(',');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const alone = (provider: string): PlannedAccount[] => [
  { provider, faults: [] },
  ...FAULT_KINDS.filter((kind) => faultOf(kind).fits(dialectOf(provider)) && (ONLY?.includes(kind) ?? true)).map(
    (kind) => ({
      provider,
      faults: [kind],
    }),
  ),
];

describe('a world with each fault alone', () => {
  it('is found to the last item', { timeout: 600_000 }, async () => {
    const world = createWorld({
      seed: 'alone',
      start: '2026-03-02',
      livesPerDay: 6,
      accounts: PROVIDERS.flatMap(alone),
    });
    const books = await openWorldBooks(database, world);
    const t = (label: string) => console.log(label, Math.round(performance.now()));
    t('start');
    await books.tellEvents();
    t('events');
    await books.importReports();
    t('reports');
    await books.importStatements();
    t('statements');
    await books.reconcile();
    t('reconciled');
    for (const [name, kind] of books.files) if (kind.startsWith('failed')) console.log(name, kind);
    const found = await books.discrepancies();
    const score = scoreOf(world, found);
    console.log(confusionMatrix(score));
    await books.stop();
    expect(score.missed).toEqual([]);
    expect(score.surplus).toEqual([]);
  });
});
