import { afterAll, beforeAll, expect, it } from 'vitest';
import { DISCREPANCY_STATUSES, ENDED_LIST, ENDED_STATUSES } from '../src/discrepancy-status.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** The statuses that a condition names, in its order. */
const words = (text: string): string[] =>
  [...text.matchAll(/'([a-z_]+)'/g)].flatMap(([, word = '']) => (word === 'event' ? [] : [word]));

it('the database takes these statuses and no others', async () => {
  const { rows } = await database.sql.query<{ definition: string }>(
    `select pg_get_constraintdef(oid) as definition from pg_constraint
     where conrelid = 'postern.discrepancies'::regclass and contype = 'c' and pg_get_constraintdef(oid) ~ 'auto_cleared'`,
  );
  expect(rows.map(({ definition }) => words(definition))).toEqual([DISCREPANCY_STATUSES]);
});

it('the indexes of what is open leave out what has ended, so that a statement with the same list can use them', async () => {
  const { rows } = await database.sql.query<{ condition: string }>(
    `select pg_get_expr(indpred, indrelid) as condition from pg_index
     where indrelid = 'postern.discrepancies'::regclass and pg_get_expr(indpred, indrelid) ~ 'auto_cleared'`,
  );
  expect(rows.length).toBeGreaterThanOrEqual(3);
  for (const { condition } of rows) expect(words(condition)).toEqual([...ENDED_STATUSES]);
  expect(words(ENDED_LIST)).toEqual([...ENDED_STATUSES]);
});
