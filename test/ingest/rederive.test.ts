import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { Finding, RederiveCounts } from '../../src/ingest/rederive/finding.ts';
import { type RederiveOptions, rederive } from '../../src/ingest/rederive/rederive.ts';
import { PRESENT_RULES, type Rules } from '../../src/ingest/rederive/told-event.ts';
import { chart } from '../../src/ledger/chart.ts';
import { contentOf, type Leg, leg } from '../../src/ledger/entry.ts';
import type { Draft } from '../../src/ledger/rules.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import { adyen } from '../../src/providers/adyen/index.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { createRandom, shuffled } from '../../src/simulate/random.ts';
import { simulators } from '../../src/simulate/simulators.ts';
import { wholeLives } from '../../src/simulate/traffic.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { adyenBody, adyenItem } from '../providers/adyen/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { nothingQueued } from '../support/old-days.ts';
import { createPipeline, type Pipeline } from '../support/pipeline.ts';
import { chargeSucceeded, refundCreated, stripeEvent } from '../support/stripe-bodies.ts';
import { makeSimulatedEndpoints, SIMULATED_ACCOUNT } from './simulated-traffic.ts';

type Result = { readonly findings: Finding[]; readonly counts: RederiveCounts };

async function run(
  database: TestDatabase,
  endpoints: readonly Endpoint[],
  options: Partial<RederiveOptions> = {},
): Promise<Result> {
  const pools = database.pools();
  const client = pools.reader();
  await client.connect();
  const findings: Finding[] = [];
  try {
    const found = rederive(
      { client, endpoints: { byId: (id) => endpoints.find((one) => one.id === id) } },
      { from: 0, to: Date.now() + 1_000, endpoints: null, limit: Number.MAX_SAFE_INTEGER, ...options },
    );
    for (let next = await found.next(); ; next = await found.next()) {
      if (next.done === true) return { findings, counts: next.value };
      findings.push(next.value);
    }
  } finally {
    await client.end();
    await pools.end();
  }
}

/** As nobody may who is not the database's own superuser: past every trigger. */
async function asSuperuser(sql: Sql, ...statements: string[]): Promise<void> {
  await sql.query(`do $$ begin set local session_replication_role = replica; ${statements.join('; ')}; end $$`);
}

describe('simulated traffic', () => {
  let database: TestDatabase;
  let endpoints: readonly Endpoint[];

  beforeAll(async () => {
    database = await createTestDatabase();
    const simulated = await makeSimulatedEndpoints(database);
    endpoints = simulated.all;
    const pipeline = await createPipeline(database, () => endpoints);
    const random = createRandom('rederive');
    const told = [...simulators.keys()].flatMap((provider) =>
      wholeLives(provider, {
        seed: 'rederive',
        count: 60,
        startedAt: Date.UTC(2026, 0, 15, 12),
        account: SIMULATED_ACCOUNT,
      }).flatMap(({ requests }) => requests),
    );
    // In disorder, and some of it twice.
    const requests = shuffled([...told, ...told.filter(() => random.chance(0.1))], random);
    for (let n = 0; n < requests.length; n += 50) {
      // What is worked at once looks at its payment in one batch, the rest in several.
      if (n === 500) pipeline.worker.start();
      await Promise.all(requests.slice(n, n + 50).map((request) => simulated.send(pipeline, request)));
    }
    await nothingQueued(database.sql);
    await pipeline.stop();
  }, 60_000);
  afterAll(() => database.drop());

  it('is what the rules make of it, in whatever order it came', async () => {
    const { findings, counts } = await run(database, endpoints);
    expect(findings).toEqual([]);
    const { rows } = await database.sql.query<{ events: bigint; effects: bigint }>(
      'select (select count(*) from postern.events) as events, (select count(*) from postern.transactions) as effects',
    );
    expect(counts).toMatchObject({
      missing: 0,
      extra: 0,
      different: 0,
      newer_rule: 0,
      not_comparable: 0,
      bytes_gone: 0,
    });
    expect(BigInt(counts.events)).toBe(rows[0]?.events);
    // Each effect of the books was compared, and each once.
    expect(BigInt(counts.effects)).toBe(rows[0]?.effects);
    expect(counts.other_order).toBe(0);
  }, 60_000);

  it('finds a transaction of any kind that is taken away, by its effect key', async () => {
    const { rows } = await database.sql.query<{ key: string; id: string }>(
      'select distinct on (kind) effect_key as key, id from postern.transactions order by kind, id desc',
    );
    expect(rows.length).toBeGreaterThan(12);
    await asSuperuser(
      database.sql,
      'create table public.kept_t as select * from postern.transactions',
      'create table public.kept_p as select * from postern.postings',
    );
    for (const { key, id } of rows) {
      await asSuperuser(
        database.sql,
        `delete from postern.postings where transaction_id = '${id}'`,
        `delete from postern.transactions where id = '${id}'`,
      );
      const { findings } = await run(database, endpoints);
      expect(named(findings), key).toContainEqual(['missing', key]);
      await asSuperuser(
        database.sql,
        `insert into postern.transactions select * from public.kept_t where id = '${id}'`,
        `insert into postern.postings select * from public.kept_p where transaction_id = '${id}'`,
      );
      // Of the same payment, whose later steps then are others: never of another.
      if (findings.length > 1) console.log(key, JSON.stringify(named(findings)));
    }
    expect((await run(database, endpoints)).findings).toEqual([]);
  }, 120_000);
});

const named = (findings: readonly Finding[]) => findings.map(({ kind, effectKey }) => [kind, effectKey]);
