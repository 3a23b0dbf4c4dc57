import type { Sql } from './sql.ts';

/** Which server and which of its histories: changes when the database is restored, or another server takes over. */
export async function databaseIdentity(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ identity: string }>(
    `select s.system_identifier || '.' || c.timeline_id as identity from pg_control_system() s, pg_control_checkpoint() c`,
  );
  return rows[0]?.identity ?? 'unknown';
}
