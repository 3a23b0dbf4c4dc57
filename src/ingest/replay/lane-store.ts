import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import { ADVISORY_LOCK_CLASS } from '../../postgres/locks.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import type { EventFilter } from '../event-filter.ts';
import type { Replayed } from './replay.ts';

/** The lane is one for all instances: it is the session's until that ends. */
export async function takeLane(session: Sql): Promise<boolean> {
  const { rows } = await session.query<{ mine: boolean }>(
    `select pg_try_advisory_lock(${ADVISORY_LOCK_CLASS.replay}, 0) as mine`,
  );
  return rows[0]?.mine ?? false;
}

/** A replay that is not over, as the lane works it. */
export type Going = {
  readonly id: string;
  readonly event: string | null;
  readonly filter: EventFilter;
  readonly dryRun: boolean;
  readonly rate: number;
  readonly paused: boolean;
  readonly note: string | null;
  readonly cursor: string | null;
  readonly total: number | null;
  readonly holding: readonly string[];
  readonly createdAt: number;
};

const GOING_MAX = 100;

/** The oldest first. */
export async function selectGoing(sql: Sql): Promise<Going[]> {
  const { rows } = await sql.query<{
    id: string;
    event_id: string | null;
    filter: EventFilter;
    dry_run: boolean;
    rate: number;
    status: string;
    note: string | null;
    cursor: string | null;
    total: bigint | null;
    holding: string[];
    created_at: Date;
  }>(
    {
      name: 'replay-going',
      text: `select id, event_id, filter, dry_run, rate, status, note, cursor, total, holding, created_at
       from postern.replays where status in ('running', 'paused') order by id limit ${GOING_MAX}`,
    },
    [],
  );
  return rows.map((row) => ({
    id: row.id,
    event: row.event_id,
    filter: row.filter,
    dryRun: row.dry_run,
    rate: row.rate,
    paused: row.status === 'paused',
    note: row.note,
    cursor: row.cursor,
    total: row.total === null ? null : Number(row.total),
    holding: row.holding,
    createdAt: row.created_at.getTime(),
  }));
}

export async function saveTotal(sql: Sql, id: string, total: number): Promise<void> {
  await sql.query('update postern.replays set total = $2 where id = $1', [id, total]);
}

/** Noted before they are run, so that whoever comes after this process knows what it died with. */
export async function noteHeld(sql: Sql, id: string, ids: readonly string[]): Promise<void> {
  await sql.query({ name: 'replay-note-held', text: 'update postern.replays set holding = $2::uuid[] where id = $1' }, [
    id,
    uuidTextArray(ids),
  ]);
}

/** A process died while it ran one event alone. Returns how many did by now. */
export async function countReplayKill(sql: Sql, id: string): Promise<number> {
  const { rows } = await sql.query<{ kills: number }>(
    'update postern.replays set kills = kills + 1 where id = $1 returning kills',
    [id],
  );
  return rows[0]?.kills ?? 0;
}

/** Stands still (`note` says why), or goes on. */
export async function setStandstill(sql: Sql, ids: readonly string[], note: string | null): Promise<void> {
  await sql.query(
    `update postern.replays set status = case when $2::text is null then 'running' else 'paused' end, note = $2
     where id = any($1::uuid[]) and status in ('running', 'paused')`,
    [uuidTextArray(ids), note],
  );
}

export async function finishReplay(sql: Sql, id: string, failure: string | null): Promise<void> {
  await sql.query(
    `update postern.replays set status = case when $2::text is null then 'done' else 'failed' end, note = $2, holding = '{}',
       total = case when $2::text is null then done else total end, finished_at = now()
     where id = $1 and status in ('running', 'paused')`,
    [id, failure],
  );
}

/**
 * Holds the replay's row until the transaction ends. False where it is over, or another went on with it from here: the batch is
 * not to be run then.
 */
export async function lockReplay(tx: Tx, { id, cursor }: Pick<Going, 'id' | 'cursor'>): Promise<boolean> {
  const { rowCount } = await tx.query(
    {
      name: 'replay-lock',
      text: `select from postern.replays
       where id = $1 and cursor is not distinct from $2 and status in ('running', 'paused') for no key update`,
    },
    [id, cursor],
  );
  return rowCount === 1;
}

/** What became of a batch, and where to go on: in the transaction of its postings. */
export async function saveBatch(tx: Tx, id: string, cursor: string, replayed: readonly Replayed[]): Promise<void> {
  const told = replayed.filter(({ change }) => change !== null);
  const count = (outcome: Replayed['outcome']): number => replayed.filter((one) => one.outcome === outcome).length;
  await tx.query(
    {
      name: 'replay-save-batch',
      text: `with told as (
         insert into postern.replay_events (replay_id, event_id, outcome, before, after)
         select $1, * from unnest($8::uuid[], $9::text[], $10::text[]::jsonb[], $11::text[]::jsonb[])
         on conflict (replay_id, event_id) do nothing
       )
       update postern.replays set cursor = $2, holding = '{}', kills = 0, done = done + $3, posted = posted + $4,
         unchanged = unchanged + $5, deferred = deferred + $6, failed = failed + $7
       where id = $1`,
    },
    [
      id,
      cursor,
      replayed.length,
      count('posted'),
      count('unchanged'),
      count('deferred'),
      count('failed'),
      uuidTextArray(told.map(({ event }) => event)),
      textArray(told.map(({ outcome }) => outcome)),
      textArray(told.map(({ change }) => JSON.stringify(change?.before))),
      textArray(told.map(({ change }) => JSON.stringify(change?.after))),
    ],
  );
}

/**
 * How long the oldest event that is due waits for its turn in the live lane, in seconds. Where somebody paused the live lane it waits
 * for them: a replay that waited, too, would wait for the resume that comes after the replay.
 */
export async function selectLiveLag(sql: Sql): Promise<number> {
  const { rows } = await sql.query<{ lag: number | null }>(
    {
      name: 'replay-live-lag',
      text: `select extract(epoch from now() - coalesce(next_attempt_at, received_at))::float8 as lag from postern.events
       where status = 'queued' and coalesce(next_attempt_at, received_at) <= now()
         and not exists (select from postern.queue_controls where queue = 'events' and paused)
       order by coalesce(next_attempt_at, received_at) limit 1`,
    },
    [],
  );
  return rows[0]?.lag ?? 0;
}

/** An event's state before it is run again. */
export type EventState = {
  readonly id: string;
  readonly status: 'queued' | 'posted' | 'no_effect' | 'deferred' | 'dead';
  readonly reason: string | null;
  readonly attempts: number;
  readonly kills: number;
  /** Queued, and nobody tried yet: it is about to be worked anyway. */
  readonly fresh: boolean;
};

/** In the order of their ids. `lock` holds them: whoever holds one is waited for, since passing it over would leave it as it is. */
export async function selectStates(tx: Tx, ids: readonly string[], lock: boolean): Promise<EventState[]> {
  const { rows } = await tx.query<{
    id: string;
    status: EventState['status'];
    reason: string | null;
    error_code: string | null;
    error_message: string | null;
    attempts: number;
    kills: number;
    fresh: boolean;
  }>(
    {
      name: lock ? 'replay-lock-events' : 'replay-events',
      text: `select id, status, reason, error_code, error_message, attempts, kills,
         status = 'queued' and attempts = 0 and next_attempt_at is null as fresh
       from postern.events where id = any($1::uuid[]) order by id${lock ? ' for no key update' : ''}`,
    },
    [uuidTextArray(ids)],
  );
  return rows.map(({ error_code: code, error_message: message, reason, ...row }) => ({
    ...row,
    reason: code === null ? reason : [code, message].filter((part) => part !== null).join(': '),
  }));
}

/** Events that go into the live queue after a first attempt here. The job is the caller's, in the same transaction. */
export async function requeueReplayed(
  tx: Tx,
  {
    id,
    jobId,
    nextAttemptAt,
    code,
    message,
  }: { id: string; jobId: string; nextAttemptAt: number; code: string; message: string },
): Promise<void> {
  await tx.query(
    `update postern.events set status = 'queued', reason = null, waiting_for = null, waiting_key = null, until = null, attempts = 1,
       kills = 0, next_attempt_at = $3, job_id = $2, error_code = $4, error_message = $5
     where id = $1`,
    [
      id,
      jobId,
      new Date(nextAttemptAt),
      code,
      message.slice(0, MESSAGE_MAX).toWellFormed().replaceAll('\u0000', '\ufffd'),
    ],
  );
}

const MESSAGE_MAX = 1_000;

/** A fresh start also for events that killed workers before. */
export async function forgetKills(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.query('update postern.events set kills = 0 where id = any($1::uuid[])', [uuidTextArray(ids)]);
}

/** What settled events are about, where their adapter has learned more since. */
export async function addReferences(
  tx: Tx,
  references: readonly { event: string; kind: string; value: string }[],
): Promise<void> {
  await tx.query(
    `insert into postern.event_references (event_id, kind, value)
     select * from unnest($1::uuid[], $2::text[], $3::text[]) on conflict do nothing`,
    [
      uuidTextArray(references.map(({ event }) => event)),
      textArray(references.map(({ kind }) => kind)),
      textArray(references.map(({ value }) => value)),
    ],
  );
}

/** Transactions by id, as a replay tells them. */
export async function selectShown(
  tx: Tx,
  ids: readonly string[],
): Promise<ReadonlyMap<string, { id: string; effect_key: string; kind: string }>> {
  const { rows } = await tx.query<{ id: string; effect_key: string; kind: string }>(
    { name: 'replay-shown', text: 'select id, effect_key, kind from postern.transactions where id = any($1::uuid[])' },
    [uuidTextArray(ids)],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
