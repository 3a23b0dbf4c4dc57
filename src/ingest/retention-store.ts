import { ENDED_LIST } from '../discrepancy-status.ts';
import type { Sql, Tx } from '../postgres/sql.ts';

const OPEN = `d.status not in ${ENDED_LIST}`;

/**
 * Events (`e`) whose bytes must outlive their day: those that may still be worked, those in a conflict of ids with the
 * event they conflict with, those whose posting another event contradicts, and those that an open discrepancy names: by
 * itself, or by what it is about.
 */
const NEEDED = `(e.status in ('queued', 'deferred', 'dead') or e.conflict
  or (e.endpoint_id, e.event_id) in (select c.endpoint_id, c.event_id from postern.events c where c.conflict)
  or (e.transmission_id is not null and (e.endpoint_id, e.transmission_id) in
    (select c.endpoint_id, c.transmission_id from postern.events c where c.conflict and c.transmission_id is not null))
  or e.id in (select t.source_event from postern.effect_conflicts x
    join postern.transactions t on t.effect_key = x.effect_key where t.source_event is not null)
  or exists (select from postern.discrepancies d where ${OPEN} and d.evidence ? 'event' and d.evidence ->> 'event' = e.id::text)
  or exists (select from postern.event_references n join postern.discrepancies d on d.reference = n.value and d.account = e.account
    where n.event_id = e.id and ${OPEN}))`;

const COLUMNS = 'id, received_at, endpoint_id, method, path, source_ip, headers, body, level, secret_id';
const PARTITION = /^deliveries_\d{8}$/;

/** A day of deliveries that is past the retention. `detached`: its table left the partitions and waits to be dropped. */
export type OldDay = {
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  readonly table: string;
  readonly state: 'attached' | 'pending' | 'detached';
};

/** Past the retention by the server's clock, which all instances share: the oldest first, a pending one before all. */
export async function selectOldDays(sql: Sql, retentionDays: number, limit: number): Promise<OldDay[]> {
  const { rows } = await sql.query<OldDay>(
    `select * from (
       select to_date(right(c.relname, 8), 'YYYYMMDD')::text as day, c.relname::text as table,
         case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end as state
       from pg_class c left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'postern.deliveries'::regclass
       where c.relnamespace = 'postern'::regnamespace and c.relkind = 'r' and c.relname ~ '${PARTITION.source}'
     ) as p
     where p.day::date < (now() at time zone 'utc')::date - $1::int
       -- A table that somebody else detached, to archive it, is none of ours to drop.
       and (p.state = 'attached' or exists (
         select from postern.removed_days r where r.day = p.day::date and r.removed_at is null))
     order by p.state <> 'pending', p.day limit $2`,
    [retentionDays, limit],
  );
  return rows;
}

/** What the day is by now, or null where its table is gone. */
export async function selectDayState(sql: Sql, table: string): Promise<OldDay['state'] | null> {
  const { rows } = await sql.query<{ state: OldDay['state'] }>(
    `select case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end as state
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = 'postern.deliveries'::regclass
     where c.relnamespace = 'postern'::regnamespace and c.relname = $1`,
    [table],
  );
  return rows[0]?.state ?? null;
}

/**
 * Noted before the first step, so that whoever finds the table later knows that it was to go. A day that was removed
 * before stands here again where somebody restored it from an archive.
 */
export async function noteBegun(sql: Sql, day: string): Promise<void> {
  await sql.query(
    `insert into postern.removed_days as r (day) values ($1)
     on conflict (day) do update set begun_at = now(), removed_at = null where r.removed_at is not null`,
    [day],
  );
}

/** Days that were begun and whose table somebody dropped by hand. */
export async function noteVanished(sql: Sql): Promise<void> {
  await sql.query(
    `update postern.removed_days set removed_at = now()
     where removed_at is null and to_regclass('postern.deliveries_' || to_char(day, 'YYYYMMDD')) is null`,
  );
}

export type Step = { readonly scanned: number; readonly last: string | null };

/**
 * Copies the needed deliveries that brought the events from `after` on, a bounded number of events a call. The day's
 * table is read by its own name: that works before, while and after it leaves the partitions.
 */
export async function keepEventsStep(sql: Sql, old: OldDay, after: string, limit: number): Promise<Step> {
  const { rows } = await sql.query<Step>(
    `with scanned as (
       select * from postern.events where id > $1 and id < $2 order by id limit $3
     ), needed as (
       select distinct e.delivery_id from scanned e where ${NEEDED}
     ), kept as (
       insert into postern.deliveries_kept (${COLUMNS})
       select ${COLUMNS} from postern.${nameOf(old)} where id in (select delivery_id from needed)
       on conflict do nothing
     )
     select count(*)::int as scanned, (array_agg(id order by id desc))[1] as last from scanned`,
    [after, endOf(old.day), limit],
  );
  return rows[0] ?? { scanned: 0, last: null };
}

/** The same for deliveries of this day that brought a known event again in other bytes; the event may be of another day. */
export async function keepDuplicatesStep(sql: Sql, old: OldDay, after: string, limit: number): Promise<Step> {
  const { rows } = await sql.query<Step>(
    `with scanned as (
       select distinct delivery_id from postern.duplicate_deliveries
       where delivery_id > $1 and delivery_id < $2 order by delivery_id limit $3
     ), needed as (
       select s.delivery_id from scanned s where exists (
         select from postern.duplicate_deliveries x join postern.events e on e.id = x.event_id
         where x.delivery_id = s.delivery_id and ${NEEDED})
     ), kept as (
       insert into postern.deliveries_kept (${COLUMNS})
       select ${COLUMNS} from postern.${nameOf(old)} where id in (select delivery_id from needed)
       on conflict do nothing
     )
     select count(*)::int as scanned, (array_agg(delivery_id order by delivery_id desc))[1] as last from scanned`,
    [after, endOf(old.day), limit],
  );
  return rows[0] ?? { scanned: 0, last: null };
}

/** Must stand alone: not to be had inside a transaction. Blocks nobody, and may end half done ("pending"). */
export async function detachDay(sql: Sql, old: OldDay): Promise<void> {
  await sql.query(`alter table postern.deliveries detach partition postern.${nameOf(old)} concurrently`);
}

/** Ends a detaching that was broken off. */
export async function finalizeDay(sql: Sql, old: OldDay): Promise<void> {
  await sql.query(`alter table postern.deliveries detach partition postern.${nameOf(old)} finalize`);
}

/** Drops what is left of the day, notes it, and says so in the audit log: one transaction. Returns how many were kept. */
export async function dropDay(sql: Sql, old: OldDay): Promise<bigint> {
  await sql.query('begin');
  try {
    await sql.query(`drop table postern.${nameOf(old)}`);
    const { rows } = await sql.query<{ kept: bigint }>(
      `update postern.removed_days set removed_at = now(),
         kept = (select count(*) from postern.deliveries_kept where id >= $2 and id < $3)
       where day = $1 returning kept`,
      [old.day, startOf(old.day), endOf(old.day)],
    );
    const kept = rows[0]?.kept ?? 0n;
    await sql.query(
      `insert into postern.audit_log (actor, action, subject, reason, details)
       values ('postern', 'deliveries.removed', $1, 'RETENTION_DAYS', jsonb_build_object('kept', $2::int8))`,
      [old.day, kept],
    );
    await sql.query('commit');
    return kept;
  } catch (error) {
    // A session that was lost needs no rollback: the first error is the one that tells.
    await sql.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** Kept deliveries that nobody needs any more (their event was posted since) go as their day went. */
export async function dropKeptStep(sql: Sql, retentionDays: number, after: string, limit: number): Promise<Step> {
  const { rows } = await sql.query<Step>(
    `with scanned as (
       select id, received_at from postern.deliveries_kept
       where id > $1 and received_at < now() - make_interval(days => $2) order by id limit $3
     ), doomed as (
       select k.id from scanned k
       where not exists (
         -- An event's id is made in the millisecond of its delivery's.
         select from postern.events e
         where e.id >= (left(k.id::text, 13) || '-0000-0000-000000000000')::uuid
           and e.id <= (left(k.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid and e.delivery_id = k.id and ${NEEDED})
       and not exists (
         select from postern.duplicate_deliveries x join postern.events e on e.id = x.event_id
         where x.delivery_id = k.id and ${NEEDED})
     ), dropped as (
       delete from postern.deliveries_kept where id in (select id from doomed)
     )
     select count(*)::int as scanned, (array_agg(id order by id desc))[1] as last from scanned`,
    [after, retentionDays, limit],
  );
  return rows[0] ?? { scanned: 0, last: null };
}

/**
 * What processors answered about events is as much evidence as their deliveries, and names customers as they do: its body goes
 * by the same rule, counted from when it was fetched. The row stays with its hash.
 */
export async function removeFetchedStep(sql: Sql, retentionDays: number, after: string, limit: number): Promise<Step> {
  const { rows } = await sql.query<Step>(
    `with scanned as (
       select event_id from postern.fetched_objects
       where body is not null and event_id > $1 and fetched_at < now() - make_interval(days => $2)
         -- Fetched after its event came: what younger events have need not be read to know that it is younger.
         and event_id < (lpad(to_hex((extract(epoch from now() - make_interval(days => $2)) * 1000)::bigint), 12, '0')
           || repeat('f', 20))::uuid
       order by event_id limit $3
     ), removed as (
       update postern.fetched_objects f set body = null, sha256 = coalesce(f.sha256, sha256(f.body)), removed_at = now()
       where f.event_id in (select event_id from scanned)
         and not exists (select from postern.events e where e.id = f.event_id and ${NEEDED})
     )
     select count(*)::int as scanned, (array_agg(event_id order by event_id desc))[1] as last from scanned`,
    [after, retentionDays, limit],
  );
  return rows[0] ?? { scanned: 0, last: null };
}

/** The oldest removed day whose event rows were not all looked at and are past every horizon; held until the commit. */
export async function takeDayToForget(tx: Tx, horizonDays: number): Promise<{ day: string; after: string } | null> {
  const { rows } = await tx.query<{ day: string; looked_at: string | null }>(
    `select day::text as day, looked_at from postern.removed_days
     where removed_at is not null and forgotten_at is null and day < (now() at time zone 'utc')::date - $1::int
     order by day limit 1 for update`,
    [horizonDays],
  );
  const [found] = rows;
  return found === undefined ? null : { day: found.day, after: found.looked_at ?? startOf(found.day) };
}

/**
 * Forgets event rows of `day` that left no trace in the books, of these providers: with what hangs on them, and counted
 * in the same statement, so that the sums stay right.
 */
export async function forgetEventsStep(
  tx: Tx,
  from: { day: string; after: string },
  rule: { providers: readonly string[]; horizonDays: number; limit: number },
): Promise<Step & { forgotten: number }> {
  const { rows } = await tx.query<Step & { forgotten: number }>(
    `with scanned as (
       select id from postern.events where id > $1 and id < $2 order by id limit $3
     ), doomed as (
       select e.id from postern.events e join scanned s on s.id = e.id join postern.endpoints n on n.id = e.endpoint_id
       where n.provider = any($4::text[]) and e.status = 'no_effect'
         and greatest(e.received_at, e.last_duplicate_at) < now() - make_interval(days => $5)
         and not exists (select from postern.transactions t where t.source_event = e.id)
         and not exists (select from postern.transaction_evidence x where x.event_id = e.id)
         and e.id not in (select x.event_id from postern.effect_conflicts x)
         and not exists (select from postern.deliveries_kept k where k.id = e.delivery_id)
         and not ${NEEDED}
       order by e.id for update of e skip locked
     ), gone as (
       delete from postern.events e using doomed d where e.id = d.id returning e.id, e.endpoint_id, e.duplicates
     ), without_references as (
       delete from postern.event_references r using gone g where r.event_id = g.id
     ), without_duplicates as (
       delete from postern.duplicate_deliveries x using gone g where x.event_id = g.id
     ), without_amounts as (
       delete from postern.event_amounts a using gone g where a.event_id = g.id
     ), without_history as (
       delete from postern.event_history h using gone g where h.event_id = g.id
     ), without_fetched as (
       delete from postern.fetched_objects f using gone g where f.event_id = g.id
     ), without_fetches as (
       delete from postern.fetches f using gone g where f.event_id = g.id
     ), counted as (
       insert into postern.endpoint_minutes (writer, endpoint_id, minute, forgotten)
       select '00000000-0000-0000-0000-000000000000', endpoint_id, 'epoch', sum(1 + duplicates)
       from gone group by endpoint_id order by endpoint_id
       on conflict (minute, endpoint_id, writer) do update set forgotten = endpoint_minutes.forgotten + excluded.forgotten
     )
     select count(*)::int as scanned, (array_agg(id order by id desc))[1] as last, (select count(*)::int from gone) as forgotten
     from scanned`,
    [from.after, endOf(from.day), rule.limit, rule.providers, rule.horizonDays],
  );
  return rows[0] ?? { scanned: 0, last: null, forgotten: 0 };
}

export async function noteForgotten(
  tx: Tx,
  day: string,
  done: { last: string | null; forgotten: number; whole: boolean },
): Promise<void> {
  await tx.query(
    `update postern.removed_days set looked_at = coalesce($2, looked_at), forgotten = forgotten + $3,
       forgotten_at = case when $4 then now() end
     where day = $1`,
    [day, done.last, done.forgotten, done.whole],
  );
}

/** Before every id of the day; ids are UUIDv7, so a day is a range of them. */
export function startOf(day: string): string {
  return boundary(Date.parse(`${day}T00:00:00Z`));
}

function endOf(day: string): string {
  return boundary(Date.parse(`${day}T00:00:00Z`) + 86_400_000);
}

function boundary(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The name goes into the statement's text: it comes from the catalogue, and is looked at all the same. */
function nameOf({ table }: OldDay): string {
  if (!PARTITION.test(table)) throw new Error(`${table} is no day of deliveries`);
  return table;
}
