import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { PosternError } from '../src/errors.ts';
import { providers } from '../src/providers/index.ts';

function refusal(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof PosternError && error.code === 'config_invalid') return error.message;
    throw error;
  }
  return 'accepted';
}

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      databaseUrl: null,
      dataDir: `${process.cwd()}/data`,
      redisUrl: null,
      adminToken: null,
      retentionDays: null,
      ackDeadlineMs: 3000,
      inFlightMax: 2000,
      drainDelayMs: 0,
      databaseWaitS: 10,
      trustProxy: false,
      migrate: true,
      logLevel: 'info',
      bodyLimitBytes: 1024 * 1024,
      publicUrl: null,
    });
  });

  it('takes a variable set to nothing as unset', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ', MIGRATE: '' })).toEqual(readConfig({}));
  });

  it.each([
    ['PORT', 'abc'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1e3'],
    ['PORT', '0x50'],
    ['PORT', '80.5'],
    ['HOST', 'http://localhost'],
    ['ACK_DEADLINE_MS', '0'],
    ['MAX_IN_FLIGHT', '0'],
    ['RETENTION_DAYS', '0'],
    ['RETENTION_DAYS', '36'],
    ['RETENTION_DAYS', '36501'],
    ['RETENTION_DAYS', 'ever'],
    ['DATABASE_WAIT_S', 'ten'],
    ['MIGRATE', 'no'],
    ['LOG_LEVEL', 'verbose'],
    ['BODY_LIMIT', '1MB'],
    ['INTAKE_MAX_BATCH', '201'],
    ['WORKER_CONCURRENCY', '4'],
    ['TRUST_PROXY', 'true'],
    ['TRUST_PROXY', '10.0.0.0/8,everyone'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['PUBLIC_URL', 'ftp://pay.example'],
  ])('%s=%s is refused in one line that names the variable, the value and what it may be', (name, value) => {
    const line = refusal({ [name]: value });
    expect(line).toMatch(new RegExp(`^${name} is "`));
    expect(line).toContain(JSON.stringify(value));
    expect(line).toContain('it may be');
    expect(line).not.toContain('\n');
  });

  it('a line break in a value does not make a second line', () => {
    expect(refusal({ LOG_LEVEL: 'info\nERROR all lost' })).not.toContain('\n');
  });

  it.each([
    ['DATABASE_URL', 'mysql://root:geheim@db/x'],
    ['REDIS_URL', 'http://:geheim@cache'],
    ['HTTPS_PROXY', 'me:geheim@proxy:3128'],
    ['HTTPS_PROXY', 'socks5://me:geheim@proxy:1080'],
    ['HTTPS_PROXY', 'http://me:geheim@proxy:3128/path'],
    ['HTTPS_PROXY', 'http://me:geheim%@proxy:3128'],
    ['HTTPS_PROXY', 'http://me:geheim%FF@proxy:3128'],
    ['HTTPS_PROXY', 'http://me:geheim@'],
    ['POSTERN_ADMIN_TOKEN', 'geheim'],
    ['POSTERN_ADMIN_TOKEN', `geheim ${'x'.repeat(30)}`],
  ])('%s is refused without showing it', (name, value) => {
    const line = refusal({ [name]: value });
    expect(line).toContain(name);
    expect(line).not.toContain('geheim');
  });

  it('reads what is right', () => {
    expect(
      readConfig({
        PORT: '0',
        DATABASE_URL: 'postgres://me@db:5432/payments?sslmode=require',
        TRUST_PROXY: 'loopback, 10.0.0.0/8,fd00::/8',
        PUBLIC_URL: 'https://hooks.example.com/in/',
        MIGRATE: 'off',
        RETENTION_DAYS: '90',
      }),
    ).toMatchObject({
      port: 0,
      databaseUrl: 'postgres://me@db:5432/payments?sslmode=require',
      trustProxy: ['loopback', '10.0.0.0/8', 'fd00::/8'],
      publicUrl: 'https://hooks.example.com/in',
      migrate: false,
      retentionDays: 90,
    });
    expect(readConfig({ TRUST_PROXY: '1' }).trustProxy).toBe(1);
    expect(readConfig({ NO_PROXY: 'x' }).httpsProxy).toBeNull();
    expect(readConfig({ HTTPS_PROXY: 'https://proxy' }).httpsProxy).toEqual({ url: 'https://proxy', except: [] });
    expect(
      readConfig({
        HTTPS_PROXY: 'http://me:p%40ss@proxy.example:3128/',
        NO_PROXY: 'localhost, .Svc.example,*.corp.example bank.example:443,10.0.0.0/8,',
      }).httpsProxy,
    ).toEqual({
      url: 'http://me:p%40ss@proxy.example:3128/',
      except: ['localhost', 'svc.example', 'corp.example', 'bank.example', '10.0.0.0/8'],
    });
  });

  it('keeps bodies at least a week past the last try of every processor', () => {
    const horizonDays = Math.max(...[...providers.values()].map(({ facts }) => facts.retryHorizonHours / 24));
    const leastDays = Math.ceil(horizonDays) + 7;
    expect(readConfig({ RETENTION_DAYS: String(leastDays) }).retentionDays).toBe(leastDays);
    expect(refusal({ RETENTION_DAYS: String(leastDays - 1) })).toMatch(
      new RegExp(`^RETENTION_DAYS is "${leastDays - 1}"; it may be a whole number from ${leastDays} [^\\n]*$`),
    );
  });
});
