import pg from 'pg';
import type { Log } from '../log.ts';
import { withSettings } from './address.ts';
import { OWNER_ROLE } from './roles.ts';
import { sqlTypes } from './sql.ts';

/**
 * Five pools and a listener a process (18 connections, and an owner's and the replay lane's now and then), so that nothing starves the
 * acknowledgement: an export that takes every connection it may have still leaves intake its three, and services' requests
 * their two.
 */
export type Pools = {
  intake: pg.Pool;
  worker: pg.Pool;
  boss: pg.Pool;
  api: pg.Pool;
  requests: pg.Pool;
  /** One connection, made by the caller when it listens; not pooled, because LISTEN belongs to a session. */
  listener(): pg.Client;
  /**
   * One connection as the tables' owner, made by the caller for the one task that changes tables while the gateway runs.
   * Where the login has no roles the tables are its own. A lock is waited for half a second: nobody queues behind us.
   */
  owner(): pg.Client;
  /**
   * One connection, made by the caller for one long read (an export), so that none of the API's is away for its length. The
   * server ends what it runs within seconds of its caller's leaving.
   */
  reader(): pg.Client;
  /** Ends all pools; their connections in use end when they are given back. */
  end(): Promise<void>;
};

export type PoolsOptions = {
  log: Log;
  /** What the gateway runs as; null where the login may not have roles of its own (then triggers alone protect). */
  role: 'postern_app' | null;
  /** Posting loops: each holds one connection for its lock and works on another. */
  workers?: number;
};

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

/** Adding up ten million postings takes seconds; this is where something is wrong. */
const READ_TIMEOUT_MS = 600_000;
/** Whoever reads what is exported so slowly that nothing is asked for so long holds back the cleaning up of every table. */
const READER_IDLE_MS = 60_000;

type PoolName = 'intake' | 'worker' | 'boss' | 'api' | 'requests';

const POOLS: Record<PoolName, { max: number; settings: Record<string, string>; queryTimeoutMs?: number }> = {
  // The acknowledgement's deadline is 3 s and ours to keep: a stopped server enforces no timeout, so pg's own timer
  // (query_timeout) stands behind the server's.
  intake: {
    max: 3,
    settings: { statement_timeout: '2500', lock_timeout: '2000', synchronous_commit: 'on' },
    queryTimeoutMs: 2_800,
  },
  // A named statement keeps the plan it was given while its tables were empty or small: without this a worker that was
  // started on a fresh database reads whole tables for every batch.
  // Under the 15 s in which pg-boss would hand a batch to another worker.
  worker: {
    max: 3,
    settings: {
      statement_timeout: '12000',
      lock_timeout: '5000',
      synchronous_commit: 'on',
      enable_seqscan: 'off',
      bytea_output: 'escape',
    },
    queryTimeoutMs: 13_000,
  },
  boss: { max: 2, settings: { statement_timeout: '30000' }, queryTimeoutMs: 35_000 },
  api: { max: 5, settings: { statement_timeout: '30000', synchronous_commit: 'on' }, queryTimeoutMs: 35_000 },
  // As intake, and as the worker's: it posts, too.
  requests: {
    max: 2,
    settings: { statement_timeout: '2500', lock_timeout: '2000', synchronous_commit: 'on', enable_seqscan: 'off' },
    queryTimeoutMs: 2_800,
  },
};

export function createPools(url: string, { log, role, workers = 1 }: PoolsOptions): Pools {
  const shared = {
    ...(role === null ? {} : { role }),
    idle_in_transaction_session_timeout: '30000',
    timezone: 'UTC',
    // Before 18, enable_seqscan = off makes small plans look dear enough to compile: 10 times the time of a posting.
    jit: 'off',
    // Whatever the server's default is: after waiting for a lock a statement must see what the other committed.
    default_transaction_isolation: 'read committed',
  };
  const create = (name: PoolName): pg.Pool => {
    const { max, settings, queryTimeoutMs } = POOLS[name];
    const pool = new pg.Pool({
      connectionString: withSettings(url, { ...shared, ...settings }),
      application_name: `postern ${name}`,
      max: name === 'worker' ? 2 * workers + 3 : max,
      // pg-boss reads counts as JS numbers: its pool keeps pg's own parsers.
      ...(name === 'boss' ? {} : { types: sqlTypes }),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    });
    // The pool listens only to idle connections. One that dies in somebody's hands, or after it was given back broken, tells
    // its statement; but the event itself, heard by nobody, would end the process as well.
    pool.on('connect', (client) => {
      client.on('error', (error) => log.debug({ pool: name, err: error }, 'a database connection in use was lost'));
    });
    // Without a listener an idle connection that the server ends (a restart) ends the whole process.
    pool.on('error', (error) => {
      // A connection being closed that the server closes first is what was wanted.
      if (!pool.ending) log.warn({ pool: name, err: error }, 'a database connection was lost');
    });
    return pool;
  };
  const pools = {
    intake: create('intake'),
    worker: create('worker'),
    boss: create('boss'),
    api: create('api'),
    requests: create('requests'),
  };
  return {
    ...pools,
    listener: () => {
      const client = new pg.Client({
        connectionString: withSettings(url, shared),
        application_name: 'postern listener',
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      });
      return client;
    },
    owner: () =>
      new pg.Client({
        connectionString: withSettings(url, {
          ...shared,
          ...(role === null ? {} : { role: OWNER_ROLE }),
          lock_timeout: '500',
          statement_timeout: '10000',
          enable_seqscan: 'off',
        }),
        application_name: 'postern owner',
        types: sqlTypes,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        query_timeout: 12_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      }),
    reader: () =>
      new pg.Client({
        connectionString: withSettings(url, {
          ...shared,
          statement_timeout: String(READ_TIMEOUT_MS),
          idle_in_transaction_session_timeout: String(READER_IDLE_MS),
          client_connection_check_interval: '2000',
          bytea_output: 'escape',
        }),
        application_name: 'postern reader',
        types: sqlTypes,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        query_timeout: READ_TIMEOUT_MS + 5_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      }),
    async end() {
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

/** A session of its own with a pool's settings but its time limits, for work that reads everything. Made and ended by the caller. */
export function sessionBeside(pool: pg.Pool, name: string): pg.Client {
  const { query_timeout: _, application_name: __, ...options } = pool.options;
  const client = new pg.Client({
    ...options,
    application_name: name,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: 0,
  });
  // A dying connection fails its query; unheard it would end the process.
  client.on('error', () => undefined);
  return client;
}

/** One connection with a pool's settings but its time limits, for a loop whose statements set their own. Ended by the caller. */
export function poolBeside(pool: pg.Pool, name: string): pg.Pool {
  const { query_timeout: _, application_name: __, ...options } = pool.options;
  const beside = new pg.Pool({ ...options, max: 1, application_name: name, idle_in_transaction_session_timeout: 0 });
  // A connection that dies while nobody uses it is made anew; unheard it would end the process.
  beside.on('error', () => undefined);
  return beside;
}
