import type { Sql, Tx } from '../../postgres/sql.ts';

export type DueSchedule = { readonly endpointId: number; readonly fetchedTo: Date };

/** Endpoints whose reports are to be listed again, one instance at a time, and up to when they were listed. */
export async function takeSchedules(
  tx: Tx,
  endpointIds: readonly number[],
  { everyS, firstMs }: { readonly everyS: number; readonly firstMs: number },
): Promise<readonly DueSchedule[]> {
  const lock = await tx.query<{ locked: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('postern.report.plan', 0)) as locked`,
  );
  if (lock.rows[0]?.locked !== true) return [];
  await tx.query(
    `insert into postern.report_schedules (endpoint_id, fetched_to, next_at)
     select id, now() - make_interval(secs => $2), now() from postern.endpoints where id = any($1::int4[])
     on conflict do nothing`,
    [endpointIds, firstMs / 1_000],
  );
  const { rows } = await tx.query<{ endpoint_id: number; fetched_to: Date }>(
    `update postern.report_schedules set next_at = now() + make_interval(secs => $2)
     where endpoint_id = any($1::int4[]) and next_at <= now()
     returning endpoint_id, fetched_to`,
    [endpointIds, everyS],
  );
  return rows.map((row) => ({ endpointId: row.endpoint_id, fetchedTo: row.fetched_to }));
}

/** Every report up to `to` (unix ms) is ordered: what could not be listed is listed again. */
export async function noteListed(sql: Sql, endpointId: number, to: number): Promise<void> {
  await sql.query('update postern.report_schedules set fetched_to = greatest(fetched_to, $2) where endpoint_id = $1', [
    endpointId,
    new Date(to),
  ]);
}
