import { afterAll, beforeAll, expect, it } from 'vitest';
import { addChargesEndpoint, isAcknowledged, sendCharges } from '../support/charges.ts';
import { startChildGateway } from '../support/child-gateway.ts';
import { crashAgainAndAgain } from '../support/crash.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';

const KILLS = 10;
const SEED = process.env.CRASH_SEED ?? String(Date.now());
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await addChargesEndpoint(database.appPool);
});
afterAll(async () => {
  await database.drop();
});

it(`loses nothing it acknowledged in ${KILLS} kills, and posts nothing twice (CRASH_SEED=${SEED})`, async () => {
  process.stdout.write(`crash: ${KILLS} kills, CRASH_SEED=${SEED}\n`);
  const outcome = await crashAgainAndAgain(
    { start: () => startChildGateway(database.url) },
    { kills: KILLS, seed: SEED, eventsARound: 200, lifeMsMax: 900 },
  );
  expect(outcome.odd).toEqual([]);
  expect(outcome.inFlight).toBeGreaterThanOrEqual(KILLS / 2);
  expect(outcome.answered.size).toBeGreaterThan(KILLS * 10);

  const gateway = await startChildGateway(database.url);
  try {
    const again = await sendCharges(gateway.url, outcome.unanswered);
    expect(again.filter((answer) => !isAcknowledged(answer))).toEqual([]);
    await expectPostedOnce(database.sql, [...outcome.answered, ...outcome.unanswered.keys()]);
  } finally {
    await gateway.stop();
  }
}, 300_000);
