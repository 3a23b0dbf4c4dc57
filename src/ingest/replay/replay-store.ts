import type { Sql, Tx } from '../../postgres/sql.ts';
import type { EventFilter } from '../event-filter.ts';
import type { ReplayOutcome, ReplaySide, ReplayStatus } from './replay.ts';

export type NewReplay = {
  readonly id: string;
  readonly event: string | null;
  readonly filter: EventFilter;
  readonly dryRun: boolean;
  readonly rate: number;
  readonly reason: string;
  readonly actor: string;
};

export async function insertReplay(tx: Tx, replay: NewReplay): Promise<void> {
  const { id, event, filter, dryRun, rate, reason, actor } = replay;
  await tx.query(
    `insert into postern.replays (id, event_id, filter, dry_run, rate, reason, actor, total)
     values ($1, $2, $3, $4, $5, $6, $7, case when $2::uuid is null then null else 1 end)`,
    [id, event, JSON.stringify(filter), dryRun, rate, reason, actor],
  );
}

/** How many are not over, counted up to `max`. */
export async function countUnfinished(sql: Sql, max: number): Promise<number> {
  const { rows } = await sql.query<{ count: bigint }>(
    `select count(*) as count from (
       select from postern.replays where status in ('running', 'paused') limit $1) as unfinished`,
    [max],
  );
  return Number(rows[0]?.count ?? 0);
}

/** Waits for the batch in hand, which still counts. False where it was over already. */
export async function cancelReplay(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update postern.replays set status = 'cancelled', note = null, holding = '{}', finished_at = now()
     where id = $1 and status in ('running', 'paused')`,
    [id],
  );
  return rowCount === 1;
}

export type ReplayRow = {
  readonly id: string;
  readonly status: ReplayStatus;
  readonly event_id: string | null;
  /** As it was asked for: names of `EventFilter`. */
  readonly filter: Readonly<Record<string, string>>;
  readonly dry_run: boolean;
  readonly reason: string;
  readonly actor: string;
  readonly rate: number;
  readonly note: string | null;
  readonly total: bigint | null;
  readonly done: bigint;
  readonly posted: bigint;
  readonly unchanged: bigint;
  readonly deferred: bigint;
  readonly failed: bigint;
  readonly created_at: Date;
  readonly finished_at: Date | null;
};

/** Newest first. */
export async function selectReplays(
  sql: Sql,
  filter: { readonly id?: string | undefined; readonly status?: ReplayStatus | undefined },
  page: { readonly before: string | null; readonly limit: number },
): Promise<ReplayRow[]> {
  const { rows } = await sql.query<ReplayRow>(
    `select id, status, event_id, filter, dry_run, reason, actor, rate, note, total, done, posted, unchanged, deferred, failed,
       created_at, finished_at
     from postern.replays
     where ($1::uuid is null or id = $1) and ($2::text is null or status = $2) and ($3::uuid is null or id < $3)
     order by id desc limit $4`,
    [filter.id ?? null, filter.status ?? null, page.before, page.limit],
  );
  return rows;
}

export type ReplayChangeRow = {
  readonly event_id: string;
  readonly outcome: ReplayOutcome;
  readonly before: ReplaySide;
  readonly after: ReplaySide;
};

export async function selectReplayChanges(
  sql: Sql,
  id: string,
  filter: { readonly outcome?: ReplayOutcome | undefined },
  page: { readonly after: string | null; readonly limit: number },
): Promise<ReplayChangeRow[]> {
  const { rows } = await sql.query<ReplayChangeRow>(
    `select event_id, outcome, before, after from postern.replay_events
     where replay_id = $1 and ($2::text is null or outcome = $2) and ($3::uuid is null or event_id > $3)
     order by event_id limit $4`,
    [id, filter.outcome ?? null, page.after, page.limit],
  );
  return rows;
}

/** The event that a person named, if there is one. */
export async function selectEventStatus(
  sql: Sql,
  id: string,
): Promise<{ status: string; reason: string | null } | undefined> {
  const { rows } = await sql.query<{ status: string; reason: string | null }>(
    'select status, reason from postern.events where id = $1',
    [id],
  );
  return rows[0];
}
