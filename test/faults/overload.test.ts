import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Answered,
  addChargesEndpoint,
  charges,
  createChargeSender,
  isAcknowledged,
  sendCharges,
} from '../support/charges.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';
import { probeHealth } from '../support/health-probe.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';

const ACK_DEADLINE_MS = 3_000;
const CONNECTIONS = 200;
const WAVES = 2;
/** What a health probe may take. One in thirty may be later: it shares the cores with the load, and with other tests. */
const HEALTH_MS = 100;
const HEALTH_LATE_SHARE = 1 / 30;
const HEALTH_MS_MAX = 400;

let postgres: OwnPostgres;
let gateway: ChildGateway;

beforeAll(async () => {
  postgres = await createOwnPostgres();
  await addChargesEndpoint(postgres.pool);
  gateway = await startChildGateway(postgres.url, {
    env: { MAX_IN_FLIGHT: '20', ACK_DEADLINE_MS: String(ACK_DEADLINE_MS) },
  });
});
afterAll(async () => {
  postgres.resume();
  // In this order, but the server goes whatever became of the gateway.
  await gateway.stop().finally(() => postgres.remove());
});

it('refuses in time while Postgres is paused, stays in health, and takes everything afterwards', async () => {
  const warm = await sendCharges(gateway.url, charges('warm', 20), 8);
  expect(warm.every(isAcknowledged)).toBe(true);

  const health = probeHealth(gateway.url);
  const sent = charges('paused', CONNECTIONS * WAVES);
  const answers: Answered[] = [];
  postgres.pause();
  try {
    const all = [...sent];
    for (let wave = 0; wave < WAVES; wave += 1) {
      const bodies = new Map(all.slice(wave * CONNECTIONS, (wave + 1) * CONNECTIONS));
      answers.push(...(await sendAtOnce(gateway.url, bodies)));
    }
  } finally {
    postgres.resume();
  }
  const probes = await health.stop();

  expect(answers.filter(({ status }) => status !== 503)).toEqual([]);
  expect(answers).toHaveLength(sent.size);
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(ACK_DEADLINE_MS + 500);
  expect(probes.failures).toEqual([]);
  expect(probes.ms.length).toBeGreaterThan(50);
  expect(probes.ms.filter((ms) => ms > HEALTH_MS).length).toBeLessThanOrEqual(probes.ms.length * HEALTH_LATE_SHARE);
  expect(Math.max(...probes.ms)).toBeLessThan(HEALTH_MS_MAX);
  expect(await gateway.rssMb()).toBeLessThan(300);

  // As a processor would: again, until it is taken.
  let open = new Map([...sent]);
  for (let tries = 0; open.size > 0 && tries < 10; tries += 1) {
    const again = await sendCharges(gateway.url, open, 16);
    open = new Map([...open].filter(([id]) => !again.some((answer) => answer.id === id && isAcknowledged(answer))));
  }
  expect([...open.keys()]).toEqual([]);
  await expectPostedOnce(postgres.sql, sent.keys());
}, 180_000);

/** Each on a connection of its own, so that none waits for another's answer. */
async function sendAtOnce(origin: string, bodies: ReadonlyMap<string, string>): Promise<Answered[]> {
  const sender = createChargeSender(origin, bodies.size);
  try {
    return await Promise.all([...bodies].map(([id, body]) => sender.send(id, body)));
  } finally {
    sender.close();
  }
}
