import type pg from 'pg';
import { sessionBeside } from '../postgres/pools.ts';

/** Makes the sums by day anew from what is sealed, however long it takes. Returns how many rows there are. */
export async function rebuildDays(pool: pg.Pool): Promise<number> {
  const session = sessionBeside(pool, 'postern rebuild');
  await session.connect();
  try {
    const { rows } = await session.query<{ made: bigint }>('select postern.rebuild_balance_days() as made');
    return Number(rows[0]?.made ?? 0);
  } finally {
    await session.end();
  }
}
