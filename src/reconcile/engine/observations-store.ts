import { ENDED_LIST } from '../../discrepancy-status.ts';
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
  /** As hex; null where it broke off. */
  readonly sha256: string | null;
  readonly fault_count: number;
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
    `select s.id, s.status, s.format, s.file_name, encode(s.sha256, 'hex') as sha256, s.fault_count, s.repeated, s.lines, s.lines_new, s.supersedes, s.moves_money,
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

/** Accounts in which a file is missing, by an item or by a gap: what is told of them changes with time. */
export async function accountsMissingFiles(sql: Sql): Promise<{ provider: string; account: string }[]> {
  const { rows } = await sql.query<{ provider: string; account: string }>(
    `select distinct d.provider, d.account from postern.discrepancies d
     where d.class = 'missing_file' and d.cleared_at is null and d.status not in ${ENDED_LIST} limit 1000`,
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
