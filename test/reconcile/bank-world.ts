import { afterAll, beforeAll, beforeEach } from 'vitest';
import { AT } from '../ledger/books.ts';
import { bankFiles } from '../support/bank-files.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createEngineWorld, type EngineWorld } from './engine-world.ts';

export type BankWorld = {
  readonly database: TestDatabase;
  readonly world: EngineWorld;
  /** Imports files of the bank as they are; answers what became of each. */
  receive(...files: readonly string[]): Promise<string[]>;
  /** One that no test has used yet. */
  newAccount(): string;
};

/** For the tests of a file: an engine, and the imports of a bank's statements, which begin at `AT` with each test. */
export function useBankWorld(): BankWorld {
  let made: Pick<BankWorld, 'database' | 'world' | 'receive'> | undefined;
  let accounts = 0;
  const open = (): Pick<BankWorld, 'database' | 'world' | 'receive'> => {
    if (made === undefined) throw new Error('it is there once the tests begin');
    return made;
  };
  beforeAll(async () => {
    const database = await createTestDatabase();
    const world = createEngineWorld(database, AT);
    made = { database, world, receive: bankFiles(database, { now: () => world.now }) };
  });
  afterAll(async () => {
    const { database, world } = open();
    await world.reconciler.stop();
    await database.drop();
  });
  beforeEach(() => {
    open().world.now = AT;
  });
  return {
    get database() {
      return open().database;
    },
    get world() {
      return open().world;
    },
    receive: (...files) => open().receive(...files),
    newAccount() {
      accounts += 1;
      return `NL${20 + accounts}POST0123456789`;
    },
  };
}
