import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../../src/simulate/random.ts';
import { simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { simulatorOf, wholeLives } from '../../src/simulate/traffic.ts';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { greeted, type Launched, launch } from '../support/launcher.ts';
import { moneyOfBalances, moneyOfLives } from '../support/life-money.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';
import { createProcessors, type Processors, type Request } from '../support/processor-account.ts';
import { createOnCall, type OnCall } from '../support/runbooks.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

/*
 * A bad day from the outside: a secret that is wrong for an hour, a release that kills one type of event, a database that
 * is killed. Whoever is on call has the commands of the runbooks and no others; in the end nothing is missing.
 */

const SEED = process.env.INCIDENT_SEED ?? '5';
const LIVES = { stripe: 24, adyen: 30 } as const;
const STARTED_AT = Date.now() - 86_400_000;
const ACCOUNT = 'incident';
const HOUR_MIN = 60;
const STEP_MIN = 10;
const MINUTE_MS = 60_000;
/** So often the processor tries before it gives an event up. */
const TRIES = 3;
/** What `release-with-a-bug.ts` cannot read. */
const KILLED_TYPE = 'CAPTURE';

const folder = mkdtempSync(join(tmpdir(), 'postern-incident-'));
let postgres: OwnPostgres;
let env: Record<string, string>;
let onCall: OnCall;
let processors: Processors;
let gateway: { readonly launched: Launched; readonly url: string };
/** How far the gateway's clock, and the processors', are behind the present. */
let behindMin = HOUR_MIN;
/** Requests that `quarantine recheck` took in. */
let takenIn = 0;

beforeAll(async () => {
  postgres = await createOwnPostgres();
  env = {
    DATABASE_URL: postgres.url,
    POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
    POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
    POSTERN_DATA_DIR: folder,
    LOG_LEVEL: 'error',
    PORT: '0',
  };
  onCall = createOnCall(env);
  processors = createProcessors({ origin: () => gateway.url, now: () => Date.now() - behindMin * MINUTE_MS });
  gateway = await startGateway('clock-behind.ts', {
    CLOCK_BEHIND_MIN: String(HOUR_MIN),
    CLOCK_STEP_MIN: String(STEP_MIN),
  });
});
afterAll(async () => {
  processors.close();
  gateway.launched.child.kill('SIGKILL');
  await gateway.launched.ended;
  await postgres.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function startGateway(preload?: string, more: Record<string, string> = {}): Promise<typeof gateway> {
  const options = preload === undefined ? '' : `--import ${new URL(`../support/${preload}`, import.meta.url).href}`;
  const launched = launch(['start'], { ...env, ...more, NODE_OPTIONS: options });
  return { launched, url: await greeted(launched) };
}

/** As a deployment does. */
async function stopGateway(): Promise<void> {
  gateway.launched.child.kill('SIGTERM');
  const { status, err } = await gateway.launched.ended;
  expect({ status, err }).toEqual({ status: 0, err: '' });
}

async function api(path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  const response = await fetch(`${gateway.url}/api/v1${path}`, { ...init, headers });
  if (!response.ok) throw new Error(`${path} was answered ${response.status} ${await response.text()}`);
  return response.json();
}

/** An endpoint, and what its processor signs with; `generation` makes another secret. */
function targetOf(provider: string, destination: string, generation = 1): ReturnType<typeof simulatedEndpoint> {
  const where = { url: `https://hooks.shop.test/webhooks/${provider}/${destination}`, account: ACCOUNT };
  const random = createRandom(`${provider}/${destination}/${generation}`);
  return simulatedEndpoint(simulatorOf(provider), where, { random, now: Date.now() });
}

async function makeEndpoints(): Promise<void> {
  for (const [provider, destination] of [
    ['stripe', 'main'],
    ['stripe', 'thin'],
    ['adyen', 'main'],
  ] as const) {
    const { target, secrets } = targetOf(provider, destination);
    const settings = { ...target.settings, account: ACCOUNT };
    await api('/endpoints', { provider, name: destination, secrets, settings });
    processors.targets.set(`${provider}/${destination}`, target);
  }
}

const told = Object.entries(LIVES).flatMap(([provider, count]) =>
  wholeLives(provider, { seed: SEED, count, startedAt: STARTED_AT, account: ACCOUNT }),
);

/** All that the processors tell, each payment's events in their order, cut at these shares. */
function traffic(...shares: readonly number[]): Request[][] {
  const random = createRandom(SEED);
  const left = told.map(({ requests }) => [...requests]);
  const all: Request[] = [];
  for (let living = left; living.length > 0; living = living.filter(({ length }) => length > 0)) {
    const next = random.pick(living).shift();
    if (next !== undefined) all.push(next);
  }
  const cuts = [0, ...shares, 1].map((share) => Math.round(share * all.length));
  return cuts.slice(1).map((end, n) => all.slice(cuts[n], end));
}

const isOf =
  (provider: string, destination = 'main') =>
  (request: Request) =>
    request.provider === provider && request.destination === destination;
const KILLED = new RegExp(`"eventCode": ?"${KILLED_TYPE}"`);
const isKilled = ({ provider, body }: Request): boolean => provider === 'adyen' && KILLED.test(body);

/** As retries whose acknowledgement got lost. */
async function sendAgain(requests: readonly Request[]): Promise<void> {
  expect(new Set(await processors.attempt(requests))).toEqual(new Set([200]));
}

type Group = { type: string; error_code: string; count: number; example: string; filter: Record<string, string> };
type Groups = { items: Group[] };
type Stats = {
  queues: { name: string; depth: number; active: number; dead: number; paused: boolean }[];
  endpoints: {
    provider: string;
    endpoint: string;
    last_24_hours: Record<'accepted' | 'duplicates' | 'conflicts' | 'rejected' | 'signature_failures', number>;
    amount_at_risk: { currency: string | null; amount: string | null; events: number }[];
  }[];
};

function endpointIn(
  { endpoints }: Pick<Stats, 'endpoints'>,
  provider: string,
  name: string,
): Stats['endpoints'][number] {
  const found = endpoints.find((one) => one.provider === provider && one.endpoint === name);
  if (found === undefined) throw new Error(`there are no figures of ${provider}/${name}`);
  return found;
}

// `as`, here and below: the shapes are those of our own API, which other tests check.
const stats = async (runbook: string): Promise<Stats> => (await onCall.run(runbook, 'queue stats')) as Stats;
const eventsIn = (figures: Stats) => figures.queues.find(({ name }) => name === 'events');

async function nothingQueued(): Promise<void> {
  await eventually(
    async () => expect(eventsIn((await api('/queue/stats')) as Stats)).toMatchObject({ depth: 0, active: 0 }),
    { timeoutMs: 20_000, everyMs: 100 },
  );
}

const balances = async (): Promise<Record<string, string>> => {
  const { accounts } = (await api('/trial-balance')) as {
    accounts: { account: string; currency: string; balance: string }[];
  };
  return moneyOfBalances(Object.fromEntries(accounts.map((one) => [`${one.account} ${one.currency}`, one.balance])));
};

it(`loses no event and no cent of a bad day, by the commands of the runbooks alone (INCIDENT_SEED=${SEED})`, async () => {
  const [before = [], hour = [], buggy = [], away = []] = traffic(0.2, 0.5, 0.8);
  await makeEndpoints();
  await eventually(async () => expect(await processors.attempt(before.slice(0, 1))).toEqual([200]));
  await processors.persist(before);
  await sendAgain(before.slice(0, 10));

  await theSecretIsWrong(hour);
  await aReleaseKillsOneType(buggy, [...before, ...hour]);
  await theDatabaseIsKilled(away);
  await sendAgain([...before, ...hour, ...buggy, ...away].filter((_, n) => n % 7 === 0));

  await expectNothingMissing();
}, 300_000);

/** stripe/main signs with another secret than we have, for an hour by the clocks of both. */
async function theSecretIsWrong(requests: readonly Request[]): Promise<void> {
  const { target, secrets } = targetOf('stripe', 'main', 2);
  processors.targets.set('stripe/main', target);
  const wrong = requests.filter(isOf('stripe'));
  const steps = HOUR_MIN / STEP_MIN;
  const waves = Array.from({ length: steps + 2 - TRIES }, (_, wave) =>
    wrong.filter((_, n) => n % (steps + 2 - TRIES) === wave),
  );
  const others = requests.filter((request) => !wrong.includes(request));
  for (let step = 0; step <= steps; step += 1) {
    // Each is tried again ten and twenty minutes later; then nobody sends it any more.
    const tried = waves.slice(Math.max(0, step + 1 - TRIES), step + 1).flat();
    expect(await processors.attempt(tried)).toEqual(tried.map(() => 401));
    await processors.persist(others.filter((_, n) => n % (steps + 1) === step));
    if (step < steps) await tenMinutesPass();
  }
  const refused = wrong.length * TRIES;
  expect(wrong.length).toBeGreaterThan(15);

  const { last_24_hours: day } = endpointIn(await stats('wrong-secret'), 'stripe', 'main');
  expect(day).toMatchObject({ signature_failures: refused });
  // One writer keeps fifty a second.
  await eventually(
    async () =>
      expect(await api('/quarantine/groups')).toMatchObject({
        items: [{ provider: 'stripe', endpoint: 'main', reason: 'signature_mismatch', held: refused, kept_every: 1 }],
      }),
    { timeoutMs: 20_000, everyMs: 100 },
  );
  expect(await onCall.run('wrong-secret', 'quarantine groups')).toMatchObject({ items: [{ refused_24h: refused }] });
  const at = ['--endpoint', 'stripe/main'];
  const { items } = (await onCall.run('wrong-secret', 'quarantine list', at)) as { items: { received_at: string }[] };
  expect(items.length).toBeGreaterThan(0);

  // The right one, from standard input.
  const named = ['stripe', 'main'];
  const made = await onCall.run('wrong-secret', 'endpoint rotate', [...named, '--secret', '-'], secrets[0]);
  const { id } = made as { id: string };
  expect(await onCall.run('wrong-secret', 'endpoint secrets', named)).toMatchObject({
    secrets: [{}, { id }],
  });
  // What they send now is taken, as soon as the gateway knows.
  const extra = processors.answers.length;
  await processors.persist(wrong.slice(0, 1));
  const late = processors.answers.length - extra - 1;

  const wish = [...at, '--secret', id];
  const dry = await onCall.run('wrong-secret', 'quarantine recheck', [...wish, '--dry-run']);
  expect(dry).toMatchObject({ authentic: refused + late, taken_in: 0, refused: [], left: refused + late });
  const recheck = await onCall.run('wrong-secret', 'quarantine recheck', [
    ...wish,
    '--reason',
    'the secret was wrong for an hour',
  ]);
  expect(recheck).toMatchObject({
    taken_in: refused + late,
    events: { new: wrong.length - 1, duplicates: refused + late - wrong.length + 1, conflicts: 0 },
    refused: [],
    left: 0,
  });
  takenIn = refused + late;
  await nothingQueued();
}

async function tenMinutesPass(): Promise<void> {
  const minutes = behindMin - STEP_MIN;
  gateway.launched.child.kill('SIGUSR2');
  await eventually(() => expect(gateway.launched.out()).toContain(`the clock is ${minutes} minutes behind\n`));
  behindMin = minutes;
  // In ten minutes it would have read its endpoints a hundred times; what it knows is too old to answer by.
  await postgres.sql.query("select pg_notify('postern_endpoints', '')");
}

/** A deployment goes wrong while a processor makes mistakes of its own; the release after it mends it. */
async function aReleaseKillsOneType(requests: readonly Request[], known: readonly Request[]): Promise<void> {
  await stopGateway();
  gateway = await startGateway('release-with-a-bug.ts');
  const [mistaken = requests[0], test] = [known.find(isKilled), foreignCapture()];
  if (mistaken === undefined) throw new Error('there is no capture in this traffic');
  const [first, second] = [requests.slice(0, -20), requests.slice(-20)];
  await processors.persist([...first, test, withOtherAmount(mistaken)]);
  await sendAgain(first.filter(isKilled));
  await nothingQueued();
  const killed = first.filter(isKilled).length;
  expect(killed).toBeGreaterThan(3);

  const figures = await stats('dead-letters');
  expect(eventsIn(figures)).toMatchObject({ dead: killed + 2 });
  const { amount_at_risk: risks } = endpointIn(figures, 'adyen', 'main');
  expect(risks.reduce((sum, { events }) => sum + events, 0)).toBe(killed + 2);
  expect(await balances()).not.toEqual(moneyOfLives(told.map(({ life }) => life)));
  await onCall.run('dead-letters', 'queue pause', ['events', '--reason', 'the release of today kills captures']);
  const { items: groups } = (await onCall.run('dead-letters', 'events groups', ['--status', 'dead'])) as Groups;
  expect(groups).toMatchObject([
    { type: KILLED_TYPE, error_code: 'normaliser_failed', count: killed + 1 },
    { type: KILLED_TYPE, error_code: 'conflict', count: 1 },
  ]);
  expect(await onCall.run('dead-letters', 'events show', [groups[1]?.example ?? ''])).toMatchObject({
    status: 'dead',
    advice: { kind: 'contradiction' },
  });
  // Taken and kept while nothing is worked, and by the next release as well.
  await processors.persist(second);
  await stopGateway();
  gateway = await startGateway();
  await processors.persist(second.slice(0, 5));
  const waits = second.length;
  expect(eventsIn((await api('/queue/stats')) as Stats)).toMatchObject({ paused: true, depth: waits, active: 0 });

  // First away with what a replay would post: it is as dead as the others.
  const { items: dead } = (await onCall.run('dead-letters', 'events list', [
    ...['--status', 'dead', '--type', KILLED_TYPE],
  ])) as { items: { id: string; event_id: string }[] };
  const [worthless, ...more] = dead.filter(({ event_id }) => event_id.includes(pspReferenceOf(test)));
  expect(more).toEqual([]);
  const why = ['--reason', 'a test of theirs'];
  expect(await onCall.run('dead-letters', 'events dismiss', [worthless?.id ?? '', ...why])).toMatchObject({
    status: 'no_effect',
    reason: 'dismissed: a test of theirs',
  });
  const mistakes = ['--type', KILLED_TYPE, '--error-code', 'conflict', '--reason', 'told by Adyen: sent by mistake'];
  expect(await onCall.run('dead-letters', 'events dismiss', [...mistakes, '--dry-run'])).toMatchObject({ total: 1 });
  expect(await onCall.run('dead-letters', 'events dismiss', mistakes)).toMatchObject({ status: 'done', dismissed: 1 });

  const { items: causes } = (await onCall.run('dead-letters', 'events groups', ['--status', 'dead'])) as Groups;
  const [bug, ...others] = causes;
  if (bug === undefined) throw new Error('nothing is dead any more');
  expect({ count: bug.count, others }).toEqual({ count: killed, others: [] });
  expect(await onCall.run('dead-letters', 'events replay', [bug.example, '--dry-run'])).toMatchObject({ posted: 1 });
  const meant = ['--filter', ...Object.entries(bug.filter).map(([name, value]) => `${name}=${value}`)];
  const dry = await onCall.run('dead-letters', 'replay', [...meant, '--dry-run']);
  expect(dry).toMatchObject({ dry_run: true, total: killed, failed: 0 });
  const replay = await onCall.run('dead-letters', 'replay', [
    ...meant,
    '--reason',
    'release 0.2.1 reads captures again',
  ]);
  expect(replay).toMatchObject({ status: 'done', total: killed, done: killed, failed: 0, deferred: 0 });
  await onCall.run('dead-letters', 'queue resume', ['events', '--reason', 'release 0.2.1']);
  await nothingQueued();

  expect(await onCall.run('dead-letters', 'events groups', ['--status', 'dead'])).toMatchObject({ items: [] });
  expect((await stats('dead-letters')).endpoints.flatMap(({ amount_at_risk: risk }) => risk)).toEqual([]);
}

/** Under traffic, with SIGKILL; it comes back by itself, and so does all that was refused. */
async function theDatabaseIsKilled(requests: readonly Request[]): Promise<void> {
  const half = Math.floor(requests.length / 2);
  const begun = new Date().toISOString();
  const before = processors.answers.length;
  const since = (status: number) => processors.answers.slice(before).filter((one) => one === status).length;
  const traffic = processors.persist(requests.slice(0, half));
  await eventually(() => expect(since(200)).toBeGreaterThan(5), { everyMs: 2 });
  await postgres.kill();
  const later = processors.persist(requests.slice(half));
  await eventually(() => expect(since(503)).toBeGreaterThan(20), { timeoutMs: 20_000 });
  await eventually(async () => {
    const response = await fetch(`${gateway.url}/api/v1/ready`);
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 503,
      body: { checks: { database: { status: 'failed' } } },
    });
  });
  await postgres.start();
  await Promise.all([traffic, later]);
  expect(new Set(processors.answers.slice(before))).toEqual(new Set([200, 503]));

  expect(await onCall.run('database-away', 'queue drain', ['events'])).toMatchObject({ left: 0 });
  const died = await onCall.run('database-away', 'events list', ['--status', 'dead', '--from', begun]);
  expect(died).toMatchObject({ items: [] });
}

async function expectNothingMissing(): Promise<void> {
  await nothingQueued();
  expect(await onCall.run('database-away', 'ledger verify')).toMatchObject({ ok: true });
  expect(await balances()).toEqual(moneyOfLives(told.map(({ life }) => life)));
  await expectSums(postgres.sql);
  await expectAsProcessorsSay();
  await expectAudited();
}

/** Each body that was ever sent is one event, through; each acknowledgement is one of them or a duplicate. */
async function expectAsProcessorsSay(): Promise<void> {
  const { endpoints } = (await api('/queue/stats')) as Stats;
  const { rows } = await postgres.sql.query<{
    endpoint: string;
    status: string;
    reason: string | null;
    events: bigint;
  }>(
    `select n.provider || '/' || n.name as endpoint, e.status, substring(e.reason from '^dismissed: .*') as reason, count(*) as events
     from postern.events e join postern.endpoints n on n.id = e.endpoint_id group by 1, 2, 3 order by 1, 2, 3`,
    [],
  );
  expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['posted', 'no_effect']));
  expect(rows.filter(({ reason }) => reason !== null)).toEqual([
    { endpoint: 'adyen/main', status: 'no_effect', reason: 'dismissed: a test of theirs', events: 1n },
    { endpoint: 'adyen/main', status: 'no_effect', reason: 'dismissed: told by Adyen: sent by mistake', events: 1n },
  ]);
  for (const [name, { bodies, acknowledgements, unknown }] of processors.accounts) {
    const [provider = '', endpoint = ''] = name.split('/');
    const mine = rows.filter((row) => row.endpoint === name);
    const events = mine.reduce((sum, row) => sum + Number(row.events), 0);
    expect({ name, events }).toEqual({ name, events: bodies.size });
    const { accepted, duplicates } = endpointIn({ endpoints }, provider, endpoint).last_24_hours;
    expect({ name, accepted }).toEqual({ name, accepted: events + duplicates });
    const known = acknowledgements + (name === 'stripe/main' ? takenIn : 0);
    expect(accepted).toBeGreaterThanOrEqual(known);
    // What was refused for the database may be stored all the same, when its commit was on its way.
    expect(accepted).toBeLessThanOrEqual(known + unknown);
  }
}

async function expectAudited(): Promise<void> {
  const { items } = (await onCall.run('books-do-not-verify', 'audit list', [
    '--from',
    new Date(STARTED_AT).toISOString(),
  ])) as { items: { actor: string; action: string; subject: string; reason: string | null }[] };
  const steps = items.filter(({ actor }) => actor.startsWith('cli:')).reverse();
  console.log(JSON.stringify(items));
  expect(steps.map(({ action, reason }) => [action, reason])).toEqual([]);
}

/** Of a payment that is not ours: somebody's test at the processor. */
function foreignCapture(): Request {
  const lives = wholeLives('adyen', { seed: `${SEED} test`, count: 20, startedAt: STARTED_AT, account: ACCOUNT });
  const found = lives.flatMap(({ requests }) => requests).find(isKilled);
  if (found === undefined) throw new Error('none of these is captured');
  return found;
}

function pspReferenceOf({ body }: Request): string {
  return /"pspReference": ?"([^"]+)"/.exec(body)?.[1] ?? '';
}

/** The same event with another amount, signed all the same. */
function withOtherAmount(request: Request): Request {
  const body = request.body.replace(
    /("value": ?)(\d+)/,
    (_, name: string, value: string) => `${name}${Number(value) + 100}`,
  );
  expect(body).not.toBe(request.body);
  return { ...request, body };
}
