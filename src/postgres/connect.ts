import pg from 'pg';
import { messageOf, PosternError } from '../errors.ts';
import { describeAddress, withSettings } from './address.ts';
import { keepsSessions } from './pooler.ts';
import { isDatabaseError, sqlStateOf } from './sql.ts';

export const SERVER_VERSION_MIN = 150_000;

/**
 * Connects, trying an unreachable server for `waitS`, and refuses one that is too old, or behind a pooler that takes away
 * what we rest on. What waiting cannot mend (a wrong password, no such database) is said at once. Each failure is one
 * line that says what to do.
 */
export async function connectWaiting(
  url: string,
  { waitS, applicationName }: { waitS: number; applicationName: string },
): Promise<{ client: pg.Client; serverVersion: number }> {
  const deadline = performance.now() + waitS * 1_000;
  for (;;) {
    const client = clientOf(withSettings(url, { timezone: 'UTC', [MARKER]: 'on' }), applicationName);
    try {
      await client.connect();
      return { client, serverVersion: await checkServer(client, url) };
    } catch (error) {
      await endQuietly(client);
      if (error instanceof PosternError) throw error;
      if (refusesSettings(error)) throw await poolerInTheWay(url, error);
      if (!mayComeBack(error) || performance.now() >= deadline) throw unreachable(url, error, waitS);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** A setting that nobody has: where it is not there, none of a connection's settings arrived. */
const MARKER = 'postern.connected';

function clientOf(connectionString: string, applicationName: string, queryTimeoutMs?: number): pg.Client {
  const client = new pg.Client({
    connectionString,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // A connection that dies between two statements must not end the process; the next statement reports it.
  client.on('error', () => undefined);
  return client;
}

/** The failure before it is the one that tells; that a broken connection does not end cleanly adds nothing. */
function endQuietly(client: pg.Client): Promise<void> {
  return client.end().catch(() => undefined);
}

async function checkServer(client: pg.Client, url: string): Promise<number> {
  const { rows } = await client.query<{ number: string; name: string; pid: number; marker: string | null }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as name,
       pg_backend_pid() as pid, current_setting('${MARKER}', true) as marker`,
  );
  const [server] = rows;
  const version = Number(server?.number);
  if (!(version >= SERVER_VERSION_MIN)) {
    throw new PosternError(
      'database_unsupported',
      `the database at ${describeAddress(url)} is Postgres ${server?.name}; Postern needs 15 or newer`,
    );
  }
  if (server?.pid !== processIdOf(client) || server?.marker !== 'on') {
    const sessions = await haveOwnServers(url);
    if (!sessions || server?.marker !== 'on') throw poolerRefused(url, { sessions });
  }
  return version;
}

/** What the server said its process is when the session began; a pooler says a number of its own. */
function processIdOf(client: pg.Client): number | undefined {
  return 'processID' in client && typeof client.processID === 'number' ? client.processID : undefined;
}

/** Two sessions through whatever stands in front of Postgres, without the settings that it may refuse. */
async function haveOwnServers(url: string): Promise<boolean> {
  // A pooler lets a session wait that it has no server left for.
  const pair = [clientOf(url, 'postern start', 5_000), clientOf(url, 'postern start', 5_000)] as const;
  const pidOf = (client: pg.Client) => async (): Promise<number> => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return rows[0]?.pid ?? 0;
  };
  try {
    for (const client of pair) await client.connect();
    return await keepsSessions(pidOf(pair[0]), pidOf(pair[1]));
  } finally {
    await Promise.all(pair.map(endQuietly));
  }
}

function refusesSettings(error: unknown): boolean {
  return sqlStateOf(error) === '08P01' && /startup parameter/.test(messageOf(error));
}

/** Where settings are refused outright: which of the two it is, so that the line says what to change. */
async function poolerInTheWay(url: string, cause: unknown): Promise<PosternError> {
  try {
    return poolerRefused(url, { sessions: await haveOwnServers(url), cause });
  } catch (error) {
    return unreachable(url, error, 0);
  }
}

function poolerRefused(url: string, { sessions, cause }: { sessions: boolean; cause?: unknown }): PosternError {
  const where = describeAddress(url);
  const message = sessions
    ? `the pooler at ${where} drops the settings of a session ("options"), and with them the role that protects the ledger: let DATABASE_URL name Postgres itself`
    : `the pooler at ${where} lends its connections by transaction, where named statements and LISTEN do not work: use session pooling that passes on "options", or let DATABASE_URL name Postgres itself`;
  return new PosternError('database_unsupported', message, cause === undefined ? {} : { cause });
}

function mayComeBack(error: unknown): boolean {
  const state = sqlStateOf(error);
  // 57P03: starting up or shutting down. 53300: too many connections.
  if (state !== undefined) return state === '57P03' || state === '53300' || state.startsWith('08');
  return isDatabaseError(error);
}

function unreachable(url: string, error: unknown, waitS: number): PosternError {
  const where = describeAddress(url);
  const message =
    messageOf(error) || (error instanceof Error && 'code' in error ? String(error.code) : 'unknown failure');
  const tried = mayComeBack(error) ? `tried for ${waitS} s; ` : '';
  return new PosternError(
    'database_unreachable',
    `no connection to Postgres at ${where} (${message}); ${tried}check DATABASE_URL`,
    {
      cause: error,
    },
  );
}
