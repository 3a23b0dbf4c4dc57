import { int4Array, textArray } from '../postgres/binary-arrays.ts';
import type { Tx } from '../postgres/sql.ts';

const AWAITED_A_TURN = 100;
const WOKEN_A_TURN = 1_000;

/**
 * Notes which of these effects, posted in this transaction, events wait for. It locks none of them: the batch holds balances by
 * now, and events come before balances in the order of locks. Returns how many are awaited.
 */
export async function noteAwaited(tx: Tx, effectKeys: readonly string[]): Promise<number> {
  const { rowCount } = await tx.query(
    `insert into postern.effects_awaited (effect_key)
     select distinct waiting_key from postern.events where status = 'deferred' and waiting_key = any($1::text[])`,
    [textArray(effectKeys)],
  );
  return rowCount;
}

/**
 * Sends the events that waited for noted effects back to the queue and takes the notes away; those of all processes, because
 * one that died left its own. What another takes at this moment is left to it. Returns the events' ids, and whether to come again.
 */
export async function wakeAwaiting(tx: Tx, jobId: string): Promise<{ woken: string[]; more: boolean }> {
  const noted = await tx.query<{ effect_key: string }>(
    `delete from postern.effects_awaited where id in (
       select id from postern.effects_awaited order by id limit ${AWAITED_A_TURN} for update skip locked)
     returning effect_key`,
  );
  if (noted.rowCount === 0) return { woken: [], more: false };
  const keys = textArray([...new Set(noted.rows.map((row) => row.effect_key))]);
  const { rows } = await tx.query<{ id: string }>(
    `update postern.events
     set status = 'queued', waiting_for = null, waiting_key = null, until = null, reason = null, job_id = $2, next_attempt_at = null
     where id in (
       select id from postern.events where status = 'deferred' and waiting_key = any($1::text[])
       order by id limit ${WOKEN_A_TURN} for no key update
     )
     returning id`,
    [keys, jobId],
  );
  const full = rows.length === WOKEN_A_TURN;
  if (full) await tx.query('insert into postern.effects_awaited (effect_key) select unnest($1::text[])', [keys]);
  return { woken: rows.map((row) => row.id), more: full || noted.rowCount === AWAITED_A_TURN };
}

const WAKE_MAX = 1_000;
/** Some 80 ms. */
const WAKE_TURN_MAX = 1_500;

/** What events of an endpoint wait for, and what they would be parked under now. */
export type Park = { readonly endpointId: number; readonly waitingFor: string; readonly under: string };

/**
 * Events that were parked under something else than what holds now: they get another try. One statement for all endpoints, and
 * the two halves of the index beside `under`: what is parked under it, however much, is not read every turn.
 */
export async function wakeParkedUnder(tx: Tx, parks: readonly Park[], jobId: string): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `with candidates as materialized (
       select w.id from unnest($1::int4[], $2::text[], $3::text[]) as p (endpoint_id, waiting_for, under)
       cross join lateral (
         (select id from postern.events where status = 'deferred' and endpoint_id = p.endpoint_id
            and waiting_for = p.waiting_for and waiting_key < p.under limit ${WAKE_MAX})
         union all
         (select id from postern.events where status = 'deferred' and endpoint_id = p.endpoint_id
            and waiting_for = p.waiting_for and waiting_key > p.under limit ${WAKE_MAX})
         union all
         (select id from postern.events where status = 'deferred' and endpoint_id = p.endpoint_id
            and waiting_for = p.waiting_for and waiting_key is null limit ${WAKE_MAX})
       ) w limit ${WAKE_TURN_MAX}
     ), woken as materialized (
       select id from postern.events where id = any (array(select id from candidates)) and status || '' = 'deferred'
       order by id for no key update skip locked
     )
     -- By key alone, here and above: a status that the planner sees has it read every deferred event there is.
     update postern.events set status = 'queued', waiting_for = null, waiting_key = null, until = null, reason = null,
       job_id = $4, next_attempt_at = null
     where id = any (array(select id from woken))
     returning id`,
    [
      int4Array(parks.map((park) => park.endpointId)),
      textArray(parks.map((park) => park.waitingFor)),
      textArray(parks.map((park) => park.under)),
      jobId,
    ],
  );
  return rows.map((row) => row.id);
}
