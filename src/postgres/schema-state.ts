import type pg from 'pg';
import type { Migration } from './migration-files.ts';

export type SchemaState =
  | { kind: 'current' }
  | { kind: 'older'; pending: Migration[] }
  | { kind: 'refused'; reason: string };

/**
 * How the database's schema stands to this program. A newer schema is accepted when what it has more came with one later
 * release: a release keeps its predecessor working, and nobody's predecessor's predecessor.
 */
export async function readSchemaState(client: pg.ClientBase, migrations: readonly Migration[]): Promise<SchemaState> {
  const there = await client.query<{ there: boolean }>(`select to_regclass('postern.migrations') is not null as there`);
  const { rows } =
    there.rows[0]?.there === true
      ? await client.query<{ name: string; sha256: string; release: number }>(
          'select name, sha256, release from postern.migrations order by name',
        )
      : { rows: [] };
  const shipped = new Map(migrations.map((migration) => [migration.name, migration]));
  const laterReleases = new Set<number>();
  for (const row of rows) {
    const migration = shipped.get(row.name);
    if (migration === undefined) laterReleases.add(row.release);
    else if (migration.sha256 !== row.sha256) {
      return {
        kind: 'refused',
        reason: `migrations/${row.name} is not the file that was applied: restore it, and put changes into a new file`,
      };
    }
  }
  const applied = new Set(rows.map((row) => row.name));
  const pending = migrations.filter((migration) => !applied.has(migration.name));
  if (laterReleases.size > 1 || (laterReleases.size === 1 && pending.length > 0)) {
    return {
      kind: 'refused',
      reason: 'the database was migrated by a later release than this program knows: use that release',
    };
  }
  return pending.length === 0 ? { kind: 'current' } : { kind: 'older', pending };
}
