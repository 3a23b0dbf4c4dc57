import type { Sql, Tx } from '../postgres/sql.ts';

const LOCK = `hashtextextended('postern.housekeeping.' || $1, 0)`;

/** One instance at a time runs a task; the lock ends with the transaction. False: another has it. */
export async function lockTask(tx: Tx, name: string): Promise<boolean> {
  const result = await tx.query<{ locked: boolean }>(`select pg_try_advisory_xact_lock(${LOCK}) as locked`, [name]);
  return result.rows[0]?.locked === true;
}

/** The same for a task that no transaction spans; the lock ends with the session. */
export async function lockTaskInSession(session: Sql, name: string): Promise<boolean> {
  const result = await session.query<{ locked: boolean }>(`select pg_try_advisory_lock(${LOCK}) as locked`, [name]);
  return result.rows[0]?.locked === true;
}

export async function noteRun(tx: Sql, name: string, error: string | null): Promise<void> {
  await tx.query(
    `insert into postern.housekeeping_runs (name, last_run_at, last_error, last_success_at)
     values ($1, now(), $2::text, case when $2::text is null then now() end)
     on conflict (name) do update set last_run_at = excluded.last_run_at, last_error = excluded.last_error,
       last_success_at = coalesce(excluded.last_success_at, housekeeping_runs.last_success_at)`,
    [name, error],
  );
}

export async function ensurePartitions(tx: Tx, daysAhead: number): Promise<void> {
  await tx.query("set local lock_timeout = '500ms'");
  await tx.query('select postern.ensure_delivery_partitions($1)', [daysAhead]);
}

/** A day after the last run; an hour where it failed. Books of a first day have hardly begun, and every test's are such. */
export async function isVerifyDue(session: Sql, name: string): Promise<boolean> {
  const { rows } = await session.query<{ due: boolean }>(
    `select coalesce((select created_at < now() - interval '1 day' from postern.database), false) and not exists (
       select from postern.housekeeping_runs where name = $1
         and last_run_at > now() - case when last_error is null then interval '23 hours' else interval '55 minutes' end
     ) as due`,
    [name],
  );
  return rows[0]?.due === true;
}
