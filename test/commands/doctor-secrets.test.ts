import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotationCheck } from '../../src/commands/doctor-secrets.ts';
import { type RollingSecret, readRollingSecrets } from '../../src/commands/doctor-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-03-10T12:00:00Z');

/** Hours before now. */
type Told = { endpoint?: string; made?: number; used?: number; from?: number; to?: number };

function secret(id: string, { endpoint = 'stripe/main', made = 1000, used, from, to }: Told): RollingSecret {
  const ago = (hours: number | undefined) => (hours === undefined ? null : new Date(NOW - hours * HOUR));
  return {
    endpoint,
    id,
    created_at: new Date(NOW - made * HOUR),
    last_used_at: ago(used),
    not_before: ago(from),
    not_after: ago(to),
  };
}

const check = (...secrets: RollingSecret[]) => rotationCheck(secrets, NOW);

describe('a secret that ends with nothing to follow it', () => {
  it.each<[string, RollingSecret[]]>([
    ['it is in use, and the new one was never used', [secret('old', { used: 1, to: -3 }), secret('new', { made: 20 })]],
    [
      'it is in use, and the new one ended',
      [secret('old', { used: 1, to: -3 }), secret('new', { made: 20, used: 9, to: 2 })],
    ],
    ['the new one begins later', [secret('old', { used: 1, to: -3 }), secret('new', { made: 20, from: -9 })]],
    ['it is the only one', [secret('old', { used: 1, to: -3 })]],
    ['it is the only one and idle', [secret('old', { used: 90, to: -3 })]],
    ['it is the only one and was never used', [secret('old', { to: -3 })]],
  ])('is warned of where %s', (_what, secrets) => {
    const found = check(...secrets);
    expect(found.status).toBe('warning');
    expect(found.found).toContain('stripe/main: old');
    expect(found.found).toContain(`ends at ${new Date(NOW + 3 * HOUR).toISOString()}`);
    expect(found.mend).toContain('endpoint rotate');
  });

  it('is warned of after its end too, while what signs with it is refused', () => {
    const found = check(secret('old', { used: 2.1, to: 2 }), secret('new', { made: 20 }));
    expect(found.status).toBe('warning');
    expect(found.found).toContain(`stripe/main: old ended at ${new Date(NOW - 2 * HOUR).toISOString()}`);
    expect(found.mend).toContain('endpoint rotate');
  });

  it.each<[string, RollingSecret[], 'ok' | 'warning']>([
    ['the new one was used', [secret('old', { used: 1, to: -3 }), secret('new', { made: 20, used: 2 })], 'ok'],
    ['an older one in use stays', [secret('old', { used: 1 }), secret('new', { made: 20, used: 2, to: -3 })], 'ok'],
    ['it does not end', [secret('old', { used: 1 }), secret('new', { made: 20 })], 'ok'],
    ['it ended long after its last use', [secret('old', { used: 300, to: 2 }), secret('new', { made: 20 })], 'ok'],
    [
      'it is over and the new one is used',
      [secret('old', { used: 9, to: 2 }), secret('new', { made: 20, used: 1 })],
      'warning',
    ],
    [
      'another endpoint’s is in use',
      [
        secret('old', { used: 1, to: -3 }),
        secret('new', { made: 20, used: 1 }),
        secret('x', { endpoint: 'stripe/other' }),
      ],
      'ok',
    ],
  ])('is not meant where %s', (_what, secrets, status) => {
    const found = check(...secrets);
    expect(found.status).toBe(status);
    expect(found.found).not.toMatch(/ends at|ended at/);
  });

  it('is not saved by a secret of another endpoint', () => {
    const found = check(
      secret('old', { used: 1, to: -3 }),
      secret('new', { made: 20 }),
      secret('foreign', { endpoint: 'stripe/other', used: 1 }),
    );
    expect(found.found).toContain('stripe/main: old');
    expect(found.found).not.toContain('stripe/other');
  });
});

describe('what is left over', () => {
  it('is counted, with the command for each', () => {
    const found = check(secret('old', { used: 300 }), secret('new', { made: 200, used: 1 }));
    expect(found).toMatchObject({
      status: 'warning',
      mend: 'npx postern endpoint remove-secret stripe main old',
    });
  });
});

describe('what is read', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('is endpoints with several secrets, and a single one that ends; not those that are disabled', async () => {
    const { rows } = await database.sql.query<{ id: number; name: string }>(
      `insert into postern.endpoints (provider, name, account, disabled) values
         ('stripe', 'single', 'a', false), ('stripe', 'ending', 'a', false), ('stripe', 'two', 'a', false), ('stripe', 'off', 'a', true)
       returning id, name`,
    );
    const idOf = (name: string) => rows.find((row) => row.name === name)?.id;
    for (const [name, ends] of [
      ['single', false],
      ['ending', true],
      ['two', false],
      ['two', false],
      ['off', true],
    ] as const)
      await database.sql.query(
        `insert into postern.endpoint_secrets (id, endpoint_id, sealed, not_after)
         values (gen_random_uuid(), $1, '', case when $2 then now() + interval '3 hours' end)`,
        [idOf(name), ends],
      );
    const read = await readRollingSecrets(database.app);
    expect(read.map(({ endpoint }) => endpoint).sort()).toEqual(['stripe/ending', 'stripe/two', 'stripe/two']);
    expect(rotationCheck(read).found).toContain('stripe/ending');
  });
});
