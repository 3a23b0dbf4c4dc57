import { statfs } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { type Check, ok } from './doctor-check.ts';
import type { ServerFacts } from './doctor-setup-store.ts';

/** Processors' signatures stand for five minutes: an hour before that somebody is to be told. */
const SKEW_WARN_S = 5;
const SKEW_FAIL_S = 120;

/**
 * This machine's clock against the database's, and against the processors': `futureS` is how long after its arrival the middle
 * one of the latest events happened.
 */
export function clockCheck(skewS: number, futureS: number): Check {
  const name = 'clock';
  const found = `${Math.abs(skewS).toFixed(1)} s ${skewS < 0 ? 'behind' : 'ahead of'} the database's`;
  const mend =
    'set the time of this machine and of the database by NTP (timedatectl set-ntp true): signatures are good for minutes only';
  if (Math.abs(skewS) > SKEW_FAIL_S) return { name, status: 'failed', found, mend };
  if (futureS > SKEW_WARN_S)
    return {
      name,
      status: 'warning',
      found: `events happen ${futureS.toFixed(0)} s after they are received: it is behind the processors'`,
      mend,
    };
  if (Math.abs(skewS) > SKEW_WARN_S) return { name, status: 'warning', found, mend };
  return ok(name, Math.abs(skewS) < 1 ? "within a second of the database's" : found);
}

export type Disk = { readonly free: number; readonly total: number };

/** The disk that a folder is on; null where the folder or the system does not say. */
export async function diskOf(folder: string): Promise<Disk | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch {
    return null;
  }
}

const GB = 1e9;
const FREE_FAIL = GB / 2;
const FREE_WARN = 5 * GB;
const DAYS_WARN = 14;

/** `bytes`: the database's; `bytesADay`: what deliveries take. `isHere`: the database is on this disk. */
export function diskCheck(
  disk: Disk | null,
  { bytes, bytesADay, isHere, folder }: { bytes: number; bytesADay: number; isHere: boolean; folder: string },
): Check {
  const name = 'disk';
  const kept = `the database has ${gb(bytes)}, its fullest day of deliveries ${gb(bytesADay)}`;
  if (!isHere)
    return {
      name,
      status: 'info',
      found: `${kept}; the disk of its server cannot be seen from here`,
      mend: 'let the monitoring of the server alarm below 20 % free',
    };
  if (disk === null) return { name, status: 'warning', found: `${kept}; ${folder} cannot be looked at`, mend: 'df -h' };
  const days = bytesADay > 0 ? Math.floor(disk.free / bytesADay) : null;
  const found = `${gb(disk.free)} of ${gb(disk.total)} free${days === null || days > 999 ? '' : `, enough for ${days} days like the fullest`}; ${kept}`;
  const mend = `make room on the disk of ${folder}, or set RETENTION_DAYS so that older bodies go; a full disk stops acknowledgements`;
  if (disk.free < FREE_FAIL) return { name, status: 'failed', found, mend };
  if (disk.free < FREE_WARN || (days !== null && days < DAYS_WARN)) return { name, status: 'warning', found, mend };
  return ok(name, found);
}

const gb = (bytes: number): string =>
  bytes >= GB / 10 ? `${(bytes / GB).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** What a process with one posting loop opens at most (postgres/pools.ts). */
const CONNECTIONS_A_PROCESS = 17;

export function serverChecks(facts: ServerFacts, limited: string | null): Check[] {
  const checks: Check[] = [];
  if (facts.in_recovery || facts.read_only)
    checks.push({
      name: 'writable',
      status: 'failed',
      found: facts.in_recovery ? 'this server is a standby' : 'default_transaction_read_only is on',
      mend: facts.in_recovery
        ? 'let DATABASE_URL name the primary (target_session_attrs=read-write)'
        : 'alter database … set default_transaction_read_only = off',
    });
  else checks.push(ok('writable', 'it takes writes'));
  checks.push(
    facts.encoding === 'UTF8'
      ? ok('encoding', 'UTF8')
      : {
          name: 'encoding',
          status: 'failed',
          found: `${facts.encoding}: it cannot hold what processors send`,
          mend: "make the database anew: create database postern encoding 'UTF8' template template0",
        },
  );
  checks.push(rightsCheck(facts, limited));
  const room = facts.max_connections - facts.reserved - facts.connections;
  const found = `${facts.connections} of ${facts.max_connections} in use; an instance takes up to ${CONNECTIONS_A_PROCESS}`;
  checks.push(
    room >= CONNECTIONS_A_PROCESS
      ? ok('connections', found)
      : {
          name: 'connections',
          status: 'warning',
          found,
          mend: 'raise max_connections, or end who holds them (pg_stat_activity): another instance would not start',
        },
  );
  return checks;
}

function rightsCheck(facts: ServerFacts, limited: string | null): Check {
  const name = 'rights';
  if (limited !== null)
    return {
      name,
      status: 'warning',
      found: `the login may not have roles of its own (${limited})`,
      mend: 'alter role <login> createrole; the next start then runs as postern_app, which cannot write the ledger',
    };
  if (!facts.owns_schema)
    return {
      name,
      status: 'warning',
      found: 'the login runs the gateway, and may not migrate: it is no member of the owner of the schema',
      mend: 'grant postern_owner to the login that runs `npx postern migrate`; with another login set MIGRATE=off here',
    };
  return ok(name, `the login may run and migrate${facts.may_create_roles ? ', and make roles' : ''}`);
}

export function migrationsCheck(applied: readonly string[], known: readonly string[]): Check {
  const name = 'migrations';
  const missing = known.filter((one) => !applied.includes(one));
  if (missing.length > 0)
    return { name, status: 'failed', found: `not applied: ${missing.join(', ')}`, mend: 'npx postern migrate' };
  const newer = applied.filter((one) => !known.includes(one));
  if (newer.length > 0)
    return {
      name,
      status: 'warning',
      found: `the database is of a later release: ${newer.join(', ')}`,
      mend: 'install the release that the other instances run',
    };
  return ok(name, `${applied.length} applied, the last is ${applied.at(-1) ?? 'none'}`);
}

/** What a setting does that is easily overlooked. The others are right, or the start would have refused them. */
export function settingsChecks(config: Config): Check[] {
  const checks: Check[] = [];
  const told = (found: string, mend: string, status: Check['status'] = 'warning') =>
    checks.push({ name: 'settings', status, found, mend });
  const isOpen = !['127.0.0.1', '::1', 'localhost'].includes(config.host);
  if (['debug', 'trace'].includes(config.logLevel))
    told(`LOG_LEVEL is ${config.logLevel}: many lines a request`, 'unset LOG_LEVEL where processors deliver');
  if (isOpen && config.trustProxy === false && config.publicUrl?.startsWith('https:') === true)
    told(
      'PUBLIC_URL is https and TRUST_PROXY is off: whoever ends TLS in front is taken for the sender of every request',
      'set TRUST_PROXY to the address of the proxy, or to the number of proxies',
    );
  if (config.databaseUrl !== null && config.encryptionKeys === null)
    told(
      `the key that encrypts secrets is in ${config.dataDir}/keys and nowhere else`,
      'keep a copy away from here, or set POSTERN_ENCRYPTION_KEYS: a backup of the database is of no use without it',
      'info',
    );
  if (config.databaseUrl === null && config.encryptionKeys === null)
    told(
      `the database and the key that encrypts its secrets are both in ${config.dataDir}`,
      'back both up, the key apart from the database; or set POSTERN_ENCRYPTION_KEYS',
      'info',
    );
  if (!config.migrate) told('MIGRATE is off', 'run `npx postern migrate` before each new release starts', 'info');
  if (config.traces !== null)
    told(
      `traces are sent to ${new URL(config.traces.url).origin}`,
      'unset OTEL_EXPORTER_OTLP_ENDPOINT to stop that',
      'info',
    );
  return checks.length === 0 ? [ok('settings', 'nothing unusual')] : checks;
}
