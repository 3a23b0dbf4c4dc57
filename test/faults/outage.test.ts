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
import { eventually } from '../support/eventually.ts';
import { expectPostedOnce } from '../support/expect-posted.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';

/** How long the server stays away; OUTAGE_S=20 is the long one. */
const AWAY_MS = Number(process.env.OUTAGE_S ?? 4) * 1_000;
const A_SECOND = 100;

let postgres: OwnPostgres;
let gateway: ChildGateway;

beforeAll(async () => {
  postgres = await createOwnPostgres();
  await addChargesEndpoint(postgres.pool);
  gateway = await startChildGateway(postgres.url);
});
afterAll(async () => {
  // In this order, but the server goes whatever became of the gateway.
  await gateway.stop().finally(() => postgres.remove());
});

type Timed = Answered & { readonly at: number };

it('answers 503 while the server is away and 2xx after its return, without a restart and without a loss', async () => {
  const bodies = charges('outage', 6_000);
  const load = startLoad(gateway.url, bodies);
  await eventually(() => expect(load.answers.filter(isAcknowledged).length).toBeGreaterThan(50));

  const stoppedAt = performance.now();
  await postgres.stop();
  const firstRefusal = await eventually(() => firstAfter(load.answers, stoppedAt, ({ status }) => status === 503), {
    timeoutMs: 10_000,
  });
  expect(firstRefusal.at - stoppedAt).toBeLessThan(5_000);
  await eventually(() => expect(performance.now() - stoppedAt).toBeGreaterThan(AWAY_MS), {
    timeoutMs: AWAY_MS + 5_000,
  });
  expect(load.answers.filter((answer) => isAcknowledged(answer) && answer.at > firstRefusal.at + 1_000)).toEqual([]);
  await postgres.start();
  const returnedAt = performance.now();
  const firstTaken = await eventually(() => firstAfter(load.answers, returnedAt, isAcknowledged), {
    timeoutMs: 15_000,
  });
  expect(firstTaken.at - returnedAt).toBeLessThan(10_000);
  await eventually(() => {
    const recent = load.answers.slice(-50);
    expect(recent.filter((answer) => !isAcknowledged(answer))).toEqual([]);
  });
  await load.stop();

  expect(load.answers.filter((answer) => !isAcknowledged(answer) && answer.status !== 503)).toEqual([]);
  const refused = new Set(load.answers.filter(({ status }) => status === 503).map(({ id }) => id));
  const again = await sendCharges(gateway.url, new Map([...bodies].filter(([id]) => refused.has(id))), 16);
  expect(again.filter((answer) => !isAcknowledged(answer))).toEqual([]);
  await expectPostedOnce(
    postgres.sql,
    load.answers.map(({ id }) => id),
  );
}, 240_000);

function firstAfter(answers: readonly Timed[], moment: number, wanted: (answer: Timed) => boolean): Timed {
  const found = answers.find((answer) => answer.at > moment && wanted(answer));
  if (found === undefined) throw new Error('there is no such answer yet');
  return found;
}

/** An open loop: so many a second, whatever the answers do. */
function startLoad(origin: string, bodies: ReadonlyMap<string, string>): { answers: Timed[]; stop(): Promise<void> } {
  const sender = createChargeSender(origin, 500);
  const answers: Timed[] = [];
  const flying = new Set<Promise<void>>();
  const all = bodies.entries();
  const timer = setInterval(() => {
    const { value: one } = all.next();
    if (one === undefined) return;
    const sent = sender
      .send(...one)
      .then((answer) => void answers.push({ ...answer, at: performance.now() }))
      .finally(() => flying.delete(sent));
    flying.add(sent);
  }, 1_000 / A_SECOND);
  return {
    answers,
    async stop() {
      clearInterval(timer);
      await Promise.all(flying);
      sender.close();
    },
  };
}
