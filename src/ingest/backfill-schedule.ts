import type { Endpoint } from '../endpoints/endpoint.ts';
import { int4Array } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import { GRACE_MS } from './backfill-gaps.ts';
import { insertBackfill } from './backfill-store.ts';
import { keyOf } from './interpret.ts';

const EVERY_S_DEFAULT = 3_600;
/** What is listed late, or was still on its way, is looked at again by the next run. */
const OVERLAP_MS = 15 * 60_000;
const FIRST_MS = 3 * 86_400_000;
const DAY_MS = 86_400_000;
const KEPT_DAYS = 90;
const FORGOTTEN_AT_ONCE = 100;

/** How often an endpoint is compared with its processor: hourly where there is a key and a list; null for never. */
export function scheduleOf(endpoint: Pick<Endpoint, 'provider' | 'settings' | 'disabled'>): number | null {
  const { backfill_every_s: every = EVERY_S_DEFAULT } = endpoint.settings;
  const list = endpoint.provider.api?.list;
  if (endpoint.disabled || every === 0 || list === undefined || keyOf(endpoint) === null) return null;
  if ((list.unlisted?.(endpoint.settings) ?? null) !== null) return null;
  return every;
}

/** Makes the backfills whose time has come, one instance at a time. `now` is unix ms. */
export async function planBackfills(tx: Tx, endpoints: readonly Endpoint[], now: number): Promise<void> {
  const scheduled = endpoints.flatMap((endpoint) => {
    const everyS = scheduleOf(endpoint);
    return everyS === null ? [] : [{ endpoint, everyS }];
  });
  if (scheduled.length === 0) return;
  const lock = await tx.query<{ locked: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('postern.backfill.plan', 0)) as locked`,
  );
  if (lock.rows[0]?.locked !== true) return;
  const ids = int4Array(scheduled.map(({ endpoint }) => endpoint.id));
  await tx.query(
    `insert into postern.backfill_schedules (endpoint_id, compared_to, next_at)
     select id, greatest(created_at, now() - make_interval(secs => $2)), now() from postern.endpoints where id = any($1::int4[])
     on conflict do nothing`,
    [ids, FIRST_MS / 1000],
  );
  const { rows } = await tx.query<{ endpoint_id: number; compared_to: Date; created_at: Date }>(
    `update postern.backfill_schedules s set next_at = now() + make_interval(secs => a.every_s)
     from unnest($1::int4[], $2::int4[]) as a (endpoint_id, every_s)
     join postern.endpoints e on e.id = a.endpoint_id
     where s.endpoint_id = a.endpoint_id
       and (s.next_at <= now() or s.next_at > now() + make_interval(secs => a.every_s))
     returning s.endpoint_id, s.compared_to, e.created_at`,
    [ids, int4Array(scheduled.map(({ everyS }) => everyS))],
  );
  for (const row of rows) {
    const list = scheduled.find(({ endpoint }) => endpoint.id === row.endpoint_id)?.endpoint.provider.api?.list;
    if (list === undefined) continue;
    const overlap = OVERLAP_MS + list.delayS * 1000;
    // What was sent before there was an endpoint could not have come to it.
    const begin = Math.max(row.compared_to.getTime() - overlap, row.created_at.getTime());
    const from = Math.max(begin, now - list.days * DAY_MS);
    const to = now - GRACE_MS;
    if (from >= to) continue;
    await insertBackfill(tx, {
      id: uuidv7(now),
      endpointId: row.endpoint_id,
      from,
      to,
      dryRun: false,
      scheduled: true,
      actor: 'schedule',
    });
  }
  if (rows.length > 0) await forgetOld(tx);
}

async function forgetOld(tx: Tx): Promise<void> {
  await tx.query(
    `delete from postern.backfills where id in (
       select id from postern.backfills where scheduled and finished_at < now() - make_interval(days => ${KEPT_DAYS})
       order by id limit ${FORGOTTEN_AT_ONCE})`,
  );
}

export type ScheduleState = {
  readonly provider: string;
  readonly endpoint: string;
  readonly comparedTo: Date;
  readonly lastDoneAt: Date | null;
  readonly lastGaps: number | null;
};

export async function selectSchedules(sql: Sql): Promise<ScheduleState[]> {
  const { rows } = await sql.query<{
    provider: string;
    name: string;
    compared_to: Date;
    last_done_at: Date | null;
    last_gaps: bigint | null;
  }>(
    `select e.provider, e.name, s.compared_to, s.last_done_at, s.last_gaps
     from postern.backfill_schedules s join postern.endpoints e on e.id = s.endpoint_id where not e.disabled`,
  );
  return rows.map((row) => ({
    provider: row.provider,
    endpoint: row.name,
    comparedTo: row.compared_to,
    lastDoneAt: row.last_done_at,
    lastGaps: row.last_gaps === null ? null : Number(row.last_gaps),
  }));
}
