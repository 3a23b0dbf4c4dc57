import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callerOf, captures, deliver, kill, over, SECRET, unpost } from '../ingest/replay/replays.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

let database: TestDatabase;
let gateway: TestGateway;
const call = callerOf(() => gateway);

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const send = (n: string) => deliver(gateway, database, chargeSucceeded(n));

describe('POST /events/:id/replay', () => {
  it('posts what died, with a fresh budget of attempts', async () => {
    const id = await send('a1');
    await unpost(database, id);
    await kill(database, id);
    const asked = await call('POST', `/events/${id}/replay`, { reason: 'the bug is mended' });
    expect(asked).toMatchObject({
      status: 202,
      location: `/api/v1/replays/${asked.body.id}`,
      body: { total: 1, dry_run: false },
    });
    const view = await over(call, asked.body.id);
    expect(view).toMatchObject({ status: 'done', done: 1, posted: 1, failed: 0 });
    expect(view.changes).toMatchObject([
      {
        event: id,
        outcome: 'posted',
        before: { status: 'dead', reason: 'rule_failed: made by a test', transactions: [] },
        after: { status: 'posted', reason: null, transactions: [{ id: expect.any(String), kind: 'payment.captured' }] },
      },
    ]);
    const { rows } = await database.sql.query(
      'select status, attempts, kills, error_code from postern.events where id = $1',
      [id],
    );
    expect(rows).toEqual([{ status: 'posted', attempts: 1, kills: 0, error_code: null }]);
    expect((await captures(database)).get('ch_a1')).toBe(1);
  });
});
