import {
  byteaArray,
  int4Array,
  textArray,
  timestamptzArray,
  uuidArray,
  uuidTextArray,
} from '../../postgres/binary-arrays.ts';
import type { Tx } from '../../postgres/sql.ts';

/** A refused request as it is kept. */
export type QuarantineRow = {
  /** UUIDv7 bytes; its millisecond is `receivedAt`. */
  readonly id: Buffer;
  /** Unix ms. */
  readonly receivedAt: number;
  readonly reason: string;
  readonly detail: string;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly sourceIp: string;
  /** JSON. */
  readonly headers: string;
  readonly body: Buffer;
};

export type QuarantineCaps = { readonly rows: number; readonly bytes: number };

/** Of each endpoint. */
export const QUARANTINE_CAPS: QuarantineCaps = { rows: 10_000, bytes: 200 * 1024 * 1024 };
export const QUARANTINE_DAYS = 7;

const HOUR_MS = 3_600_000;
/** Each halves the largest kind: an endpoint that is over by one batch needs one or two. */
const THINNINGS_MAX = 64;
const KEPT_EVERY_MAX = 1 << 20;

/**
 * Whoever adds or takes rows of an endpoint follows the one before (the lock ends with the transaction): two would each see
 * room for one more, and each hold rows that the other waits for.
 */
export async function lockEndpointQuarantine(tx: Tx, endpointId: number): Promise<void> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('postern.quarantine', $1))`, [endpointId]);
}

/** The end of a statement whose `gone` are rows deleted: their kinds hold as many less. */
const TAKE_FROM_KINDS = `, sums as (
  select endpoint_id, reason, date_trunc('hour', received_at) as hour, count(*) as n, sum(bytes) as bytes from gone group by 1, 2, 3
)
update postern.quarantine_kinds k set held = k.held - s.n, bytes = k.bytes - s.bytes from sums s
where k.endpoint_id = s.endpoint_id and k.reason = s.reason and k.hour = s.hour`;
const GONE = 'endpoint_id, reason, received_at, bytes';

/** Writes refused requests of one endpoint, and makes room where it is over its caps. Returns how many were kept. */
export async function keepRefused(
  tx: Tx,
  endpointId: number,
  rows: readonly QuarantineRow[],
  caps: QuarantineCaps = QUARANTINE_CAPS,
): Promise<number> {
  await lockEndpointQuarantine(tx, endpointId);
  const kept = await selectDenseEnough(tx, endpointId, rows);
  await tx.query(
    {
      name: 'quarantine-keep',
      text: `
with kept as (
  insert into postern.quarantine (endpoint_id, id, received_at, reason, detail, method, origin, path, source_ip, headers, body, bytes)
  select $1, q.*, octet_length(q.headers) + octet_length(q.body)
  from unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::bytea[]) as q (id, received_at, reason, detail, method, origin, path, source_ip, headers, body)
  returning reason, date_trunc('hour', received_at) as hour, bytes
), sums as (
  select reason, hour, count(*) as n, sum(bytes) as bytes from kept group by 1, 2
)
update postern.quarantine_kinds k set held = k.held + s.n, bytes = k.bytes + s.bytes from sums s
where k.endpoint_id = $1 and k.reason = s.reason and k.hour = s.hour`,
    },
    [
      endpointId,
      uuidArray(kept.map((row) => row.id)),
      timestamptzArray(kept.map((row) => row.receivedAt)),
      textArray(kept.map((row) => row.reason)),
      textArray(kept.map((row) => row.detail)),
      textArray(kept.map((row) => row.method)),
      textArray(kept.map((row) => row.origin)),
      textArray(kept.map((row) => row.path)),
      textArray(kept.map((row) => row.sourceIp)),
      textArray(kept.map((row) => row.headers)),
      byteaArray(kept.map((row) => row.body)),
    ],
  );
  for (let n = 0; n < THINNINGS_MAX; n += 1) {
    const largest = await selectLargestKind(tx, endpointId, caps);
    if (largest === undefined) break;
    await thinKind(tx, endpointId, largest);
  }
  return kept.length;
}

/** Of a kind that had to make room before, only every n-th is kept from then on. */
async function selectDenseEnough(
  tx: Tx,
  endpointId: number,
  rows: readonly QuarantineRow[],
): Promise<readonly QuarantineRow[]> {
  const byKind = Map.groupBy(rows, ({ reason, receivedAt }) => `${hourOf(receivedAt)} ${reason}`);
  const kinds = [...byKind.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : [{ reason: first.reason, hour: hourOf(first.receivedAt), members }];
  });
  const { rows: found } = await tx.query<{ reason: string; hour: Date; seen: bigint; kept_every: number }>(
    {
      name: 'quarantine-count-kinds',
      text: `
insert into postern.quarantine_kinds as k (endpoint_id, reason, hour, seen)
select $1, * from unnest($2::text[], $3::timestamptz[], $4::int4[])
on conflict (endpoint_id, reason, hour) do update set seen = k.seen + excluded.seen
returning reason, hour, seen, kept_every`,
    },
    [
      endpointId,
      textArray(kinds.map(({ reason }) => reason)),
      timestamptzArray(kinds.map(({ hour }) => hour)),
      int4Array(kinds.map(({ members }) => members.length)),
    ],
  );
  return kinds.flatMap(({ reason, hour, members }) => {
    const kind = found.find((one) => one.reason === reason && one.hour.getTime() === hour);
    if (kind === undefined) return members;
    const before = Number(kind.seen) - members.length;
    return members.filter((_, n) => (before + n + 1) % kind.kept_every === 0);
  });
}

type Kind = { readonly reason: string; readonly hour: Date };

/** Where the endpoint is over a cap: of the reason that takes most, the hour that takes most. */
async function selectLargestKind(tx: Tx, endpointId: number, caps: QuarantineCaps): Promise<Kind | undefined> {
  const { rows } = await tx.query<Kind>(
    {
      name: 'quarantine-largest-kind',
      text: `
with totals as (
  select sum(held) > $2::int8 as too_many, sum(bytes) > $3::int8 as too_large from postern.quarantine_kinds where endpoint_id = $1
), weighed as (
  select k.reason, k.hour, case when t.too_many then k.held else k.bytes end as weight
  from postern.quarantine_kinds k cross join totals t
  where k.endpoint_id = $1 and (t.too_many or t.too_large) and k.held > 1
)
select reason, hour from weighed order by sum(weight) over (partition by reason) desc, weight desc, hour limit 1`,
    },
    [endpointId, caps.rows, caps.bytes],
  );
  return rows[0];
}

/** Every other one goes, so that what is left tells of the whole hour. */
async function thinKind(tx: Tx, endpointId: number, { reason, hour }: Kind): Promise<void> {
  await tx.query(
    `with numbered as (
       select id, row_number() over (order by id) as n from postern.quarantine
       where endpoint_id = $1 and reason = $2 and received_at >= $3 and received_at < $3::timestamptz + interval '1 hour'
     ), gone as (
       delete from postern.quarantine q using numbered n where q.id = n.id and n.n % 2 = 1
       returning q.endpoint_id, q.reason, q.received_at, q.bytes
     )${TAKE_FROM_KINDS}`,
    [endpointId, reason, hour],
  );
  await tx.query(
    `update postern.quarantine_kinds set kept_every = least(kept_every * 2, ${KEPT_EVERY_MAX})
     where endpoint_id = $1 and reason = $2 and hour = $3`,
    [endpointId, reason, hour],
  );
}

/** Before every id of a request that is not too old. */
const TOO_OLD = `(lpad(to_hex((extract(epoch from now() - make_interval(days => ${QUARANTINE_DAYS})) * 1000)::bigint), 12, '0')
  || repeat('0', 20))::uuid`;

/** What is older than the limit goes, a bounded number a turn. Returns how many went. */
export async function forgetQuarantined(tx: Tx, limit: number): Promise<number> {
  const { rows } = await tx.query<{ endpoint_id: number; n: number }>(
    `select endpoint_id, count(*)::int4 as n
     from (select endpoint_id from postern.quarantine where id < ${TOO_OLD} order by id limit $1) q group by 1 order by 1`,
    [limit],
  );
  for (const { endpoint_id: endpointId, n } of rows) {
    await lockEndpointQuarantine(tx, endpointId);
    await tx.query(
      `with gone as (
         delete from postern.quarantine where id in (
           select id from postern.quarantine where endpoint_id = $1 and id < ${TOO_OLD} order by id limit $2)
         returning ${GONE}
       )${TAKE_FROM_KINDS}`,
      [endpointId, n],
    );
  }
  await tx.query(
    `delete from postern.quarantine_kinds
     where held = 0 and hour < now() - make_interval(days => ${QUARANTINE_DAYS}, hours => 1)`,
  );
  return rows.reduce((sum, { n }) => sum + n, 0);
}

/** They leave for the intake. The caller holds the endpoint's lock. */
export async function deleteQuarantined(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.query(
    `with gone as (delete from postern.quarantine where id = any($1::uuid[]) returning ${GONE})${TAKE_FROM_KINDS}`,
    [uuidTextArray(ids)],
  );
}

function hourOf(ms: number): number {
  return Math.floor(ms / HOUR_MS) * HOUR_MS;
}
