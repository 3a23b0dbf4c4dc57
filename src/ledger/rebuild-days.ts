import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import { sessionBeside } from '../postgres/pools.ts';
import { sqlOf, type Tx } from '../postgres/sql.ts';

/** Makes the sums by day anew from what is sealed, however long it takes. Returns how many rows there are. */
export async function rebuildDays(pool: pg.Pool, actor: string): Promise<number> {
  const session = sessionBeside(pool, 'postern rebuild');
  await session.connect();
  try {
    // Its end rolls back what was not committed.
    await session.query('begin');
    const { rows } = await session.query<{ made: bigint }>('select postern.rebuild_balance_days() as made');
    const days = Number(rows[0]?.made ?? 0);
    await insertAudit(sqlOf(session) as Tx, {
      actor,
      action: 'ledger.rebuild',
      subject: 'ledger:days',
      details: { days },
    });
    await session.query('commit');
    return days;
  } finally {
    await session.end();
  }
}
