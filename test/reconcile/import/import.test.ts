import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { derivedDifferences } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openReports } from '../../support/reports.ts';
import type { StubItem } from '../../support/stub-report.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const BATCH: StubItem[] = [
  { kind: 'charge', id: 'l1', about: 'p1', gross: 1000, fee: 29 },
  { kind: 'charge', id: 'l2', about: 'p2', gross: 500 },
  { kind: 'refund', id: 'l3', about: 'r1', gross: -300 },
  { kind: 'payout', id: 'l4', about: 'po_1', gross: -1171 },
  { type: 'batch', batch: 'B1', opening: 0, closing: 0, number: 1 },
];
const BOOKS = {
  'asset:processor_pending [p1 gross] EUR': '-1000',
  'asset:processor_pending [p2 gross] EUR': '-500',
  'asset:processor_pending [r1 gross] EUR': '300',
  'asset:bank_in_transit [po_1] EUR': '1171',
  'expense:processing_fees EUR': '29',
};

describe('a report that is right', () => {
  it('is kept, posted and counted', async () => {
    const reports = await openReports(database);
    const imported = await reports.items(BATCH);
    expect(imported).toMatchObject({ kind: 'imported', linesNew: 4, removed: 0 });
    expect(await reports.balances()).toEqual(BOOKS);
    const { rows } = await database.sql.query('select * from postern.settlement_batches where settlement_id = $1', [
      imported.id,
    ]);
    expect(rows).toMatchObject([
      { batch: 'B1', lines: 4n, gross: '1200', fee: '29', net: '1171', payout: '-1171', closing: '0', is_stated: true },
    ]);
    expect(await derivedDifferences(database)).toEqual([]);
  });
});
