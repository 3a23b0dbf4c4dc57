import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import {
  firstKilled,
  INCIDENT_ACCOUNT,
  incidentEndpoint,
  isKilled,
  KILLED_TYPE,
  planIncident,
  pspReferenceOf,
  withOtherAmount,
} from '../support/incident-traffic.ts';
import { greeted, type Launched, launch } from '../support/launcher.ts';
import { moneyOfBalances } from '../support/life-money.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';
import { createProcessors, type Processors, type Request } from '../support/processor-account.ts';
import { createOnCall, type OnCall } from '../support/runbooks.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

/*
 * A bad day from the outside: a secret that is wrong for an hour, a release that kills one type of event, a database that
 * is killed. Whoever is on call has the commands of the runbooks and no others; in the end nothing is missing.
 */

const SEED = process.env.INCIDENT_SEED ?? '5';
const PLAN = planIncident(SEED, [0.2, 0.3, 0.3, 0.2]);
const HOUR_MIN = 60;
const STEP_MIN = 10;
const MINUTE_MS = 60_000;
/** So often the processor tries before it gives an event up. */
const TRIES = 3;
/** What whoever is on call gives as reasons, to be found in the audit log. */
const WHY = {
  recheck: 'the secret was wrong for an hour',
  pause: 'the release of today kills captures',
  test: 'a test of theirs',
  mistake: 'told by Adyen: sent by mistake',
  replay: 'release 0.2.1 reads captures again',
  resume: 'release 0.2.1',
  drain: 'the database is back',
} as const;

const folder = mkdtempSync(join(tmpdir(), 'postern-incident-'));
let postgres: OwnPostgres;
let env: Record<string, string>;
let onCall: OnCall;
let processors: Processors;
let gateway: { readonly launched: Launched; readonly url: string };
/** How far the gateway's clock, and the processors', are behind the present. */
let behindMin = HOUR_MIN;
const begunAt = new Date().toISOString();
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

async function makeEndpoints(): Promise<void> {
  for (const [provider, destination] of [
    ['stripe', 'main'],
    ['stripe', 'thin'],
    ['adyen', 'main'],
  ] as const) {
    const { target, secrets } = incidentEndpoint(provider, destination);
    const settings = { ...target.settings, account: INCIDENT_ACCOUNT };
    await api('/endpoints', { provider, name: destination, secrets, settings });
    processors.targets.set(`${provider}/${destination}`, target);
  }
}

/** As retries whose acknowledgement got lost. */
async function sendAgain(requests: readonly Request[]): Promise<void> {
  expect(new Set(await processors.attempt(requests))).toEqual(new Set([200]));
}

type Group = { type: string; error_code: string; count: number; example: string; filter: Record<string, string> };
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
const deadGroups = async (): Promise<Group[]> =>
  ((await onCall.run('dead-letters', 'events groups', ['--status', 'dead'])) as { items: Group[] }).items;
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
  const [before = [], hour = [], buggy = [], away = []] = PLAN.parts;
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

it('lets whoever is on call do nothing that no runbook names', async () => {
  await expect(onCall.run('wrong-secret', 'ledger verify')).rejects.toThrow(
    'wrong-secret.md has no "npx postern ledger',
  );
  await expect(onCall.run('dead-letters', 'events dismiss', ['--provider', 'x'])).rejects.toThrow('--provider');
});

/** stripe/main signs with another secret than we have, for an hour by the clocks of both. */
async function theSecretIsWrong(requests: readonly Request[]): Promise<void> {
  const { target, secrets } = incidentEndpoint('stripe', 'main', 2);
  processors.targets.set('stripe/main', target);
  const wrong = requests.filter(({ provider, destination }) => provider === 'stripe' && destination === 'main');
  const steps = HOUR_MIN / STEP_MIN;
  const waves = Array.from({ length: steps + 2 - TRIES }, (_, wave) =>
    wrong.filter((_, n) => n % (steps + 2 - TRIES) === wave),
  );
  const right = requests.filter((request) => !wrong.includes(request));
  for (let step = 0; step <= steps; step += 1) {
    // Each is tried again ten and twenty minutes later; then nobody sends it any more.
    const tried = waves.slice(Math.max(0, step + 1 - TRIES), step + 1).flat();
    expect(await processors.attempt(tried)).toEqual(tried.map(() => 401));
    await processors.persist(right.filter((_, n) => n % (steps + 1) === step));
    if (step < steps) await tenMinutesPass();
  }
  const refused = wrong.length * TRIES;
  expect(wrong.length).toBeGreaterThan(15);

  await areHeld(refused);
  const at = ['--endpoint', 'stripe/main'];
  const [figures, groups, list] = await Promise.all([
    stats('wrong-secret'),
    onCall.run('wrong-secret', 'quarantine groups'),
    onCall.run('wrong-secret', 'quarantine list', at),
  ]);
  expect(endpointIn(figures, 'stripe', 'main').last_24_hours).toMatchObject({ signature_failures: refused });
  expect(list).toMatchObject({ items: { length: 50 } });
  const [group, ...others] = refusedOf(groups);
  expect({ group, others }).toMatchObject({
    group: { reason: 'signature_mismatch', refused_24h: refused, kept_every: 1 },
    others: [],
  });
  expect(Date.parse(group?.last ?? '') - Date.parse(group?.first ?? '')).toBeGreaterThan(59 * MINUTE_MS);

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
  const late = processors.answers.slice(extra).filter((status) => status === 401).length;
  await areHeld(refused + late);

  const wish = [...at, '--secret', id];
  const dry = await onCall.run('wrong-secret', 'quarantine recheck', [...wish, '--dry-run']);
  expect(dry).toMatchObject({ authentic: refused + late, taken_in: 0, refused: [], left: refused + late });
  const recheck = await onCall.run('wrong-secret', 'quarantine recheck', [...wish, '--reason', WHY.recheck]);
  expect(recheck).toMatchObject({
    taken_in: refused + late,
    events: { new: wrong.length - 1, duplicates: refused + late - wrong.length + 1, conflicts: 0 },
    refused: [],
    left: 0,
  });
  takenIn = refused + late;
  await nothingQueued();
}

/** One writer keeps fifty a second. */
async function areHeld(count: number): Promise<void> {
  await eventually(async () => expect(refusedOf(await api('/quarantine/groups'))).toMatchObject([{ held: count }]), {
    timeoutMs: 20_000,
    everyMs: 100,
  });
}

type Refused = { endpoint: string | null; reason: string; refused_24h: number; first: string; last: string };

/** The groups of endpoints. Where the first request comes before the gateway knows its endpoint, that is another one. */
function refusedOf(groups: unknown): Refused[] {
  return (groups as { items: Refused[] }).items.filter(({ endpoint }) => endpoint !== null);
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
  const [first, second] = [requests.slice(0, -20), requests.slice(-20)];
  await processors.persist([...first, PLAN.test, withOtherAmount(firstKilled(known))]);
  await sendAgain(first.filter(isKilled));
  await nothingQueued();
  const killed = first.filter(isKilled).length;
  expect(killed).toBeGreaterThan(3);

  const figures = await stats('dead-letters');
  expect(eventsIn(figures)).toMatchObject({ dead: killed + 2 });
  const { amount_at_risk: risks } = endpointIn(figures, 'adyen', 'main');
  expect(risks.reduce((sum, { events }) => sum + events, 0)).toBe(killed + 2);
  expect(await balances()).not.toEqual(PLAN.money);
  await onCall.run('dead-letters', 'queue pause', ['events', '--reason', WHY.pause]);
  const groups = await deadGroups();
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
  const [worthless, ...more] = dead.filter(({ event_id }) => event_id.includes(pspReferenceOf(PLAN.test)));
  expect(more).toEqual([]);
  const why = ['--reason', WHY.test];
  expect(await onCall.run('dead-letters', 'events dismiss', [worthless?.id ?? '', ...why])).toMatchObject({
    status: 'no_effect',
    reason: `dismissed: ${WHY.test}`,
  });
  const mistakes = ['--type', KILLED_TYPE, '--error-code', 'conflict', '--reason', WHY.mistake];
  expect(await onCall.run('dead-letters', 'events dismiss', [...mistakes, '--dry-run'])).toMatchObject({ total: 1 });
  expect(await onCall.run('dead-letters', 'events dismiss', mistakes)).toMatchObject({ status: 'done', dismissed: 1 });

  const [bug, ...others] = await deadGroups();
  if (bug === undefined) throw new Error('nothing is dead any more');
  expect({ count: bug.count, others }).toEqual({ count: killed, others: [] });
  expect(await onCall.run('dead-letters', 'events replay', [bug.example, '--dry-run'])).toMatchObject({ posted: 1 });
  const meant = ['--filter', ...Object.entries(bug.filter).map(([name, value]) => `${name}=${value}`)];
  const dry = await onCall.run('dead-letters', 'replay', [...meant, '--dry-run']);
  expect(dry).toMatchObject({ dry_run: true, total: killed, failed: 0 });
  const replay = await onCall.run('dead-letters', 'replay', [...meant, '--reason', WHY.replay]);
  expect(replay).toMatchObject({ status: 'done', total: killed, done: killed, failed: 0, deferred: 0 });
  await onCall.run('dead-letters', 'queue resume', ['events', '--reason', WHY.resume]);
  await nothingQueued();

  const [left, after] = await Promise.all([deadGroups(), stats('dead-letters')]);
  expect({ left, risks: after.endpoints.flatMap(({ amount_at_risk: risk }) => risk) }).toEqual({ left: [], risks: [] });
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

  expect(await onCall.run('database-away', 'queue drain', ['events', '--reason', WHY.drain])).toMatchObject({
    left: 0,
  });
  const [died, proof] = await Promise.all([
    onCall.run('database-away', 'events list', ['--status', 'dead', '--from', begun]),
    onCall.run('database-away', 'ledger verify'),
  ]);
  expect(died).toMatchObject({ items: [] });
  expect(proof).toMatchObject({ ok: true });
}

async function expectNothingMissing(): Promise<void> {
  await nothingQueued();
  expect(await onCall.run('database-away', 'ledger verify')).toMatchObject({ ok: true });
  expect(await balances()).toEqual(PLAN.money);
  await expectSums(postgres.sql);
  // Duplicates that the cache answered are counted within a second.
  await eventually(expectAsProcessorsSay, { timeoutMs: 10_000, everyMs: 500 });
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
    { endpoint: 'adyen/main', status: 'no_effect', reason: `dismissed: ${WHY.test}`, events: 1n },
    { endpoint: 'adyen/main', status: 'no_effect', reason: `dismissed: ${WHY.mistake}`, events: 1n },
  ]);
  for (const [name, { bodies, acknowledgements, unsure }] of processors.accounts) {
    const [provider = '', endpoint = ''] = name.split('/');
    const mine = rows.filter((row) => row.endpoint === name);
    const events = mine.reduce((sum, row) => sum + Number(row.events), 0);
    expect({ name, events }).toEqual({ name, events: bodies.size });
    const { accepted, duplicates } = endpointIn({ endpoints }, provider, endpoint).last_24_hours;
    expect({ name, accepted }).toEqual({ name, accepted: events + duplicates });
    const known = acknowledgements + (name === 'stripe/main' ? takenIn : 0);
    expect(accepted).toBeGreaterThanOrEqual(known);
    // What was refused for the database may be stored all the same, when its commit was on its way.
    expect(accepted).toBeLessThanOrEqual(known + unsure.size);
  }
}

async function expectAudited(): Promise<void> {
  const { items } = (await onCall.run('books-do-not-verify', 'audit list', ['--from', begunAt])) as {
    items: { actor: string; action: string; subject: string; reason: string | null }[];
  };
  const steps = items.filter(({ actor }) => actor.startsWith('cli:')).reverse();
  expect(steps.map(({ action, reason }) => [action, reason])).toEqual([
    ['secret.rotate', null],
    ['quarantine.recheck', WHY.recheck],
    ['quarantine.taken_in', WHY.recheck],
    ['queue.pause', WHY.pause],
    ['event.dismiss', WHY.test],
    ['dismissal.create', WHY.mistake],
    ['dismissal.done', null],
    ['replay.create', 'dry run'],
    ['replay.create', 'dry run'],
    ['replay.create', WHY.replay],
    ['queue.resume', WHY.resume],
    ['queue.drain', WHY.drain],
  ]);
}
