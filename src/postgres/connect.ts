import pg from 'pg';
import { messageOf, PosternError } from '../errors.ts';
import { describeAddress, withSettings } from './address.ts';
import { isDatabaseError, sqlStateOf } from './sql.ts';

export const SERVER_VERSION_MIN = 150_000;

/**
 * Connects, trying an unreachable server for `waitS`, and refuses one that is too old. What waiting cannot mend (a wrong
 * password, no such database) is said at once. Each failure is one line that says what to do.
 */
export async function connectWaiting(
  url: string,
  { waitS, applicationName }: { waitS: number; applicationName: string },
): Promise<{ client: pg.Client; serverVersion: number }> {
  const deadline = performance.now() + waitS * 1_000;
  for (;;) {
    const client = new pg.Client({
      connectionString: withSettings(url, { timezone: 'UTC' }),
      application_name: applicationName,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    // A connection that dies between two statements must not end the process; the next statement reports it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return { client, serverVersion: await checkVersion(client, url) };
    } catch (error) {
      // The failure to connect is the one that tells; that the broken connection does not end cleanly adds nothing.
      await client.end().catch(() => undefined);
      if (error instanceof PosternError) throw error;
      if (!mayComeBack(error) || performance.now() >= deadline) throw unreachable(url, error, waitS);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function checkVersion(client: pg.Client, url: string): Promise<number> {
  const { rows } = await client.query<{ number: string; name: string }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as name`,
  );
  const version = Number(rows[0]?.number);
  if (version >= SERVER_VERSION_MIN) return version;
  throw new PosternError(
    'database_unsupported',
    `the database at ${describeAddress(url)} is Postgres ${rows[0]?.name}; Postern needs 15 or newer`,
  );
}

function mayComeBack(error: unknown): boolean {
  const state = sqlStateOf(error);
  // 57P03: starting up or shutting down. 53300: too many connections.
  if (state !== undefined) return state === '57P03' || state === '53300' || state.startsWith('08');
  return isDatabaseError(error);
}

function unreachable(url: string, error: unknown, waitS: number): PosternError {
  const where = describeAddress(url);
  const state = sqlStateOf(error);
  const message =
    messageOf(error) || (error instanceof Error && 'code' in error ? String(error.code) : 'unknown failure');
  if (state === '08P01' && /startup parameter/.test(message)) {
    return new PosternError(
      'database_unsupported',
      `${where} refuses session settings (${message}): behind pgbouncer use session pooling, without ignoring "options"`,
      { cause: error },
    );
  }
  const tried = mayComeBack(error) ? `tried for ${waitS} s; ` : '';
  return new PosternError(
    'database_unreachable',
    `no connection to Postgres at ${where} (${message}); ${tried}check DATABASE_URL`,
    {
      cause: error,
    },
  );
}
