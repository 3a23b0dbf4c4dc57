import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { Finding, RederiveCounts } from '../../src/ingest/rederive/finding.ts';
import { type RederiveOptions, rederive } from '../../src/ingest/rederive/rederive.ts';
import type { Sql } from '../../src/postgres/sql.ts';
import type { TestDatabase } from '../support/database.ts';

export type Result = { readonly findings: Finding[]; readonly counts: RederiveCounts };

/** All events of a database through the rules. */
export async function run(
  database: TestDatabase,
  endpoints: readonly Endpoint[],
  options: Partial<RederiveOptions> = {},
): Promise<Result> {
  const pools = database.pools();
  const client = pools.reader();
  await client.connect();
  const findings: Finding[] = [];
  try {
    const found = rederive(
      { client, endpoints: { byId: (id) => endpoints.find((one) => one.id === id) } },
      { from: 0, to: Date.now() + 1_000, endpoints: null, limit: Number.MAX_SAFE_INTEGER, ...options },
    );
    for (let next = await found.next(); ; next = await found.next()) {
      if (next.done === true) return { findings, counts: next.value };
      findings.push(next.value);
    }
  } finally {
    await client.end();
    await pools.end();
  }
}

/** As nobody may who is not the database's own superuser: past every trigger. */
export async function asSuperuser(sql: Sql, ...statements: string[]): Promise<void> {
  await sql.query(`do $$ begin set local session_replication_role = replica; ${statements.join('; ')}; end $$`);
}

export const named = (findings: readonly Finding[]) => findings.map(({ kind, effectKey }) => [kind, effectKey]);
