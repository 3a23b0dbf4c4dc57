import type { Sql } from './sql.ts';

/**
 * Which server and which of its histories: changes when the database is restored, or another server takes over. The timeline is
 * that of what is written now: pg_control_checkpoint() tells the old one until the first checkpoint after a promotion, for minutes.
 */
export async function databaseIdentity(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ identity: string }>(
    `select s.system_identifier || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as identity
     from pg_control_system() s`,
  );
  return rows[0]?.identity ?? 'unknown';
}
