import { uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { EventFilter } from './event-filter.ts';
import { eventConditions } from './event-filter-store.ts';

/** A reason begins so on an event that a person put away. */
export const DISMISSED = 'dismissed: ';

export type Dismissing = {
  readonly ids: readonly string[];
  readonly actor: string;
  readonly reason: string;
  /** Of many: which of them is meant, and since when; what died later nobody had seen. Null: whichever are dead. */
  readonly of: { readonly dismissalId: string; readonly filter: EventFilter; readonly askedAt: Date } | null;
};

/**
 * Puts away those of these events that are dead: their state, their money at risk, and a line in their history. What they died
 * of stays on their rows. Events are locked before all else, by id (the one order of locks). Returns how many.
 */
export async function dismissEvents(tx: Tx, { ids, actor, reason, of }: Dismissing): Promise<number> {
  const locked = await tx.query<{ id: string }>(
    `select e.id from postern.events e where e.id = any($1::uuid[]) and e.status = 'dead' order by e.id for no key update of e`,
    [uuidTextArray(ids)],
  );
  if (locked.rows.length === 0) return 0;
  // A second statement: one that waited for a row sees that row anew, but not what was noted of it in the history meanwhile.
  const values: unknown[] = [uuidTextArray(locked.rows.map((row) => row.id))];
  const conditions = of === null ? ["e.status = 'dead'"] : eventConditions({ ...of.filter, status: 'dead' }, values);
  if (of !== null) {
    values.push(of.askedAt);
    conditions.push(`not exists (select from postern.event_history h
      where h.event_id = e.id and h.what = 'died' and h.at > $${values.length}::timestamptz)`);
  }
  const { rows } = await tx.query<{ id: string }>(
    `select e.id from postern.events e where e.id = any($1::uuid[]) and ${conditions.join(' and ')}`,
    values,
  );
  if (rows.length === 0) return 0;
  await tx.query(
    `with put_away as (
       update postern.events set status = 'no_effect', reason = $2, next_attempt_at = null where id = any($1::uuid[])
     ), without_amounts as (
       delete from postern.event_amounts where event_id = any($1::uuid[])
     )
     insert into postern.event_history (event_id, what, actor, reason, dismissal_id)
     select id, 'dismissed', $3, $4, $5::uuid from unnest($1::uuid[]) id`,
    [uuidTextArray(rows.map((row) => row.id)), `${DISMISSED}${reason}`, actor, reason, of?.dismissalId ?? null],
  );
  return rows.length;
}

export async function selectStatus(sql: Sql, eventId: string): Promise<string | undefined> {
  const { rows } = await sql.query<{ status: string }>('select status from postern.events where id = $1', [eventId]);
  return rows[0]?.status;
}

export type DismissalRow = {
  readonly id: string;
  readonly filter: EventFilter;
  readonly reason: string;
  readonly actor: string;
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  readonly until_at: Date;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly total: bigint;
  readonly looked_at: bigint;
  readonly dismissed: bigint;
  readonly beyond: string | null;
  readonly attempts: number;
  readonly error: string | null;
};

const COLUMNS = `id, filter, reason, actor, status, until_at, created_at, finished_at, total, looked_at, dismissed, beyond, attempts, error`;

export async function insertDismissal(
  tx: Tx,
  one: { id: string; filter: EventFilter; reason: string; actor: string; untilAt: Date; total: number },
): Promise<void> {
  await tx.query(
    'insert into postern.dismissals (id, filter, reason, actor, until_at, total) values ($1, $2, $3, $4, $5, $6)',
    [one.id, JSON.stringify(one.filter), one.reason, one.actor, one.untilAt, one.total],
  );
}

/**
 * Locks a dismissal whose next batch is due; what another works on is left to it. Whoever dies gives it back with its
 * transaction. @param id null: any
 */
export async function takeDismissal(tx: Tx, id: string | null): Promise<DismissalRow | undefined> {
  const { rows } = await tx.query<DismissalRow>(
    `select ${COLUMNS} from postern.dismissals
     where status = 'running' and due_at <= now() and ($1::uuid is null or id = $1)
     order by due_at limit 1 for update skip locked`,
    [id],
  );
  return rows[0];
}

export async function saveBatch(
  tx: Tx,
  id: string,
  batch: { lookedAt: number; dismissed: number; beyond: string | null; done: boolean },
): Promise<void> {
  await tx.query(
    `update postern.dismissals set looked_at = looked_at + $2, dismissed = dismissed + $3, beyond = coalesce($4::uuid, beyond),
       attempts = 0, error = null, status = case when $5 then 'done' else status end, finished_at = case when $5 then now() end
     where id = $1`,
    [id, batch.lookedAt, batch.dismissed, batch.beyond, batch.done],
  );
}

/** A batch failed: it is tried again after `waitS`, or never. */
export async function noteBatchFailure(
  sql: Sql,
  id: string,
  { error, waitS, giveUpAfter }: { error: string; waitS: number; giveUpAfter: number },
): Promise<void> {
  await sql.query(
    `update postern.dismissals set attempts = attempts + 1, error = $2, due_at = now() + $3::int * interval '1 second',
       status = case when attempts + 1 >= $4 then 'failed' else status end,
       finished_at = case when attempts + 1 >= $4 then now() end
     where id = $1 and status = 'running'`,
    [id, error.slice(0, 1_000), waitS, giveUpAfter],
  );
}

/** False where it is over. What it dismissed stays dismissed. */
export async function cancelDismissal(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update postern.dismissals set status = 'cancelled', finished_at = now() where id = $1 and status = 'running'`,
    [id],
  );
  return rowCount > 0;
}

/** Newest first. */
export async function selectDismissals(
  sql: Sql,
  page: { before: string | null; limit: number },
): Promise<DismissalRow[]> {
  const { rows } = await sql.query<DismissalRow>(
    `select ${COLUMNS} from postern.dismissals where ($1::uuid is null or id < $1) order by id desc limit $2`,
    [page.before, page.limit],
  );
  return rows;
}

export async function selectDismissal(sql: Sql, id: string): Promise<DismissalRow | undefined> {
  const { rows } = await sql.query<DismissalRow>(`select ${COLUMNS} from postern.dismissals where id = $1`, [id]);
  return rows[0];
}
