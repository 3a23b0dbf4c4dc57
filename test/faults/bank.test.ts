import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { verifyLedger } from '../../src/ledger/verify/verify.ts';
import { createRandom, type Random } from '../../src/simulate/random.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';
import { serviceCalls } from '../support/service-calls.ts';

/*
 * A bank as Jepsen tests one: money moves between accounts at random while gateways are killed and the database restarts,
 * and whoever adds all accounts up at one moment finds what was there in the beginning.
 */

const SEED = process.env.BANK_SEED ?? String(Date.now());
const ACCOUNTS = 8;
/** The first of them may not be overdrawn. */
const GUARDED = 5;
const OPENING = 100_000;
const CLIENTS = 12;
const TRANSFERS_A_CLIENT_MAX = 400;
/** So many acknowledgements between two faults, and the moment of the fault some more after them. */
const BETWEEN_FAULTS = 15;
const names = Array.from({ length: ACCOUNTS }, (_, n) => `bank-${n}`);
const folder = mkdtempSync(join(tmpdir(), 'postern-bank-'));

let postgres: OwnPostgres;
/** Two, one of which also works (and seals). A killed one stays in its place until another is there. */
const gateways: ChildGateway[] = [];

beforeAll(async () => {
  postgres = await createOwnPostgres();
  gateways.push(...(await Promise.all([start(0), start(1)])));
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.kill()));
  await postgres.remove();
  rmSync(folder, { recursive: true, force: true });
});

function start(place: number): Promise<ChildGateway> {
  const env = {
    POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
    POSTERN_DATA_DIR: join(folder, String(place)),
    ACK_DEADLINE_MS: '2000',
  };
  return startChildGateway(postgres.url, { work: place === 0, env });
}

async function revive(place: number): Promise<void> {
  await gateways[place]?.kill();
  gateways[place] = await start(place);
}

type Sent = { readonly key: string; readonly from: string; readonly to: string; readonly amount: number };

/** The gateway that chance picks; a request that gets no answer in time may have been done all the same. */
function callsOf(random: Random) {
  const { url } = random.pick(gateways);
  return serviceCalls([url]);
}

/** Sends it again under its key, to whichever gateway, until it is acknowledged; returns its message id, where that was told. */
async function sendUntilAcknowledged(one: Sent, random: Random, odd: string[]): Promise<string | null> {
  return eventually(
    async () => {
      const answer = await callsOf(random).transfer({ ...one, amount: `"${(one.amount / 100).toFixed(2)}"` });
      if (answer.status === 200 || answer.status === 202) return answer.body.messageId;
      if (answer.status !== 503) odd.push(`${one.key}: ${answer.status} ${JSON.stringify(answer.body)}`);
      throw new Error(`${one.key} was answered ${answer.status}`);
    },
    { timeoutMs: 30_000 },
  );
}

type Look = { readonly kept: string; readonly lines: string; readonly lowest: string };

/** One statement sees one moment. */
const LOOK = `with mine as (select id, path from postern.accounts where path like 'asset:client:bank-%')
  select (select coalesce(sum(debits - credits), 0)::text from postern.balances b join mine on mine.id = b.account_id) as kept,
    (select coalesce(sum(p.amount), 0)::text from postern.postings p join mine on mine.id = p.account_id) as lines,
    (select coalesce(min(debits - credits), 0)::text from postern.balances b join mine on mine.id = b.account_id
      where mine.path = any ($1)) as lowest`;

it(`keeps its money through kills and restarts, and does what it acknowledged exactly once (BANK_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const odd: string[] = [];
  const guarded = names.slice(0, GUARDED).map((name) => `asset:client:${name}`);
  for (const name of names)
    await sendUntilAcknowledged(
      { key: `open ${name}`, from: 'equity:opening_balances', to: name, amount: OPENING },
      random,
      odd,
    );
  for (const path of guarded) await postgres.sql.query(`select postern.set_overdraft($1, 'refused')`, [path]);

  let over = false;
  const acknowledged = new Map<string, { sent: Sent; messageId: string | null }>();
  async function client(n: number): Promise<void> {
    const mine = random.fork(`client ${n}`);
    for (let turn = 0; !over && turn < TRANSFERS_A_CLIENT_MAX; turn += 1) {
      const from = mine.pick(names);
      const to = mine.pick(names.filter((name) => name !== from));
      // Large enough that accounts run dry.
      const sent = { key: `c${n} t${turn}`, from, to, amount: mine.between(1, 60_000) };
      acknowledged.set(sent.key, { sent, messageId: await sendUntilAcknowledged(sent, mine, odd) });
    }
  }

  const looks: Look[] = [];
  async function reader(): Promise<void> {
    while (!over) {
      // While the database is away there is nothing to see.
      const seen = await postgres.sql.query<Look>(LOOK, [guarded]).catch(() => null);
      if (seen !== null) looks.push(...seen.rows);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** What was acknowledged before the fault; after it, others are. */
  async function progress(): Promise<void> {
    const before = acknowledged.size;
    const some = BETWEEN_FAULTS + random.between(0, BETWEEN_FAULTS);
    const all = CLIENTS * TRANSFERS_A_CLIENT_MAX;
    await eventually(() => expect(acknowledged.size).toBeGreaterThanOrEqual(Math.min(before + some, all)), {
      timeoutMs: 30_000,
      everyMs: 3,
    });
  }

  async function restartDatabase(): Promise<void> {
    await postgres.stop();
    await postgres.start();
  }

  async function faults(): Promise<void> {
    const plan: (() => Promise<unknown>)[] = [
      () => revive(0),
      restartDatabase,
      // Away for both while one of them dies.
      () => Promise.all([restartDatabase(), gateways[0]?.kill()]).then(() => revive(0)),
      () => Promise.all([revive(0), revive(1)]),
      restartDatabase,
    ];
    for (const fault of plan) {
      await progress();
      await fault();
    }
    await progress();
  }

  const clients = Array.from({ length: CLIENTS }, (_, n) => client(n));
  const reading = reader();
  await Promise.all([
    faults().finally(() => {
      over = true;
    }),
    ...clients,
  ]);
  await reading;

  expect(odd).toEqual([]);
  expect(looks.length).toBeGreaterThan(10);
  const total = String(ACCOUNTS * OPENING);
  expect(looks.filter(({ kept, lines }) => kept !== total || lines !== total)).toEqual([]);
  expect(looks.filter(({ lowest }) => Number(lowest) < 0)).toEqual([]);
  await expectAsAcknowledged([...acknowledged.values()]);
  await expectProven();
}, 300_000);

async function expectAsAcknowledged(
  all: readonly { readonly sent: Sent; readonly messageId: string | null }[],
): Promise<void> {
  const { rows } = await postgres.sql.query<{
    key: string;
    id: string;
    status: string;
    error: string | null;
    moves: string | null;
  }>(
    `select r.idempotency_key as key, r.id, r.status, r.error_code as error,
       (select string_agg(concat_ws(' ', a.path, p.amount, p.currency), ', ' order by p.amount, a.path) from postern.transactions t
         join postern.postings p on p.transaction_id = t.id join postern.accounts a on a.id = p.account_id
         where t.source_request = r.id) as moves
     from postern.requests r where r.idempotency_key like 'c%'`,
  );
  const ended = new Map(rows.map((row) => [row.key, row]));
  // Each client went on until it was answered: there is nothing that nobody knows of.
  expect(rows).toHaveLength(all.length);
  const balances = new Map(names.map((name) => [name, OPENING]));
  const failed = new Set<string>();
  for (const { sent, messageId } of all) {
    const { key, from, to, amount } = sent;
    const row = ended.get(key);
    expect(row?.id, key).toBe(messageId);
    if (row?.status === 'failed') {
      failed.add(from);
      expect(row, key).toMatchObject({ error: 'insufficient_funds', moves: null });
      continue;
    }
    const moves = `asset:client:${from} ${-amount} EUR, asset:client:${to} ${amount} EUR`;
    expect(row, key).toMatchObject({ status: 'completed', moves });
    balances.set(from, (balances.get(from) ?? 0) - amount);
    balances.set(to, (balances.get(to) ?? 0) + amount);
  }
  // Both kinds were there: some had too little, and only those that may not be overdrawn.
  expect(failed.size).toBeGreaterThan(0);
  expect(failed.difference(new Set(names.slice(0, GUARDED)))).toEqual(new Set());
  const calls = serviceCalls(
    gateways.map(({ url }) => url),
    { patient: true },
  );
  for (const [name, balance] of balances) expect(await calls.balance(name), name).toBe(String(balance));
  for (const { sent, messageId } of all.slice(-20)) {
    const status = ended.get(sent.key)?.status.toUpperCase();
    expect((await calls.result(sent.key)).body).toMatchObject({ status, messageId });
  }
}

async function expectProven(): Promise<void> {
  // The gateway that works seals by itself, also after it was killed doing so.
  await eventually(
    async () => {
      const { rows } = await postgres.sql.query(
        `select (select size from postern.sealing)
           = (select count(*) from postern.transactions) + (select count(*) from postern.audit_log) as all_sealed`,
      );
      expect(rows).toEqual([{ all_sealed: true }]);
    },
    { timeoutMs: 20_000 },
  );
  const report = await verifyLedger({ pool: postgres.pool });
  expect(report.checks.filter(({ fault }) => fault !== null)).toEqual([]);
  expect(report).toMatchObject({ ok: true, unsealed: 0 });
}
