import { afterAll, beforeAll, expect, it } from 'vitest';
import { createReplayRequests } from '../../src/ingest/replay/replay-requests.ts';
import { selectReplays } from '../../src/ingest/replay/replay-store.ts';
import { captures, kill } from '../ingest/replay/replays.ts';
import { addChargesEndpoint, charges, isAcknowledged, sendCharges } from '../support/charges.ts';
import { startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { createRandom } from '../support/random.ts';

const EVENTS = 600;
const LIVE = 60;
const KILLS = 4;
/** Some two seconds of work, so that each of the processes dies with something in hand. */
const RATE = 300;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await addChargesEndpoint(database.appPool);
});
afterAll(() => database.drop());

it(`posts ${EVENTS} dead events once each, beside live ones, however often their process is killed`, async () => {
  const taking = await startChildGateway(database.url, { work: false });
  expect((await sendCharges(taking.url, charges('dead', EVENTS))).every(isAcknowledged)).toBe(true);
  await taking.stop();
  const { rows: all } = await database.sql.query<{ id: string }>('select id from postern.events');
  await kill(database, ...all.map(({ id }) => id));
  const id = await createReplayRequests({ pool: database.appPool, clock: { now: () => Date.now() } }).ask(
    { target: { filter: { status: 'dead' } }, reason: 'the bug is mended', dryRun: false, rate: RATE },
    'test',
  );
  const replay = async () => {
    const [row] = await selectReplays(database.app, { id }, { before: null, limit: 1 });
    return { status: row?.status, done: Number(row?.done), posted: Number(row?.posted) };
  };

  const random = createRandom(17);
  for (let n = 1; n <= KILLS; n += 1) {
    const { done } = await replay();
    const doomed = await startChildGateway(database.url);
    const live = sendCharges(doomed.url, charges(`live${n}`, LIVE));
    await eventually(async () => expect((await replay()).done).toBeGreaterThan(done), { timeoutMs: 15_000 });
    await live;
    await new Promise((resolve) => setTimeout(resolve, random.below(80)));
    await doomed.kill();
  }
  expect((await replay()).status).toBe('running');

  // Two at once: whoever has the lane goes on, and the other waits.
  const survivors = await Promise.all([
    startChildGateway(database.url),
    startChildGateway(database.url, { serve: false }),
  ]);
  await eventually(async () => expect(await replay()).toEqual({ status: 'done', done: EVENTS, posted: EVENTS }), {
    timeoutMs: 30_000,
  });
  await eventually(
    async () => {
      const { rows } = await database.sql.query(`select 1 from postern.events where status <> 'posted' limit 1`);
      expect(rows).toEqual([]);
    },
    { timeoutMs: 30_000 },
  );
  await Promise.all(survivors.map((one) => one.stop()));
  const times = await captures(database);
  expect(times.size).toBe(EVENTS + KILLS * LIVE);
  expect([...times.values()].filter((count) => count !== 1)).toEqual([]);
}, 120_000);
