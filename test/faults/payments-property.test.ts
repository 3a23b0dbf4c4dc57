import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Abilities } from '../../src/simulate/fit-life.ts';
import type { Life } from '../../src/simulate/life.ts';
import { createRandom, type Random, shuffled } from '../../src/simulate/random.ts';
import { sendOne } from '../../src/simulate/send.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import { type SimulatedTarget, simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { simulators } from '../../src/simulate/simulators.ts';
import { type PlannedRequest, simulatorOf, wholeLives } from '../../src/simulate/traffic.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { moneyOfBalances, moneyOfLives } from '../support/life-money.ts';

/*
 * Whole lives of payments, told by each of the processors, through sockets, signatures, intake, worker and ledger: in
 * whatever order, however often and in whatever company their events come, the books say the same.
 */

const SEED = process.env.PAYMENTS_SEED ?? '7';
/** As they happened, backwards, and orders of chance: more of these where a processor tells most of what a life may hold. */
const ORDERS = Number(process.env.PAYMENTS_ORDERS ?? 2);
const ORDERS_OF_FULL_LIVES = ORDERS + 1;
const FULL_LIVES: ReadonlySet<string> = new Set(['stripe', 'adyen', 'paypal', 'square']);
const EACH_FEATURE = 2;
const LIVES_LOOKED_AT = 400;
const CONNECTIONS = 24;
/** Of late: Amazon's messages are signed with their time, which may be some days old and not older. */
const STARTED_AT = Date.now() - 86_400_000;
const PROVIDERS = [...simulators.keys()];
/** Their webhooks name objects: without a key for the API, money waits. */
const WAITING = new Set(['amazon-pay', 'gocardless', 'klarna', 'plaid', 'wise', 'xendit']);

const FEATURES: Readonly<Record<string, (life: Life) => boolean>> = {
  'captured at once': ({ captures }) => captures === null,
  'authorised, captured in parts': ({ captures }) => (captures?.length ?? 0) > 1,
  refunds: ({ refunds }) => refunds.length > 1,
  'a refund that fails later': ({ refunds }) => refunds.some(({ outcome }) => outcome === 'failed_later'),
  'a capture that fails later': ({ captureFails }) => captureFails,
  'a dispute withdrawn, reinstated and withdrawn again': ({ dispute }) => dispute?.movements.length === 3,
  'a dispute withdrawn and reinstated': ({ dispute }) => dispute?.movements.length === 2,
  'a fee before': ({ fee, refunds }) => fee.told === 'before' && refunds.length > 0,
  'a fee after': ({ fee, refunds }) => fee.told === 'after' && refunds.length > 0,
  'a fee never': ({ fee, refunds }) => fee.told === 'never' && refunds.length > 0,
  'a payout that fails': ({ payout }) => payout?.fails === true,
  'twins on two endpoints': ({ twin }) => twin,
  'twins with refunds': ({ twin, refunds }) => twin && refunds.length > 0,
};

let database: TestDatabase;
let gateway: TestGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

/** The features a processor of these abilities never tells. */
function untold(can: Abilities): ReadonlySet<string> {
  const lacks: Readonly<Record<string, boolean>> = {
    'authorised, captured in parts': can.captures !== 'parts',
    refunds: can.refunds === 'none' || can.refunds === 'one',
    'a refund that fails later': can.refundFailure !== 'later' || can.refunds === 'none' || can.refunds === 'one',
    'a capture that fails later': can.captureFailure === 'none',
    'a dispute withdrawn, reinstated and withdrawn again': can.disputes !== 'cycles',
    'a dispute withdrawn and reinstated': can.disputes !== 'cycles' && can.disputes !== 'outcome',
    'a fee before': !can.fees || can.refunds === 'none',
    'a fee after': !can.fees || can.refunds === 'none',
    'a fee never': can.refunds === 'none',
    'a payout that fails': can.payouts !== 'may_fail',
    'twins with refunds': can.refunds === 'none',
  };
  return new Set(Object.keys(lacks).filter((name) => lacks[name]));
}

type Told = { readonly request: Omit<PlannedRequest, 'number'>; readonly life: Life };

/** Some lives of `provider` that show every feature, told with `account` in the bodies. */
function livesOf(provider: string, account: string): Told[] {
  const lives = wholeLives(provider, { seed: SEED, count: LIVES_LOOKED_AT, startedAt: STARTED_AT, account });
  const missing = untold(simulatorOf(provider).abilities);
  const chosen = new Set(lives.slice(0, EACH_FEATURE));
  for (const [name, has] of Object.entries(FEATURES)) {
    const found = lives.filter(({ life }) => has(life)).slice(0, EACH_FEATURE);
    // Of 400 lives each feature is many times in some: there it is none only where the processor cannot tell it.
    if (found.length < EACH_FEATURE && !missing.has(name)) throw new Error(`no life of ${provider} shows ${name}`);
    for (const one of found) chosen.add(one);
  }
  return [...chosen].flatMap(({ life, requests }) => requests.map((request) => ({ request, life })));
}

type Targets = ReadonlyMap<string, SimulatedTarget>;

/** One account a provider and order, with two endpoints: the second hears thin events. */
async function targetsOf(provider: string, account: string): Promise<Targets> {
  const targets = new Map<string, SimulatedTarget>();
  for (const destination of ['main', 'thin']) {
    const name = `${account}-${destination}`;
    const where = { url: `${gateway.url}/webhooks/${provider}/${name}`, account };
    const made = simulatedEndpoint(simulatorOf(provider), where, { random: createRandom(name), now: Date.now() });
    const target = { ...made.target, settings: { ...made.target.settings, account } };
    await gateway.addEndpoint(provider, name, [...made.secrets], target.settings);
    targets.set(destination, target);
  }
  return targets;
}

/** As they happened, backwards, or in an order of chance in which some come two or three times. */
function orderOf(told: readonly Told[], order: number, random: Random): Told[] {
  if (order === 0) return [...told];
  if (order === 1) return told.toReversed();
  const copies = told.flatMap((one) => Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => one));
  return shuffled(copies, random);
}

async function sendAll(told: readonly Told[], targets: Targets, connections: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const left = told.values();
  async function sendSome(): Promise<void> {
    for (const { request } of left) {
      const target = targets.get(request.destination);
      if (target === undefined) throw new Error(`nobody listens to ${request.destination}`);
      const planned = { ...request, number: 0 };
      const sent = await sendOne(planned, signRequest(planned, target, Date.now()), agent, 10_000);
      expect({ status: sent.status, body: sent.status < 300 ? '' : sent.body }).toMatchObject({ status: 200 });
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, sendSome));
  } finally {
    agent.destroy();
  }
}

/** Path and currency → balance, of what belongs to the account, with its name left out. */
async function balancesOf(provider: string, account: string): Promise<Record<string, string>> {
  const { rows } = await database.sql.query<{ path: string; currency: string; amount: string }>(
    `select a.path, p.currency, sum(p.amount)::text as amount from postern.postings p
     join postern.accounts a on a.id = p.account_id join postern.transactions t on t.id = p.transaction_id
     where split_part(t.effect_key, ':', 1) = $1 and split_part(t.effect_key, ':', 2) = $2
     group by 1, 2 having sum(p.amount) <> 0 order by 1, 2`,
    [provider, account],
  );
  return Object.fromEntries(
    rows.map((row) => [`${row.path.replaceAll(account, 'ACCOUNT')} ${row.currency}`, row.amount]),
  );
}

type Unwanted = { event_id: string; type: string; status: string; reason: string | null; message: string | null };

/** Until each event has ended; those of `WAITING` may also wait for the key nobody gave. */
async function settled(provider: string, account: string): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await database.sql.query<Unwanted>(
        `select e.event_id, e.type, e.status, e.reason, e.error_message as message from postern.events e
         join postern.endpoints p on p.id = e.endpoint_id
         where p.provider = $1 and p.account = $2 and (e.conflict or (e.status not in ('posted', 'no_effect')
           and not ($3 and e.status = 'deferred' and e.waiting_for = 'api_key'))) limit 5`,
        [provider, account, WAITING.has(provider)],
      );
      expect(rows).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );
}

async function waitingFor(provider: string): Promise<string[]> {
  const { rows } = await database.sql.query<{ waiting_for: string }>(
    `select distinct e.waiting_for from postern.events e join postern.endpoints p on p.id = e.endpoint_id
     where p.provider = $1 and e.status = 'deferred'`,
    [provider],
  );
  return rows.map((row) => row.waiting_for);
}

describe(`the books of generated payments (PAYMENTS_SEED=${SEED})`, () => {
  it.each(PROVIDERS)(
    '%s: are the same for every order, duplication and company',
    async (provider) => {
      const seen: Record<string, string>[] = [];
      const orders = FULL_LIVES.has(provider) ? ORDERS_OF_FULL_LIVES : ORDERS;
      const accounts = Array.from({ length: orders }, (_, order) => `${provider.replaceAll(/\W/g, '')}order${order}`);
      for (const [order, account] of accounts.entries()) {
        const targets = await targetsOf(provider, account);
        const told = orderOf(livesOf(provider, account), order, createRandom(SEED).fork(account));
        // One at a time keeps the first two orders exactly; after that chance has its part in the order too.
        await sendAll(told, targets, order < 2 ? 1 : CONNECTIONS);
        await settled(provider, account);
        // Late again, when all is posted.
        await sendAll(told.slice(0, 20), targets, CONNECTIONS);
        seen.push(await balancesOf(provider, account));
      }
      const [first] = seen;
      for (const [order, balances] of seen.entries()) expect({ order, balances }).toEqual({ order, balances: first });
      if (WAITING.has(provider)) {
        expect(await waitingFor(provider)).toEqual(['api_key']);
      } else {
        const lives = [...new Set(livesOf(provider, 'any').map(({ life }) => life))];
        expect(moneyOfBalances(first ?? {})).toEqual(moneyOfLives(lives));
      }
      await expectSums(database.sql);
    },
    60_000,
  );
});
