import type { Sql, Tx } from '../../postgres/sql.ts';
import { dropChunks } from './parts-store.ts';
import { failAbandoned, strayStagings } from './settlement-store.ts';
import { dropStaging } from './staging-store.ts';

/** More than can be left behind: an instance imports two at once. */
const A_TURN = 100;
const ENDED = 'its process ended before it was done: nothing of it was kept; import the file again';

/** Ends imports whose process died, and removes what they left. One that runs holds its lock. */
export async function clearAbandoned(tx: Tx): Promise<void> {
  for (const id of await failAbandoned(tx, ENDED, A_TURN)) await dropChunks(tx, id);
  await dropStrays(tx);
}

async function dropStrays(sql: Sql): Promise<void> {
  for (const id of await strayStagings(sql, A_TURN)) await dropStaging(sql, id);
}
