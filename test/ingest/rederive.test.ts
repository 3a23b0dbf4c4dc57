import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import { createRandom, shuffled } from '../../src/simulate/random.ts';
import { wholeLives } from '../../src/simulate/traffic.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { nothingQueued } from '../support/old-days.ts';
import { createPipeline } from '../support/pipeline.ts';
import { asSuperuser, run } from './rederived.ts';
import { makeSimulatedEndpoints, POSTING, SIMULATED_ACCOUNT } from './simulated-traffic.ts';

describe('simulated traffic', () => {
  let database: TestDatabase;
  let endpoints: readonly Endpoint[];

  beforeAll(async () => {
    database = await createTestDatabase();
    const simulated = await makeSimulatedEndpoints(database);
    endpoints = simulated.all;
    const pipeline = await createPipeline(database, () => endpoints);
    const random = createRandom('rederive');
    const told = POSTING.flatMap((provider) =>
      wholeLives(provider, {
        seed: 'rederive',
        count: 40,
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
  }, 120_000);
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
  }, 120_000);

  it('finds a transaction of any kind that is taken away, by its effect key', async () => {
    const { rows } = await database.sql.query<{ key: string; id: string }>(
      'select distinct on (kind) effect_key as key, id from postern.transactions order by kind, id desc',
    );
    expect(rows.length).toBeGreaterThan(12);
    const ids = rows.map(({ id }) => `'${id}'`).join(', ');
    await asSuperuser(
      database.sql,
      `delete from postern.postings where transaction_id in (${ids})`,
      `delete from postern.transactions where id in (${ids})`,
    );
    const { findings } = await run(database, endpoints);
    const missing = findings.filter(({ kind }) => kind === 'missing').map(({ effectKey }) => effectKey);
    expect(missing.sort()).toEqual(rows.map(({ key }) => key).sort());
  }, 120_000);
});
