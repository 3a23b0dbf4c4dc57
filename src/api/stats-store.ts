import type { Sql } from '../postgres/sql.ts';

export async function selectHousekeeping(
  sql: Sql,
): Promise<Map<string, { lastRunAt: Date; lastError: string | null; lastSuccessAt: Date | null }>> {
  const { rows } = await sql.query<{
    name: string;
    last_run_at: Date;
    last_error: string | null;
    last_success_at: Date | null;
  }>('select name, last_run_at, last_error, last_success_at from postern.housekeeping_runs');
  return new Map(
    rows.map((row) => [
      row.name,
      { lastRunAt: row.last_run_at, lastError: row.last_error, lastSuccessAt: row.last_success_at },
    ]),
  );
}
