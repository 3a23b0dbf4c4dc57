import { sealLag, sealStep } from '../../src/ledger/log-store.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';

const ALL = 10_000;

/**
 * Seals all that is committed. A transaction is sealed when every older one of the whole server has ended, and other test files
 * write to other databases of it: hence until it is done, and not once.
 */
export async function seal(database: TestDatabase): Promise<void> {
  await eventually(async () => {
    await withTransaction(database.appPool, (tx) => sealStep(tx, ALL));
    if ((await sealLag(database.app, 1)).entries > 0) throw new Error('not all is sealed yet');
  });
}
