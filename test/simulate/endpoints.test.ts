import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKeyring } from '../../src/encryption.ts';
import { SECRETS_MAX, selectSecrets } from '../../src/endpoints/endpoint-store.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { ensureSimulatedEndpoint, targetOfEndpoint } from '../../src/simulate/endpoints.ts';
import type { SimulatedTarget } from '../../src/simulate/simulator.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const base = { baseUrl: 'http://127.0.0.1:1', keyring: parseKeyring(TEST_KEYS), clock: { now: () => Date.now() } };
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

function ensure(provider: string): Promise<SimulatedTarget> {
  return withTransaction(database.appPool, (tx) =>
    ensureSimulatedEndpoint(tx, { ...base, actor: 'cli:test', provider, destination: 'main' }),
  );
}

async function secretsOf(provider: string): Promise<{ readonly not_after: Date | null }[]> {
  const { rows } = await database.sql.query<{ id: number }>(
    `select id from postern.endpoints where provider = $1 and name = 'sim-main'`,
    [provider],
  );
  return selectSecrets(
    database.sql,
    rows.map(({ id }) => id),
  );
}

describe('an endpoint of simulation’s own', () => {
  it('keeps its secret from run to run', async () => {
    const [first, second] = [await ensure('checkout'), await ensure('checkout')];
    expect(second).toEqual(first);
    expect(await secretsOf('checkout')).toMatchObject([{ not_after: null }]);
    const { rows } = await database.sql.query(
      `select a.action, a.actor, a.reason from postern.audit_log a
       join postern.endpoints e on a.subject = 'endpoint:' || e.id where e.provider = 'checkout' order by a.id`,
    );
    const by = { actor: 'cli:test', reason: 'simulate' };
    // The second run changed nothing.
    expect(rows).toEqual([
      { action: 'endpoint.create', ...by },
      { action: 'secret.create', ...by },
    ]);
  });

  it('gets a new key each time where the processor’s is a key pair, for a day, and never more than an endpoint may have', async () => {
    const keys = new Set<string>();
    for (let run = 0; run < SECRETS_MAX + 3; run += 1) keys.add((await ensure('plaid')).secret);
    expect(keys.size).toBe(SECRETS_MAX + 3);
    const secrets = await secretsOf('plaid');
    expect(secrets).toHaveLength(SECRETS_MAX);
    for (const { not_after: until } of secrets) expect(until?.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  });

  it.each(['paypal', 'amazon-pay', 'wise', 'plaid'])(
    '%s: nobody signs for an endpoint of somebody’s',
    async (provider) => {
      await ensure(provider);
      const asked = withTransaction(database.appPool, (tx) =>
        targetOfEndpoint(tx, { ...base, provider, name: 'sim-main' }),
      );
      await expect(asked).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('nobody but'),
      });
    },
  );
});
