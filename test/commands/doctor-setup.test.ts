import { describe, expect, it } from 'vitest';
import { unopened } from '../../src/commands/doctor-checks.ts';
import {
  clockCheck,
  diskCheck,
  diskOf,
  migrationsCheck,
  serverChecks,
  settingsChecks,
} from '../../src/commands/doctor-setup.ts';
import type { ServerFacts } from '../../src/commands/doctor-setup-store.ts';
import { probeHealth, webhookUrlsCheck } from '../../src/commands/doctor-urls.ts';
import { readConfig } from '../../src/config.ts';
import { PosternError } from '../../src/errors.ts';

const GB = 1e9;

describe('the clock', () => {
  it.each([
    [0.2, 0, 'ok'],
    [-4.9, 0, 'ok'],
    [5.1, 0, 'warning'],
    [-60, 0, 'warning'],
    [121, 0, 'failed'],
    [0, 30, 'warning'],
    [0, -86_400, 'ok'],
  ])('%d s from the database, events %d s ahead: %s', (skew, future, status) => {
    const check = clockCheck(skew, future);
    expect(check.status).toBe(status);
    expect(check.mend === null).toBe(status === 'ok');
  });

  it('says which way it is wrong', () => {
    expect(clockCheck(-60, 0).found).toBe("60.0 s behind the database's");
    expect(clockCheck(60, 0).found).toBe("60.0 s ahead of the database's");
  });
});

describe('the disk', () => {
  const used = { bytes: 3 * GB, bytesADay: GB, isHere: true, folder: '/data' };
  it.each([
    [{ free: 100 * GB, total: 200 * GB }, used, 'ok'],
    [{ free: 13 * GB, total: 200 * GB }, used, 'warning'],
    [{ free: 4 * GB, total: 200 * GB }, { ...used, bytesADay: 0 }, 'warning'],
    [{ free: GB / 4, total: 200 * GB }, used, 'failed'],
    [null, used, 'warning'],
    [{ free: GB / 4, total: 200 * GB }, { ...used, isHere: false }, 'info'],
  ])('%j with %j is %s', (disk, facts, status) => {
    expect(diskCheck(disk, facts).status).toBe(status);
  });

  it('is that of a folder that is there', async () => {
    expect((await diskOf('/'))?.total).toBeGreaterThan(0);
    expect(await diskOf('/no/such/folder')).toBeNull();
  });
});

describe('the server', () => {
  const right: ServerFacts = {
    now: new Date(),
    in_recovery: false,
    read_only: false,
    encoding: 'UTF8',
    max_connections: 100,
    reserved: 3,
    connections: 20,
    may_create_roles: false,
    owns_schema: true,
    bytes: 0n,
  };
  it.each<[string, Partial<ServerFacts>, string | null, string, string]>([
    ['writable', {}, null, 'writable', 'ok'],
    ['a standby', { in_recovery: true }, null, 'writable', 'failed'],
    ['set read-only', { read_only: true }, null, 'writable', 'failed'],
    ['in another encoding', { encoding: 'SQL_ASCII' }, null, 'encoding', 'failed'],
    ['nearly full of connections', { connections: 81 }, null, 'connections', 'warning'],
    ['with room for one instance', { connections: 80 }, null, 'connections', 'ok'],
    ['with a login that may migrate', {}, null, 'rights', 'ok'],
    ['with a login that may only run', { owns_schema: false }, null, 'rights', 'warning'],
    ['with a login without roles', {}, 'permission denied to create role', 'rights', 'warning'],
  ])('%s', (_, change, limited, name, status) => {
    const check = serverChecks({ ...right, ...change }, limited).find((one) => one.name === name);
    expect(check?.status).toBe(status);
    expect(check?.mend === null).toBe(status === 'ok');
  });
});

it.each([
  [['a', 'b'], ['a', 'b'], 'ok'],
  [['a'], ['a', 'b'], 'failed'],
  [['a', 'b', 'c'], ['a', 'b'], 'warning'],
  [[], ['a'], 'failed'],
])('migrations %j applied of %j are %s', (applied, known, status) => {
  expect(migrationsCheck(applied, known).status).toBe(status);
});

describe('the settings', () => {
  const found = (env: Record<string, string>) =>
    settingsChecks(readConfig({ POSTERN_ENCRYPTION_KEYS: 'k:x', ...env })).map((check) => [check.status, check.found]);

  it.each<[string, Record<string, string>, string, RegExp]>([
    ['that are usual', {}, 'ok', /nothing unusual/],
    ['that log too much', { LOG_LEVEL: 'trace' }, 'warning', /LOG_LEVEL is trace/],
    [
      'that take the proxy for every sender',
      { HOST: '0.0.0.0', PUBLIC_URL: 'https://pay.example' },
      'warning',
      /TRUST_PROXY is off/,
    ],
    ['that keep the key beside the database', { POSTERN_ENCRYPTION_KEYS: '' }, 'info', /both in /],
    ['that leave migrating to somebody', { MIGRATE: 'off' }, 'info', /MIGRATE is off/],
    [
      'that send traces',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:hidden@collector:4318/x' },
      'info',
      /^traces are sent to http:\/\/collector:4318$/,
    ],
  ])('%s', (_, env, status, text) => {
    expect(found(env)).toEqual([[status, expect.stringMatching(text)]]);
  });
});

describe('the addresses of webhooks', () => {
  const row = (provider: string, url: string | null = null) => ({ provider, name: 'main', notification_url: url });
  const probe = async () => null;

  it.each([
    ['none yet', [], null, 'info'],
    ['no PUBLIC_URL', [row('stripe')], null, 'info'],
    ['no PUBLIC_URL, where one signs the address', [row('stripe'), row('square')], null, 'warning'],
    ['no PUBLIC_URL, where it is told', [row('square', 'https://pay.example/webhooks/square/main')], null, 'info'],
    ['without TLS', [row('stripe')], 'http://pay.example', 'warning'],
    ['with TLS', [row('stripe')], 'https://pay.example', 'ok'],
    [
      'the one at the processor',
      [row('square', 'https://pay.example/webhooks/square/main')],
      'https://pay.example',
      'ok',
    ],
    [
      'another at the processor',
      [row('square', 'https://old.example/webhooks/square/main')],
      'https://pay.example',
      'warning',
    ],
  ])('%s', async (_, rows, publicUrl, status) => {
    expect((await webhookUrlsCheck(rows, { publicUrl, probe })).status).toBe(status);
  });

  it('are tried, and the failure is told', async () => {
    const check = await webhookUrlsCheck([row('stripe')], { publicUrl: 'http://127.0.0.1:9', probe: probeHealth });
    expect(check).toMatchObject({ status: 'warning', found: expect.stringContaining('does not answer from here') });
  });
});

it.each([
  ['database_unreachable', 'DATABASE_URL'],
  ['database_schema', 'npx postern migrate'],
  ['encryption_key', 'POSTERN_ENCRYPTION_KEYS'],
  ['data_folder_in_use', 'stop the gateway'],
] as const)('a database that cannot be opened for %s is mended by its own means', (code, says) => {
  const { checks } = unopened('v24.21.0', new PosternError(code, 'so'));
  expect(checks.find(({ name }) => name === 'database')?.mend).toContain(says);
});
