import { int4Array, textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import { HASH_CHUNK } from '../import/parts-store.ts';

export type EndedImport = {
  readonly id: string;
  readonly status: string;
  readonly repeated: number;
  /** Null: a bank statement. */
  readonly provider: string | null;
  readonly account: string | null;
  /** Its status at the last look, or `LINES_AGAIN`; null: nobody looked yet. */
  readonly seen: string | null;
  readonly lines: bigint;
};

/** In place of the status at the last look: its lines are observed anew. */
export const LINES_AGAIN = 'lines_again';

const IMPORTS_A_TURN = 200;

/** Reports and statements that ended, or were handed in once more, since they were looked at. */
export async function endedImports(sql: Sql): Promise<EndedImport[]> {
  const { rows } = await sql.query<EndedImport>(
    `select s.id, s.status, s.repeated, s.provider, s.account, o.status as seen, s.lines from postern.settlements s
     left join postern.observed_imports o on o.id = s.id
     where s.status in ('imported', 'amended', 'failed') and (o.id is null or o.status <> s.status or o.repeated <> s.repeated)
     union all
     select b.id, b.status, 0, null, null, o.status, 0 from postern.bank_statements b
     left join postern.observed_imports o on o.id = b.id
     where b.status in ('imported', 'failed') and (o.id is null or o.status <> b.status)
     limit ${IMPORTS_A_TURN}`,
  );
  return rows;
}

export async function noteObserved(tx: Tx, imports: readonly EndedImport[]): Promise<void> {
  await tx.query(
    `insert into postern.observed_imports (id, status, repeated) select * from unnest($1::uuid[], $2::text[], $3::int4[])
     on conflict (id) do update set status = excluded.status, repeated = excluded.repeated`,
    [
      uuidTextArray(imports.map((one) => one.id)),
      textArray(imports.map((one) => one.status)),
      int4Array(imports.map((one) => one.repeated)),
    ],
  );
}

/** Has the lines of an account's reports that were booked since a moment observed anew. */
export async function observeLinesAgain(
  tx: Tx,
  { provider, account, since }: { readonly provider: string; readonly account: string; readonly since: Date },
): Promise<void> {
  await tx.query(
    `update postern.observed_imports o set status = '${LINES_AGAIN}' from postern.settlements s
     where s.id = o.id and s.provider = $1 and s.account = $2 and s.moves_money and s.status in ('imported', 'amended')
       and coalesce((select max(coalesce(b.last_at, 'infinity')) from postern.settlement_batches b where b.settlement_id = s.id), 'infinity') >= $3`,
    [provider, account, since],
  );
}

/** What stands of what was observed of these reports' lines. */
export async function standingOfLines(
  sql: Sql,
  imports: readonly EndedImport[],
): Promise<{ id: string; fingerprint: string; settlement: string }[]> {
  if (imports.length === 0) return [];
  const { rows } = await sql.query<{ id: string; fingerprint: string; settlement: string }>(
    `select d.id, d.fingerprint, d.evidence ->> 'settlement' as settlement
     from (select distinct * from unnest($2::text[], $3::text[])) as b (provider, account)
     join postern.discrepancies d on d.provider = b.provider and d.account = b.account
     where not d.in_proof and d.cleared_at is null and d.evidence ? 'line' and d.evidence ->> 'settlement' = any ($1::text[])`,
    [
      textArray(imports.map(({ id }) => id)),
      textArray(imports.map(({ provider }) => provider ?? '')),
      textArray(imports.map(({ account }) => account ?? '')),
    ],
  );
  return rows;
}

/** New statements may hold what open payouts wait for: these are looked at again. */
export async function stirPayouts(tx: Tx, now: Date): Promise<void> {
  await tx.query(
    `update postern.residue r set look_at = $1 from postern.accounts a
     where a.id = r.account_id and starts_with(a.path, 'asset:bank_in_transit:') and r.amount <> 0 and (r.look_at is null or r.look_at > $1)`,
    [now],
  );
}

export type FileRow = {
  readonly id: string;
  readonly status: string;
  readonly format: string;
  readonly file_name: string | null;
  readonly repeated: number;
  readonly lines: bigint;
  readonly lines_new: bigint;
  readonly supersedes: string | null;
  readonly moves_money: boolean;
  readonly at: Date;
  readonly batches: readonly string[];
  readonly currencies: readonly string[];
};

const FILES_AN_ACCOUNT = 5_000;

/** The reports of an account, the newest first. */
export async function filesOf(sql: Sql, provider: string, account: string): Promise<FileRow[]> {
  const { rows } = await sql.query<FileRow>(
    `select s.id, s.status, s.format, s.file_name, s.repeated, s.lines, s.lines_new, s.supersedes, s.moves_money,
       coalesce(s.finished_at, s.created_at) as at,
       array(select distinct b.batch from postern.settlement_batches b where b.settlement_id = s.id order by 1) as batches,
       array(select distinct b.currency from postern.settlement_batches b where b.settlement_id = s.id order by 1) as currencies
     from postern.settlements s
     where s.provider = $1 and s.account = $2 and s.status in ('imported', 'amended', 'failed')
     order by s.id desc limit ${FILES_AN_ACCOUNT}`,
    [provider, account],
  );
  return rows;
}

export type FileFault = {
  readonly settlement_id: string;
  readonly no: number;
  readonly kind: 'unreadable' | 'contradiction';
  readonly row_no: bigint | null;
  readonly field: string | null;
  readonly reason: string;
  readonly batch: string | null;
  readonly expected: string | null;
  readonly found: string | null;
  /** Null: none is involved, or several. */
  readonly currency: string | null;
  /** found − expected in minor units, where they are amounts. */
  readonly difference: string | null;
};

const FAULTS_MAX = 5_000;

export async function faultsOf(sql: Sql, settlements: readonly string[]): Promise<FileFault[]> {
  if (settlements.length === 0) return [];
  const { rows } = await sql.query<FileFault>(
    `select f.settlement_id, f.no, f.kind, f.row_no, f.field, f.reason, f.batch, f.expected, f.found, f.currency,
       f.difference::text as difference
     from postern.settlement_faults f where f.settlement_id = any ($1::uuid[]) order by f.settlement_id, f.no limit ${FAULTS_MAX}`,
    [uuidTextArray(settlements)],
  );
  return rows;
}

export type WaitingReport = {
  readonly id: string;
  /** What its files have in common. */
  readonly name: string;
  readonly at: Date;
  readonly parts: readonly { readonly part: number; readonly is_last: boolean }[];
};

/** Reports of an account of which some files came, and others did not. */
export async function waitingReports(sql: Sql, provider: string, account: string): Promise<WaitingReport[]> {
  const { rows } = await sql.query<WaitingReport>(
    `select s.id, s.part_key as name, s.created_at as at, coalesce((
         select jsonb_agg(jsonb_build_object('part', p.part, 'is_last', p.is_last) order by p.part)
         from postern.settlement_parts p where p.settlement_id = s.id and p.part > 0 and p.chunk = ${HASH_CHUNK}
       ), '[]') as parts
     from postern.settlements s
     where s.provider = $1 and s.account = $2 and s.status = 'waiting' and s.part_key is not null order by s.id`,
    [provider, account],
  );
  return rows;
}

export type BatchInSeries = {
  readonly batch: string;
  readonly series: string;
  readonly sequence: string;
  readonly booked_at: Date | null;
};

/** The batches of an account that have a place in a series. */
export async function seriesOf(sql: Sql, provider: string, account: string): Promise<BatchInSeries[]> {
  const { rows } = await sql.query<BatchInSeries>(
    `select distinct on (b.series, b.sequence) b.batch, b.series, b.sequence, coalesce(b.last_at, b.first_at) as booked_at
     from postern.settlements s join postern.settlement_batches b on b.settlement_id = s.id
     where s.provider = $1 and s.account = $2 and s.moves_money and s.status in ('imported', 'amended') and b.series is not null
       and b.sequence is not null
     order by b.series, b.sequence, s.id desc`,
    [provider, account],
  );
  return rows;
}

export type ObservedLine = {
  readonly id: string;
  readonly row_no: bigint;
  readonly kind: string;
  readonly batch: string;
  readonly reference: string | null;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly net: bigint;
  readonly other_amount: bigint | null;
  readonly other_currency: string | null;
  readonly fx_rate: string | null;
  readonly payment_method: string | null;
  readonly booked_at: Date;
  /** `2026-03-01`, in the report's own days. */
  readonly booked_on: string;
};

/** The lines of a report that some control is about, after a row, in its order. Fees in rows of their own count for their charge. */
export async function observedLines(
  sql: Sql,
  { settlement, after, withFees, limit }: { settlement: string; after: bigint; withFees: boolean; limit: number },
): Promise<ObservedLine[]> {
  const { rows } = await sql.query<ObservedLine>(
    `select l.id, l.row_no, l.kind, l.batch, l.reference, l.currency, coalesce(w.gross, l.gross) as gross, coalesce(w.fee, l.fee) as fee, l.net,
       l.other_amount, l.other_currency, l.fx_rate, coalesce(l.payment_method, w.payment_method) as payment_method, l.booked_at,
       (l.booked_at at time zone l.zone)::date::text as booked_on
     from postern.settlement_lines l
     left join lateral (
       select sum(o.gross)::int8 as gross, sum(o.fee)::int8 as fee, max(o.payment_method) as payment_method,
         (array_agg(o.id order by o.row_no, o.id) filter (where o.gross = 0 and o.fee <> 0))[1] as first
       from postern.settlement_lines o
       where $3 and l.kind = 'charge' and l.gross = 0 and l.fee <> 0 and o.reference = l.reference and o.provider = l.provider
         and o.account = l.account and o.batch = l.batch and o.currency = l.currency and o.kind = 'charge'
         and o.key_source is not distinct from l.key_source and o.moves_money and o.removed_by is null
       having count(*) > 0
     ) as w on true
     where l.settlement_id = $1 and l.row_no > $2 and l.moves_money and l.removed_by is null
       and (l.kind = 'rounding' and l.net <> 0 or l.other_amount is not null and l.fx_rate is not null
         or $3 and l.kind = 'charge' and (w.first is null and l.fee > 0 or w.first = l.id))
     order by l.row_no, l.id limit $4`,
    [settlement, after, withFees, limit],
  );
  return rows;
}

export type LateRow = {
  readonly account_id: number;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly announced_at: Date;
  readonly settled_at: Date;
  readonly due_at: Date;
};

const LATE_MAX = 5_000;

/**
 * Of what was touched and nets now: what was settled after its window, by its own lines or by those of what it was allocated to. Each
 * line is of the announcement that comes first of those no line before it was of, money that comes in and money that goes out apart:
 * a dispute may be won months after its payment, and may be named by it. `rules` are the accounts with their windows in days and
 * their zones.
 */
export async function settledLate(
  tx: Tx,
  rules: readonly { readonly id: number; readonly days: number; readonly zone: string }[],
  now: Date,
): Promise<LateRow[]> {
  if (rules.length === 0) return [];
  const { rows } = await tx.query<LateRow>(
    `select n.account_id, n.reference, n.component, n.currency, l.announced_at, l.settled_at, l.due_at
     from unnest($1::int4[], $2::int4[], $3::text[]) as u (id, days, zone)
     -- Where its window is open still, nothing of it is late.
     join pg_temp.touched_items n on n.account_id = u.id and n.component <> 'fee' and n.amount = 0 and (n.due_at > $4) is not true
     -- The last line by the first announcement: what is in time by that is in time by its own.
     cross join lateral (
       select m.settled_at, m.is_allocated, ((m.announced_at at time zone u.zone)::date + u.days + 1)::timestamp at time zone u.zone as due_at
       from (
         select min(t.effective_at) filter (where not starts_with(t.kind, 'settlement.') and t.kind not in ('match.allocated', 'write_off', 'reversal')) as announced_at,
           max(t.effective_at) filter (where starts_with(t.kind, 'settlement.')) as settled_at,
           bool_or(t.kind = 'match.allocated') as is_allocated
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.reference = n.reference and p.account_id = n.account_id and coalesce(p.component, '') = n.component
           and p.currency = n.currency
       ) as m offset 0
     ) as m
     cross join lateral (
       -- All of one payment: each of its lines is of one of its announcements.
       with recursive tied (reference, component) as (
         select n.reference, n.component
         union
         select x.reference, x.component from tied i
         cross join lateral (
           select b.credit_reference, b.credit_component from postern.matches b
           where m.is_allocated and b.account_id = n.account_id and b.debit_reference = i.reference
             and b.debit_component = i.component and b.currency = n.currency and b.undone_at is null
           union all
           select b.debit_reference, b.debit_component from postern.matches b
           where m.is_allocated and b.account_id = n.account_id and b.credit_reference = i.reference
             and b.credit_component = i.component and b.currency = n.currency and b.undone_at is null
         ) as x (reference, component)
       ), moved as (
         select i.reference = n.reference and i.component = n.component as is_own, t.effective_at as at, starts_with(t.kind, 'settlement.') as is_line, (p.amount > 0) <> starts_with(t.kind, 'settlement.') as comes_in,
           abs(p.amount) as amount, sum(abs(p.amount)) over (partition by starts_with(t.kind, 'settlement.'), p.amount > 0
             order by t.effective_at, t.id) as upto
         from tied i
         join postern.postings p on p.reference = i.reference and p.account_id = n.account_id and coalesce(p.component, '') = i.component
           and p.currency = n.currency
         join postern.transactions t on t.id = p.transaction_id
         where t.kind not in ('match.allocated', 'write_off') and t.reverses is null
           and (select r.id from postern.transactions r where r.reverses = t.id) is null
       )
       select d.announced_at, s.at as settled_at, d.due_at
       from moved s
       cross join lateral (
         -- What was announced under another name is late under that.
         select a.announced_at, a.is_own, ((a.announced_at at time zone u.zone)::date + u.days + 1)::timestamp at time zone u.zone as due_at
         from (
           select a.at as announced_at, a.is_own from moved a
           where not a.is_line and a.comes_in = s.comes_in and a.upto > s.upto - s.amount order by a.at limit 1
         ) as a
       ) as d
       where s.is_line and d.is_own and s.at >= d.due_at order by s.at desc limit 1
     ) as l
     where m.settled_at >= m.due_at or m.is_allocated and m.due_at is not null limit ${LATE_MAX}`,
    [
      int4Array(rules.map((one) => one.id)),
      int4Array(rules.map((one) => one.days)),
      textArray(rules.map((one) => one.zone)),
      now,
    ],
  );
  return rows;
}

/** Accounts whose items were touched. */
export async function touchedAccounts(tx: Tx): Promise<number[]> {
  const { rows } = await tx.query<{ account_id: number }>('select distinct t.account_id from pg_temp.touched_items t');
  return rows.map((row) => row.account_id);
}

export type ConflictRow = {
  readonly effect_key: string;
  readonly event_id: string;
  readonly told: unknown;
  readonly recorded_at: Date;
  readonly transaction_id: string | null;
};

const CONFLICTS_A_TURN = 500;

/** Announcements that contradict what is posted, recorded since the last look and a little before it. */
export async function newConflicts(sql: Sql): Promise<ConflictRow[]> {
  const { rows } = await sql.query<ConflictRow>(
    `select c.effect_key, c.event_id, c.told, c.recorded_at, t.id as transaction_id
     from postern.reconciling r join postern.effect_conflicts c on c.recorded_at > r.conflicts_seen - interval '10 minutes'
     left join postern.transactions t on t.effect_key = c.effect_key
     where not exists (select from postern.discrepancies d where d.class = 'conflicting_announcement' and d.evidence ->> 'effect_key' = c.effect_key
       and d.evidence ->> 'event' = c.event_id::text)
     order by c.recorded_at, c.effect_key limit ${CONFLICTS_A_TURN}`,
  );
  return rows;
}

export async function noteConflictsSeen(tx: Tx, at: Date): Promise<void> {
  await tx.query('update postern.reconciling set conflicts_seen = greatest(conflicts_seen, $1)', [at]);
}

/** Of an account's observations of files and gaps, those that stand. */
export async function standingObservations(
  sql: Sql,
  provider: string,
  account: string,
  classes: readonly string[],
): Promise<{ id: string; fingerprint: string }[]> {
  const { rows } = await sql.query<{ id: string; fingerprint: string }>(
    `select d.id, d.fingerprint from postern.discrepancies d
     where d.provider = $1 and d.account = $2 and not d.in_proof and d.class = any ($3::text[]) and d.cleared_at is null`,
    [provider, account, textArray(classes)],
  );
  return rows;
}

/** What is observed of lines of an account that a later file took out. */
export async function observationsOfRemovedLines(sql: Sql, provider: string, account: string): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select d.id from postern.discrepancies d join postern.settlement_lines l on l.id = (d.evidence ->> 'line')::uuid
     where d.provider = $1 and d.account = $2 and not d.in_proof and d.cleared_at is null and d.evidence ? 'line'
       and l.removed_by is not null`,
    [provider, account],
  );
  return rows.map(({ id }) => id);
}

/** Accounts in which a file is missing, by an item or by a gap: what is told of them changes with time. */
export async function accountsMissingFiles(sql: Sql): Promise<{ provider: string; account: string }[]> {
  const { rows } = await sql.query<{ provider: string; account: string }>(
    `select distinct d.provider, d.account from postern.discrepancies d
     where d.class = 'missing_file' and d.cleared_at is null and d.status not in ('resolved', 'auto_cleared', 'written_off') limit 1000`,
  );
  return rows;
}

/** When the payouts or hand-overs were of which the file is missing. */
export async function missingFileItems(sql: Sql, provider: string, account: string): Promise<Date[]> {
  const { rows } = await sql.query<{ occurred_at: Date }>(
    `select d.occurred_at from postern.discrepancies d
     where d.provider = $1 and d.account = $2 and d.class = 'missing_file' and d.in_proof and d.cleared_at is null`,
    [provider, account],
  );
  return rows.map((row) => row.occurred_at);
}
