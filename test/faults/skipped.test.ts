import { afterAll, beforeAll, expect, it } from 'vitest';
import { withTransaction } from '../../src/postgres/sql.ts';
import { addChargesEndpoint, charges, isAcknowledged, sendCharges } from '../support/charges.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateways: TestGateway[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await addChargesEndpoint(database.appPool);
  gateways = [await startTestGateway(database, { work: false })];
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await database.drop();
});

/** Counting duplicates locks an event's row for a moment; a worker that comes just then passes it over. */
it('comes back at once to events that somebody else held when their job ran', async () => {
  const bodies = charges('held', 20);
  const [serving] = gateways;
  const answers = await sendCharges(serving?.url ?? '', bodies);
  expect(answers.filter((answer) => !isAcknowledged(answer))).toEqual([]);
  await withTransaction(database.appPool, async (tx) => {
    await tx.query('select id from postern.events where event_id = any($1::text[]) for no key update', [
      [...bodies.keys()].slice(0, 10),
    ]);
    gateways.push(await startTestGateway(database));
    await eventually(async () => {
      const { rows } = await database.sql.query<{ n: bigint }>(
        `select count(*) as n from postern.events where status = 'posted'`,
        [],
      );
      expect(rows[0]?.n).toBe(10n);
    });
  });
  await expectPostedOnce(database.sql, bodies.keys(), 5_000);
}, 180_000);
