import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type Answered, addChargesEndpoint, charges, createChargeSender, isAcknowledged } from '../support/charges.ts';
import { eventually } from '../support/eventually.ts';
import { greeted, type Launched, launch } from '../support/launcher.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';

import { TEST_KEYS } from '../support/test-keys.ts';

const IMPATIENT = join(import.meta.dirname, '../support/impatient-start.ts');
/** Far beyond what either test waits: a request is held as long as it lasts. */
const ACK_DEADLINE_MS = 30_000;

let postgres: OwnPostgres;
let running: Launched | undefined;

beforeAll(async () => {
  postgres = await createOwnPostgres();
  await addChargesEndpoint(postgres.pool);
});
afterEach(async () => {
  postgres.resume();
  running?.child.kill('SIGKILL');
  await running?.ended;
  running = undefined;
});
afterAll(() => postgres.remove());

/** `start` with one request in hand that cannot be finished: Postgres is paused. */
async function startHolding(program?: string): Promise<{ gateway: Launched; held: Promise<Answered> }> {
  const env = {
    DATABASE_URL: postgres.url,
    POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
    PORT: '0',
    ACK_DEADLINE_MS: String(ACK_DEADLINE_MS),
    MAX_IN_FLIGHT: '1',
  };
  const gateway = launch(['start'], env, program === undefined ? {} : { program });
  running = gateway;
  const url = await greeted(gateway);
  const sender = createChargeSender(url, 2);
  const [before = none, ...two] = [...charges(`stop${gateway.child.pid}`, 3)];
  expect(isAcknowledged(await sender.send(...before))).toBe(true);
  postgres.pause();
  const sent = two.map((charge) => sender.send(...charge));
  // There is room for one: when the other is refused, it is in hand.
  const refused = await Promise.race(sent);
  expect(refused.status).toBe(503);
  const held = Promise.all(sent).then((all) => all.find(({ id }) => id !== refused.id) ?? refused);
  return { gateway, held: held.finally(() => sender.close()) };
}

const none: [string, string] = ['', ''];

it('finishes what is in hand and ends with 0, once the database goes on', async () => {
  const { gateway, held } = await startHolding();
  gateway.child.kill('SIGTERM');
  await eventually(() => expect(gateway.out()).toContain('stopping: what is in hand is finished'));
  postgres.resume();
  const answer = await held;
  expect(isAcknowledged(answer)).toBe(true);
  const { status, err } = await gateway.ended;
  expect({ status, err }).toEqual({ status: 0, err: '' });
  const kept = await postgres.sql.query('select 1 from postern.events where event_id = $1', [answer.id]);
  expect(kept.rowCount).toBe(1);
});

it('ends at once with 1 when it is told again, not counting what comes with the first signal', async () => {
  const { gateway, held } = await startHolding();
  const toldAt = performance.now();
  await eventually(
    () => {
      gateway.child.kill('SIGTERM');
      expect(gateway.child.exitCode).toBe(1);
    },
    { everyMs: 100, timeoutMs: 10_000 },
  );
  const ms = performance.now() - toldAt;
  // A terminal's Ctrl-C comes twice within this.
  expect(ms).toBeGreaterThan(500);
  expect(ms).toBeLessThan(10_000);
  const { out, err } = await gateway.ended;
  expect(out).toContain('told to stop again: ending at once');
  expect(err).toBe('');
  expect((await held).status).toBe(0);
});

it('ends with 1 when what is in hand is not finished by the deadline', async () => {
  const { gateway, held } = await startHolding(IMPATIENT);
  const toldAt = performance.now();
  gateway.child.kill('SIGTERM');
  const { status, out, err } = await gateway.ended;
  const ms = performance.now() - toldAt;
  expect({ status, err }).toEqual({ status: 1, err: '' });
  expect(out).toContain('what is in hand was not finished in time: ending');
  expect(ms).toBeGreaterThan(1_000);
  expect(ms).toBeLessThan(10_000);
  expect((await held).status).toBe(0);
});
