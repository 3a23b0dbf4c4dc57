import type pg from 'pg';
import { PosternError } from '../../errors.ts';
import { sessionBeside } from '../../postgres/pools.ts';
import { type Sql, sqlOf, type Tx, txOf } from '../../postgres/sql.ts';

/** A connection of one import's own: its limits are the import's, and its lock ends with it however that ends. */
export type Session = {
  readonly client: pg.Client;
  readonly sql: Sql;
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when the server has all that was asked of it, and works while this process does something else. */
  sent(): Promise<void>;
  end(): Promise<void>;
  /** Ends it in the middle of whatever it does, which the server then takes back. */
  cut(): void;
};

export async function openSession(pool: pg.Pool): Promise<Session> {
  const client = sessionBeside(pool, 'postern import');
  await client.connect();
  // The pool's limits are for statements of an answer; these sort and join millions of rows.
  await client.query(
    `set statement_timeout = 0; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = '10min'; set work_mem = '128MB'`,
  );
  return {
    client,
    sql: sqlOf(client),
    async transaction(work) {
      await client.query('begin');
      let value: Awaited<ReturnType<typeof work>>;
      try {
        value = await work(txOf(client));
      } catch (error) {
        // The first error is the one that tells; a connection that cannot roll back is broken, and so rolled back.
        await client.query('rollback').catch(() => undefined);
        throw error;
      }
      const { command } = await client.query('commit');
      if (command !== 'COMMIT') throw new PosternError('internal', `the transaction ended with ${command}`);
      return value;
    },
    // Called back after all that was written before; an error is told by the statement that it broke.
    sent: () => new Promise((resolve) => client.connection.stream.write('', () => resolve())),
    end: () => client.end(),
    cut: () => client.connection.stream.destroy(),
  };
}
