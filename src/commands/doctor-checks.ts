import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Keyring } from '../encryption.ts';
import { type ErrorCode, messageOf, PosternError } from '../errors.ts';
import { readMigrations } from '../postgres/migration-files.ts';
import type { Sql } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import { backfillsCheck, gapDetectionCheck, readListing } from './doctor-backfills.ts';
import { type Check, ok } from './doctor-check.ts';
import { ledgerLog } from './doctor-log.ts';
import { retentionCheck } from './doctor-retention.ts';
import { rotationCheck } from './doctor-secrets.ts';
import { clockCheck, diskCheck, diskOf, migrationsCheck, serverChecks, settingsChecks } from './doctor-setup.ts';
import {
  readApplied,
  readBytesADay,
  readFromTheFuture,
  readServerFacts,
  readWebhookAddresses,
} from './doctor-setup-store.ts';
import {
  type DatabaseFacts,
  LEDGER_TABLES,
  readDatabaseFacts,
  readFailedHousekeeping,
  readMixedEndpoints,
  readPartitionDaysAhead,
  readQueueFacts,
  readRefusingEndpoints,
  readRetentionFacts,
  readRollingSecrets,
  readSecretlessEndpoints,
  readTableProtection,
  type TableProtection,
} from './doctor-store.ts';
import { type Probe, webhookUrlsCheck } from './doctor-urls.ts';

export type DatabaseReport = {
  readonly version: string;
  readonly login: string;
  readonly role: string;
  readonly ledger_tables: readonly string[];
  readonly protected_by: ReadonlyArray<'role' | 'trigger'>;
};

export type DoctorReport = { readonly database: DatabaseReport | null; readonly checks: readonly Check[] };

const NODE_MAJOR_MIN = 24;
const POSTGRES_MIN = 150_000;
const POSTGRES_TESTED_BELOW = 190_000;
const PARTITION_DAYS_MIN = 7;
const QUEUE_AGE_S_MAX = 60;
const WITHOUT_SECRETS = [...providers.values()].filter(({ facts }) => facts.withoutSecret).map(({ name }) => name);

/** Looks at a database that could be opened: with its schema and its key right, or it could not. */
export async function examine({
  sql,
  keyring,
  limited,
  nodeVersion,
  config,
  clock,
  probe,
}: {
  sql: Sql;
  /** Opens the endpoints' settings: which have a key is sealed with it. */
  keyring: Keyring;
  limited: string | null;
  nodeVersion: string;
  /** As it is set for this command; what the gateway itself was started with is what counts. */
  config: Config;
  clock: Clock;
  /** Asks an address whether a gateway answers there. */
  probe: Probe;
}): Promise<DoctorReport> {
  const facts = await readDatabaseFacts(sql);
  const tables = await readTableProtection(sql);
  const checks: Check[] = [nodeCheck(nodeVersion)];
  if (facts !== undefined) checks.push(...databaseChecks(facts));
  const asked = clock.now();
  const server = await readServerFacts(sql);
  const skewS = server === undefined ? 0 : ((asked + clock.now()) / 2 - server.now.getTime()) / 1000;
  if (server !== undefined) checks.push(...serverChecks(server, limited));
  checks.push(protectionCheck(tables, limited));
  const retention: Looker = async (asked) => retentionCheck(await readRetentionFacts(asked), config.retentionDays);
  const migrations: Looker = async (asked) =>
    migrationsCheck(
      await readApplied(asked),
      readMigrations().map(({ name }) => name),
    );
  const time: Looker = async (asked) => clockCheck(skewS, await readFromTheFuture(asked));
  const disk: Looker = async (asked) => {
    const isHere = config.databaseUrl === null;
    const bytesADay = Number(await readBytesADay(asked));
    const bytes = Number(server?.bytes ?? 0n);
    return diskCheck(await diskOf(config.dataDir), { bytes, bytesADay, isHere, folder: config.dataDir });
  };
  const webhookUrls: Looker = async (asked) =>
    webhookUrlsCheck(await readWebhookAddresses(asked), { publicUrl: config.publicUrl, probe });
  const backfills: Looker = async (asked) => backfillsCheck(await readListing(asked, keyring));
  const gapDetection: Looker = async (asked) => gapDetectionCheck(await readListing(asked, keyring));
  checks.push(...settingsChecks(config));
  const lookers = [
    migrations,
    time,
    disk,
    webhookUrls,
    partitions,
    retention,
    queue,
    deadLetters,
    ledgerLog,
    modes,
    secrets,
    rotation,
    refused,
    backfills,
    gapDetection,
  ];
  for (const check of [...lookers, housekeeping]) checks.push(await guarded(check, sql));
  return { database: facts === undefined ? null : reportOf(facts, tables), checks };
}

/** What doctor says when the database could not be opened at all. */
export function unopened(nodeVersion: string, error: unknown): DoctorReport {
  const failed: Check = {
    name: 'database',
    status: 'failed',
    found: messageOf(error),
    mend:
      (error instanceof PosternError ? MENDS[error.code] : undefined) ??
      'see DATABASE_URL, POSTERN_DATA_DIR and POSTERN_ENCRYPTION_KEYS; `npx postern migrate` brings an older schema up to date',
  };
  return { database: null, checks: [nodeCheck(nodeVersion), failed] };
}

const MENDS: Partial<Record<ErrorCode, string>> = {
  database_unreachable: 'is the server running, and do host, port, login and password in DATABASE_URL name it?',
  database_unsupported: 'use Postgres 15 to 18',
  database_schema: 'npx postern migrate; where the database is newer, run the release that migrated it',
  data_folder_in_use: 'stop the gateway that holds the folder, or set another POSTERN_DATA_DIR',
  encryption_key:
    'set POSTERN_ENCRYPTION_KEYS to the key that the message names, or restore the file keys in POSTERN_DATA_DIR',
  config_invalid: 'set the variable as the message says',
  embedded_postgres:
    'look at the log of the server in POSTERN_DATA_DIR; a full disk and a wrong owner of the folder are the usual reasons',
};

type Looker = (sql: Sql) => Promise<Check>;

/** One question that cannot be answered does not hide the others' answers. */
async function guarded(check: Looker, sql: Sql): Promise<Check> {
  try {
    return await check(sql);
  } catch (error) {
    return {
      name: check.name,
      status: 'failed',
      found: messageOf(error),
      mend: 'look at the server log for this statement',
    };
  }
}

export function nodeCheck(version: string): Check {
  const major = Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);
  if (major >= NODE_MAJOR_MIN) return ok('node', version);
  return {
    name: 'node',
    status: 'failed',
    found: version,
    mend: `use Node ${NODE_MAJOR_MIN}: npm ci brings one along`,
  };
}

function databaseChecks(facts: DatabaseFacts): Check[] {
  const { version, version_num: num } = facts;
  const server: Check =
    num < POSTGRES_MIN
      ? { name: 'postgres', status: 'failed', found: version, mend: 'use Postgres 15 to 18' }
      : num >= POSTGRES_TESTED_BELOW
        ? {
            name: 'postgres',
            status: 'warning',
            found: `${version}, newer than what was tested`,
            mend: 'use Postgres 15 to 18',
          }
        : ok('postgres', version);
  const durable = (['fsync', 'full_page_writes'] as const).map((name): Check => {
    if (facts[name] === 'on') return ok(name, 'on');
    const found = `${facts[name]}: a power cut loses acknowledged events`;
    return { name, status: 'failed', found, mend: `alter system set ${name} = on; select pg_reload_conf()` };
  });
  return [server, ...durable];
}

function reportOf(facts: DatabaseFacts, tables: readonly TableProtection[]): DatabaseReport {
  return {
    version: facts.version,
    login: facts.login,
    role: facts.role,
    ledger_tables: tables.map(({ name }) => `postern.${name}`),
    protected_by: protectedBy(tables),
  };
}

function protectedBy(tables: readonly TableProtection[]): Array<'role' | 'trigger'> {
  if (tables.length < LEDGER_TABLES.length) return [];
  return [
    ...(tables.every(({ writable }) => !writable) ? (['role'] as const) : []),
    ...(tables.every(({ trigger }) => trigger) ? (['trigger'] as const) : []),
  ];
}

export function protectionCheck(tables: readonly TableProtection[], limited: string | null): Check {
  const name = 'ledger_protection';
  const by = protectedBy(tables);
  if (tables.length < LEDGER_TABLES.length) {
    return { name, status: 'failed', found: 'ledger tables are missing', mend: 'npx postern migrate' };
  }
  if (!by.includes('trigger')) {
    return {
      name,
      status: 'failed',
      found: 'the triggers that refuse changes to the ledger are missing or disabled',
      mend: 'alter table postern.transactions enable trigger all; the same for postern.postings, postern.seal, postern.seal_nodes and postern.audit_log; then find out who disabled them, and run `npx postern ledger verify`',
    };
  }
  if (by.includes('role')) return ok(name, 'by role and by trigger');
  return {
    name,
    status: 'warning',
    found: `by trigger only: ${limited ?? 'the running role may write'}; so who has the gateway's login could disable the triggers, and only the log and the heads kept outside would show it`,
    mend: 'use a login that may create roles (CREATEROLE), so that the gateway runs as one that cannot write the ledger; where a managed Postgres gives none, keep the signed tree heads outside (docs/ledger-log.md)',
  };
}

async function partitions(sql: Sql): Promise<Check> {
  const days = await readPartitionDaysAhead(sql);
  if (days >= PARTITION_DAYS_MIN) return ok('partitions', `${days} days ahead`);
  const status = days < 1 ? 'failed' : 'warning';
  return {
    name: 'partitions',
    status,
    found: `${days} days ahead`,
    mend: 'run `npx postern work` or `start`: they make them; or select postern.ensure_delivery_partitions(14)',
  };
}

async function queue(sql: Sql): Promise<Check> {
  const { waiting, oldest_s: oldest } = await readQueueFacts(sql);
  const found = `${waiting} due, the oldest for ${Math.round(oldest)} s`;
  if (oldest <= QUEUE_AGE_S_MAX) return ok('queue', found);
  return { name: 'queue', status: 'warning', found, mend: 'is a worker running (`npx postern work` or `start`)?' };
}

async function deadLetters(sql: Sql): Promise<Check> {
  const { dead } = await readQueueFacts(sql);
  if (dead === 0) return ok('dead_letters', 'none');
  return {
    name: 'dead_letters',
    status: 'warning',
    found: `${dead} events wait for a person`,
    mend: 'npx postern events list --status dead',
  };
}

async function modes(sql: Sql): Promise<Check> {
  const mixed = await readMixedEndpoints(sql);
  if (mixed.length === 0) return ok('modes', 'no endpoint received live and test events alike');
  return {
    name: 'modes',
    status: 'warning',
    found: `live and test events on ${mixed.join(', ')}: both are in the books`,
    mend: 'set the setting mode of the endpoint to live or test',
  };
}

async function secrets(sql: Sql): Promise<Check> {
  const missing = await readSecretlessEndpoints(sql, WITHOUT_SECRETS);
  if (missing.length === 0) return ok('secrets', 'every endpoint has a secret that is valid now');
  return {
    name: 'secrets',
    status: 'warning',
    found: `no valid secret: ${missing.join(', ')}`,
    mend: 'npx postern endpoint rotate',
  };
}

async function rotation(sql: Sql): Promise<Check> {
  return rotationCheck(await readRollingSecrets(sql));
}

async function refused(sql: Sql): Promise<Check> {
  const refusing = await readRefusingEndpoints(sql);
  if (refusing.length === 0) return ok('refused', 'no endpoint refused more than it took in the last hour');
  return {
    name: 'refused',
    status: 'warning',
    found: refusing
      .map((one) => `${one.name} refused ${one.rejected} and took ${one.accepted}, mostly for ${one.reason}`)
      .join('; '),
    mend: '`npx postern quarantine groups` says why; is its secret the one the processor signs with, and its clock right? once mended, `npx postern quarantine recheck` takes in what was refused; else somebody forges',
  };
}

async function housekeeping(sql: Sql): Promise<Check> {
  const failed = await readFailedHousekeeping(sql);
  if (failed.length === 0) return ok('housekeeping', 'no task failed at its last run');
  return {
    name: 'housekeeping',
    status: 'warning',
    found: failed.map(({ name, last_error: error }) => `${name}: ${error}`).join('; '),
    mend: 'it is tried again at its next turn; if it stays, the message says what is in its way',
  };
}
