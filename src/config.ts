import { resolve } from 'node:path';
import type { ProxySettings } from './egress-proxy.ts';
import { PosternError } from './errors.ts';
import type { LogLevel } from './log.ts';
import { isPostgresUrl } from './postgres/address.ts';
import { readTraceSettings, type TraceSettings } from './trace-settings.ts';

/** Everything the environment sets, validated once; null where something is unset and has no default. */
export type Config = {
  host: string;
  port: number;
  /** Null: the embedded server in `dataDir`. */
  databaseUrl: string | null;
  dataDir: string;
  redisUrl: string | null;
  /** The way out to processors, and who is reached without it; null: straight out. */
  httpsProxy: ProxySettings | null;
  adminToken: string | null;
  /** Unparsed: encryption.ts reads it, and says which key is wrong without showing it. */
  encryptionKeys: string | null;
  /** How long raw bodies are kept. Null: without end. */
  retentionDays: number | null;
  ackDeadlineMs: number;
  inFlightMax: number;
  drainDelayMs: number;
  databaseWaitS: number;
  /** As fastify takes it: addresses and ranges, or a number of hops. */
  trustProxy: false | string[] | number;
  migrate: boolean;
  logLevel: LogLevel;
  bodyLimitBytes: number;
  intakeWaitMsMax: number;
  intakeBatchMax: number;
  workerBatch: number;
  workerConcurrency: number;
  traces: TraceSettings | null;
  /** Without a slash at its end; null: as the request names its host. */
  publicUrl: string | null;
};

export type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = [
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
  'silent',
] as const satisfies readonly LogLevel[];

/** Reads the environment. A wrong value throws `config_invalid`: one line with the variable, what it was and what it may be. */
export function readConfig(env: Environment): Config {
  return {
    host: text(env, 'HOST', '127.0.0.1', /^[^\s/]+$/, 'an address or a host name to listen on'),
    port: whole(env, 'PORT', 3_000, 0, 65_535),
    databaseUrl: databaseUrl(env),
    dataDir: resolve(text(env, 'POSTERN_DATA_DIR', './data', /^[^\0]+$/, 'the path of a folder')),
    redisUrl: url(env, 'REDIS_URL', ['redis:', 'rediss:'], 'secret'),
    httpsProxy: httpsProxy(env),
    adminToken: adminToken(env),
    encryptionKeys: given(env, 'POSTERN_ENCRYPTION_KEYS'),
    retentionDays: retentionDays(env),
    ackDeadlineMs: whole(env, 'ACK_DEADLINE_MS', 3_000, 100, 30_000),
    inFlightMax: whole(env, 'MAX_IN_FLIGHT', 2_000, 1, 100_000),
    drainDelayMs: whole(env, 'DRAIN_DELAY_MS', 0, 0, 20_000),
    databaseWaitS: whole(env, 'DATABASE_WAIT_S', 10, 0, 3_600),
    trustProxy: trustProxy(env),
    migrate: choice(env, 'MIGRATE', ['on', 'off'], 'on') === 'on',
    logLevel: choice(env, 'LOG_LEVEL', LOG_LEVELS, 'info'),
    bodyLimitBytes: whole(env, 'BODY_LIMIT', 1_048_576, 1_024, 67_108_864),
    intakeWaitMsMax: whole(env, 'INTAKE_MAX_WAIT_MS', 200, 10, 3_000),
    intakeBatchMax: whole(env, 'INTAKE_MAX_BATCH', 200, 1, 200),
    workerBatch: whole(env, 'WORKER_BATCH', 300, 1, 1_000),
    workerConcurrency: whole(env, 'WORKER_CONCURRENCY', 1, 1, 3),
    traces: readTraceSettings(env),
    publicUrl: url(env, 'PUBLIC_URL', ['http:', 'https:'])?.replace(/\/+$/, '') ?? null,
  };
}

/** Set to nothing is unset: `PORT= npm start` and compose files with an empty default mean that. */
function given(env: Environment, name: string): string | null {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? null : value;
}

function invalid(name: string, was: string, may: string): PosternError {
  return new PosternError('config_invalid', `${name} is ${was}; it may be ${may}`);
}

/** As JSON: a line break or an escape sequence in the value must not make a second line of the message. */
function quoted(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

/**
 * The longest retry horizon of all providers (Adyen: 30 days) and a week. Of all, and not of those in use: a day's
 * partition carries every endpoint, and an endpoint of any provider may be added tomorrow. A test holds it against the
 * registry.
 */
const RETENTION_DAYS_MIN = 37;
const RETENTION_DAYS_MAX = 36_500;

function retentionDays(env: Environment): number | null {
  const value = given(env, 'RETENTION_DAYS');
  if (value === null) return null;
  const days = Number(value);
  if (/^\d{1,9}$/.test(value) && days >= RETENTION_DAYS_MIN && days <= RETENTION_DAYS_MAX) return days;
  throw invalid(
    'RETENTION_DAYS',
    quoted(value),
    `a whole number from ${RETENTION_DAYS_MIN} (a week past the longest time a processor tries to deliver) to ${RETENTION_DAYS_MAX}, or unset: nothing is removed`,
  );
}

function text(env: Environment, name: string, fallback: string, pattern: RegExp, may: string): string {
  const value = given(env, name);
  if (value === null) return fallback;
  if (!pattern.test(value)) throw invalid(name, quoted(value), may);
  return value;
}

function whole(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const value = given(env, name);
  if (value === null) return fallback;
  const number = Number(value);
  // Number() alone takes "1e3", "0x10" and " 5 " too, which nobody means.
  if (!/^\d{1,9}$/.test(value) || number < min || number > max) {
    throw invalid(name, quoted(value), `a whole number from ${min} to ${max} (${fallback} when unset)`);
  }
  return number;
}

function choice<const T extends string>(env: Environment, name: string, choices: readonly T[], fallback: T): T {
  const value = given(env, name);
  if (value === null) return fallback;
  const chosen = choices.find((one) => one === value);
  if (chosen === undefined) throw invalid(name, quoted(value), `${choices.join(', ')} (${fallback} when unset)`);
  return chosen;
}

function url(
  env: Environment,
  name: string,
  protocols: readonly string[],
  kind: 'plain' | 'secret' = 'plain',
): string | null {
  const value = given(env, name);
  if (value === null) return null;
  const may = `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    throw invalid(name, kind === 'secret' ? 'something else (not shown, it may hold a password)' : quoted(value), may);
  }
  return value;
}

function databaseUrl(env: Environment): string | null {
  const value = given(env, 'DATABASE_URL');
  if (value === null || isPostgresUrl(value)) return value;
  throw invalid(
    'DATABASE_URL',
    'something else (not shown, it may hold a password)',
    'unset, or postgresql://user:password@host:port/database',
  );
}

function httpsProxy(env: Environment): ProxySettings | null {
  const value = given(env, 'HTTPS_PROXY');
  if (value === null) return null;
  if (isProxyUrl(value)) return { url: value, except: noProxy(env) };
  throw invalid(
    'HTTPS_PROXY',
    'something else (not shown, it may hold a password)',
    'unset, or http://host:port or https://host:port, with user:password@ before the host where the proxy wants it',
  );
}

function isProxyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  if (!['http:', 'https:'].includes(protocol) || pathname !== '/' || search !== '' || hash !== '') return false;
  return [username, password].every(isUtf8);
}

function isUtf8(escaped: string): boolean {
  try {
    decodeURIComponent(escaped);
    return true;
  } catch {
    return false; // A lone %, or escapes that are no UTF-8.
  }
}

/** As others write it for all their programs: what can be none of our hosts (addresses, ranges, other ports) is left. */
function noProxy(env: Environment): string[] {
  const entries = (given(env, 'NO_PROXY') ?? '').toLowerCase().split(/[\s,]+/);
  return entries.map((entry) => entry.replace(/:443$/, '').replace(/^\*?\./, '')).filter((entry) => entry !== '');
}

const ADMIN_TOKEN_MIN = 24;

function adminToken(env: Environment): string | null {
  const value = given(env, 'POSTERN_ADMIN_TOKEN');
  if (value === null) return null;
  if (value.length >= ADMIN_TOKEN_MIN && value.length <= 512 && /^[\x21-\x7e]+$/.test(value)) return value;
  throw invalid(
    'POSTERN_ADMIN_TOKEN',
    `${value.length} characters long (not shown)`,
    `${ADMIN_TOKEN_MIN} to 512 printable ASCII characters without spaces`,
  );
}

const NAMED_RANGES = ['loopback', 'linklocal', 'uniquelocal'];
const ADDRESS_OR_RANGE = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(?:\/\d{1,3})?$/;

/** `true` is not offered: it would let every sender choose the address that its failed verifications count against. */
function trustProxy(env: Environment): false | string[] | number {
  const value = given(env, 'TRUST_PROXY');
  if (value === null || value === 'off') return false;
  if (/^[1-9]$/.test(value)) return Number(value);
  const parts = value.split(',').map((part) => part.trim());
  if (parts.every((part) => NAMED_RANGES.includes(part) || ADDRESS_OR_RANGE.test(part))) return parts;
  throw invalid(
    'TRUST_PROXY',
    quoted(value),
    `off, the number of proxies in front (1 to 9), or their addresses and ranges, such as "loopback, 10.0.0.0/8"`,
  );
}
