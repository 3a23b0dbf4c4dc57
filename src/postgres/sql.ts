import pg from 'pg';
import { PosternError } from '../errors.ts';

/**
 * What a store may do with Postgres: run one statement. int8 comes back as bigint (a balance does not fit a JS number),
 * timestamptz as Date. A named statement is prepared once a connection.
 */
export type Statement = { name: string; text: string };

export type Result<R> = { rows: R[]; rowCount: number; command: string };

export type Sql = {
  query<R = Record<string, unknown>>(statement: string | Statement, values?: readonly unknown[]): Promise<Result<R>>;
};

declare const inTransaction: unique symbol;

/** A connection inside a transaction: what a statement that must not stand alone takes instead of `Sql`. */
export type Tx = Sql & { readonly [inTransaction]: true };

const INT8_OID = 20;
const INT8_ARRAY_OID = 1016;
const BYTEA_OID = 17;

/** Parsers for these connections only: setting them on `pg.types` would change pg-boss's pool and every test beside us. */
function parserFor(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (format !== 'binary' && oid === INT8_OID) return BigInt;
  if (format !== 'binary' && oid === BYTEA_OID) return byteaOf;
  if (format !== 'binary' && oid === INT8_ARRAY_OID) {
    // pg's own parser of int8[] gives JS numbers or strings; the wire text has neither quotes nor escapes.
    return (text) =>
      text === '{}'
        ? []
        : text
            .slice(1, -1)
            .split(',')
            .map((item) => (item === 'NULL' ? null : BigInt(item)));
  }
  return pg.types.getTypeParser(oid, format);
}

/**
 * bytea in either of Postgres's text forms. Pools that read bodies ask for `bytea_output = escape`: half the bytes of hex on
 * the wire, and nothing to decode for what is ASCII without a backslash, as most bodies are.
 */
export function byteaOf(text: string): Buffer {
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  if (!text.includes('\\')) return Buffer.from(text, 'latin1');
  const plain = text.replace(/\\(\\|[0-3][0-7]{2})/g, (_, code: string) =>
    code === '\\' ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(plain, 'latin1');
}

export const sqlTypes: pg.CustomTypesConfig = { getTypeParser: parserFor };

type Queryable = { query(config: pg.QueryConfig): Promise<pg.QueryResult> };

/** The `Sql` of a pool or of one of its clients. */
export function sqlOf(queryable: Queryable): Sql {
  return {
    async query<R>(statement: string | Statement, values?: readonly unknown[]): Promise<Result<R>> {
      const config: pg.QueryConfig = typeof statement === 'string' ? { text: statement } : { ...statement };
      if (values !== undefined) config.values = [...values];
      const result = await queryable.query(config);
      return { rows: result.rows as R[], rowCount: result.rowCount ?? 0, command: result.command };
    },
  };
}

/** The `Tx` of a client on which a transaction was begun by hand; everyone else uses `withTransaction`. */
export function txOf(client: Queryable): Tx {
  return sqlOf(client) as Tx;
}

type TransactionPool = { connect(): Promise<pg.PoolClient> };

/**
 * Runs `work` in one transaction. Resolves only after the server said COMMIT: the COMMIT of a transaction in which a
 * statement failed (and somebody swallowed the error) is answered with the tag ROLLBACK and no error, which would
 * acknowledge what was not stored. An error of COMMIT itself leaves the fate unknown: `commit_unknown`.
 */
export async function withTransaction<T>(pool: TransactionPool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // While checked out the pool does not listen: without a listener a dying connection would end the process.
  let connectionError: Error | undefined;
  const onError = (error: Error) => {
    connectionError = error;
  };
  client.on('error', onError);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    let value: T;
    try {
      value = await work(txOf(client));
    } catch (error) {
      // The connection goes back only if the server confirmed the rollback; the first error is the one that tells.
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw error;
    }
    let tag: string;
    try {
      tag = (await client.query('commit')).command;
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error));
      if (isDefiniteCommitFailure(error)) throw error;
      throw new PosternError(
        'commit_unknown',
        'the connection was lost during commit; whether it took place is unknown',
        {
          cause: error,
        },
      );
    }
    if (tag !== 'COMMIT') {
      throw new PosternError('internal', `the transaction ended with ${tag}: a statement in it had failed unnoticed`);
    }
    return value;
  } catch (error) {
    if (sqlStateOf(error) === undefined && !(error instanceof PosternError) && isDatabaseError(error)) {
      broken ??= error instanceof Error ? error : new Error(String(error));
    }
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken ?? connectionError ?? false);
  }
}

/** A COMMIT refused by the server (a deferred constraint, a serialisation failure) certainly did not take place. */
function isDefiniteCommitFailure(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && (state.startsWith('23') || state.startsWith('40') || state.startsWith('P0'));
}

/** The SQLSTATE of an error the server answered with. */
export function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) && 'severity' in error
    ? error.code
    : undefined;
}

/** Classes 22 (data), 23 (integrity) and 54 (limits): the row is guilty, and halving the batch finds it. */
export function isDataError(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== undefined && /^(22|23|54)/.test(state);
}

/** Classes 08, 40, 53, 55, 57, and every failure of the connection or a timer: nobody's row is guilty; try later. */
export function isDatabaseError(error: unknown): boolean {
  const state = sqlStateOf(error);
  // 25P03: the server ended a session that was idle in its transaction.
  if (state !== undefined) return /^(08|40|53|55|57|25P03)/.test(state);
  if (error instanceof PosternError) return error.code === 'database_unreachable' || error.code === 'commit_unknown';
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && CONNECTION_CODES.has(error.code)) return true;
  return CONNECTION_MESSAGES.test(error.message);
}

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

// pg has no codes for these.
const CONNECTION_MESSAGES =
  /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Connection ended)/;
