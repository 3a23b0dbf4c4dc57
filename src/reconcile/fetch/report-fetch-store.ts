import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';

export type FetchOrigin = 'asked' | 'schedule' | 'webhook';

/** An order in the hands of whoever took it. Times are unix ms. */
export type TakenFetch = {
  readonly id: string;
  readonly endpointId: number;
  readonly report: string | null;
  /** Null: the endpoint's. */
  readonly account: string | null;
  readonly from: number;
  readonly to: number;
  readonly origin: FetchOrigin;
  readonly actor: string;
  /** This one counted. */
  readonly attempts: number;
};

export async function insertRange(
  sql: Sql,
  order: {
    readonly id: string;
    readonly endpointId: number;
    readonly from: number;
    readonly to: number;
    readonly origin: FetchOrigin;
    readonly actor: string;
  },
): Promise<void> {
  await sql.query(
    `insert into postern.report_fetches (id, endpoint_id, from_at, to_at, origin, actor) values ($1, $2, $3, $4, $5, $6)`,
    [order.id, order.endpointId, new Date(order.from), new Date(order.to), order.origin, order.actor],
  );
}

/** What failed is mended by somebody, at the processor or here, and not by asking for it with each listing. */
const FAILED_AGAIN_H = 24;

/**
 * Orders of single reports. One that is waited for already is not ordered twice: announced while it runs it is fetched once more
 * afterwards, and announced or asked for before its time it is fetched now. `again`: also those that were fetched before, which
 * a processor may have told anew since, and those that failed of late. Returns the orders, those before it included.
 */
export async function insertReports(
  sql: Sql,
  orders: ReadonlyArray<{ readonly id: string; readonly report: string; readonly account: string | null }>,
  {
    endpointId,
    parent,
    origin,
    actor,
    again,
  }: {
    readonly endpointId: number;
    readonly parent: string | null;
    readonly origin: FetchOrigin;
    readonly actor: string;
    readonly again: boolean;
  },
): Promise<readonly string[]> {
  // In one order, whoever inserts: two that meet the same rows must not wait for each other.
  const { rows } = await sql.query<{ id: string }>(
    `insert into postern.report_fetches as f (id, endpoint_id, parent, report, account, origin, actor)
     select o.id, $3, $4, o.report, nullif(o.account, ''), $5, $6
     from unnest($1::uuid[], $2::text[], $8::text[]) as o (id, report, account)
     where $7 or not exists (
       select from postern.report_fetches d where d.endpoint_id = $3 and d.report = o.report
         and (d.status = 'done' or (d.status = 'failed' and d.finished_at > now() - make_interval(hours => ${FAILED_AGAIN_H}))))
     order by o.report
     on conflict (endpoint_id, report) where report is not null and status in ('queued', 'running') do update
     set again = f.again or (f.status = 'running' and excluded.origin = 'webhook'),
       account = coalesce(excluded.account, f.account),
       due_at = case when $7 and f.status = 'queued' and f.attempts = 0 then least(f.due_at, now()) else f.due_at end
     returning f.id`,
    [
      uuidTextArray(orders.map(({ id }) => id)),
      textArray(orders.map(({ report }) => report)),
      endpointId,
      parent,
      origin,
      actor,
      again,
      textArray(orders.map(({ account }) => account ?? '')),
    ],
  );
  return rows.map(({ id }) => id);
}

/** Reports of the order `$n` that had orders before it, which it waits for as for its own. */
const alsoOf = (n: number): string =>
  `any (array(select unnest(o.also) from postern.report_fetches o where o.id = $${n}::uuid))`;

/** The one that is due the longest, or `id` or one of its reports; leased for `leaseS`. */
export async function takeDue(sql: Sql, leaseS: number, id: string | null): Promise<TakenFetch | null> {
  const { rows } = await sql.query<{
    id: string;
    endpoint_id: number;
    report: string | null;
    account: string | null;
    from_at: Date | null;
    to_at: Date | null;
    origin: FetchOrigin;
    actor: string;
    attempts: number;
  }>(
    `update postern.report_fetches f
     set status = 'running', again = false, attempts = attempts + 1, due_at = now() + make_interval(secs => $1)
     where f.id = (
       select d.id from postern.report_fetches d
       where d.status in ('queued', 'running') and d.due_at <= now()
         and ($2::uuid is null or d.id = $2 or d.parent = $2 or d.id = ${alsoOf(2)})
       order by d.due_at, d.id limit 1 for update skip locked)
     returning f.id, f.endpoint_id, f.report, f.account, f.from_at, f.to_at, f.origin, f.actor, f.attempts`,
    [leaseS, id],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return {
    id: row.id,
    endpointId: row.endpoint_id,
    report: row.report,
    account: row.account,
    from: row.from_at?.getTime() ?? 0,
    to: row.to_at?.getTime() ?? 0,
    origin: row.origin,
    actor: row.actor,
    attempts: row.attempts,
  };
}

export type FetchEnd = {
  readonly status: 'done' | 'failed';
  readonly detail: string | null;
  readonly settlementId?: string | null;
  readonly found?: number;
  /** Orders of its reports that were made before it. */
  readonly also?: readonly string[];
};

/**
 * Only while it is still ours: a lease that ran out is another's. A report that was announced meanwhile is ordered once more, as
 * `onceMore`; so is one that was fetched before it was whole, for when it is (`at`, unix ms).
 */
export async function endFetch(
  sql: Sql,
  { id, attempts }: Pick<TakenFetch, 'id' | 'attempts'>,
  end: FetchEnd & { readonly onceMore: { readonly id: string; readonly at: number | null } },
): Promise<void> {
  await sql.query(
    `with ended as (
       update postern.report_fetches
       set status = $3, detail = $4, settlement_id = $5, found = $6, also = $9::uuid[], finished_at = now()
       where id = $1 and attempts = $2 and status = 'running'
       returning endpoint_id, report, account, origin, actor, again)
     insert into postern.report_fetches (id, endpoint_id, report, account, origin, actor, due_at)
     select $7::uuid, endpoint_id, report, account, case when again then 'webhook' else origin end, case when again then 'webhook' else actor end,
       case when again then now() else $8::timestamptz end
     from ended where again or $8 is not null`,
    [
      ...[id, attempts, end.status, end.detail, end.settlementId ?? null, end.found ?? null],
      ...[end.onceMore.id, end.onceMore.at === null ? null : new Date(end.onceMore.at)],
      uuidTextArray(end.also ?? []),
    ],
  );
}

export async function postponeFetch(
  sql: Sql,
  { id, attempts }: Pick<TakenFetch, 'id' | 'attempts'>,
  at: number,
  detail: string,
): Promise<void> {
  await sql.query(
    `update postern.report_fetches set status = 'queued', due_at = $3, detail = $4
     where id = $1 and attempts = $2 and status = 'running'`,
    [id, attempts, new Date(at), detail],
  );
}

export type FetchRow = {
  readonly id: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly report: string | null;
  readonly from_at: Date | null;
  readonly to_at: Date | null;
  readonly origin: FetchOrigin;
  readonly status: 'queued' | 'running' | 'done' | 'failed';
  readonly found: number | null;
  readonly settlement_id: string | null;
  readonly detail: string | null;
  readonly actor: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
};

const COLUMNS = `f.id, e.provider, e.name as endpoint, f.report, f.from_at, f.to_at, f.origin, f.status, f.found, f.settlement_id,
  f.detail, f.actor, f.created_at, f.finished_at`;
const REPORTS_MAX = 10_000;

/** The order, and after it the reports that it became or waits for. */
export async function selectFetch(sql: Sql, id: string): Promise<readonly FetchRow[]> {
  const { rows } = await sql.query<FetchRow>(
    `select ${COLUMNS} from postern.report_fetches f join postern.endpoints e on e.id = f.endpoint_id
     where f.id = $1 or f.parent = $1 or f.id = ${alsoOf(1)} order by (f.id = $1) desc, f.id limit ${REPORTS_MAX}`,
    [id],
  );
  return rows;
}

const KEPT_DAYS = 90;

/** Before every id of an order that is not too old. */
const TOO_OLD = `(lpad(to_hex((extract(epoch from now() - make_interval(days => ${KEPT_DAYS})) * 1000)::bigint), 12, '0')
  || repeat('0', 20))::uuid`;

/**
 * Removes orders that ended long ago, at most `limit`; returns how many. One that became orders a report goes after the last of
 * those, which would go with it.
 */
export async function forgetFetches(tx: Tx, limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    `delete from postern.report_fetches where id in (
       select f.id from postern.report_fetches f
       where f.id < ${TOO_OLD} and f.status in ('done', 'failed') and f.finished_at < now() - make_interval(days => ${KEPT_DAYS})
         and not exists (select from postern.report_fetches c where c.parent = f.id)
       order by f.id limit $1)`,
    [limit],
  );
  return rowCount;
}
