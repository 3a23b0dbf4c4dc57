import type { Sql, Tx } from '../../postgres/sql.ts';
import type { ReportFault } from '../../providers/settlement-format.ts';
import { faultCurrency } from './fault-currency.ts';

export type SettlementStatus = 'waiting' | 'importing' | 'imported' | 'failed' | 'amended';

export type SettlementRow = {
  readonly id: string;
  readonly provider: string;
  readonly account: string;
  readonly endpoint: string;
  readonly format: string;
  readonly moves_money: boolean;
  readonly mode: 'payout' | 'batch' | 'balance';
  readonly status: SettlementStatus;
  readonly file_name: string | null;
  readonly sha256: Buffer | null;
  readonly bytes: bigint;
  readonly bytes_read: bigint;
  readonly lines: bigint;
  readonly lines_new: bigint;
  readonly fault_count: number;
  readonly accepted_difference: string | null;
  readonly supersedes: string | null;
  readonly actor: string;
  readonly note: string | null;
  readonly repeated: number;
  readonly created_at: Date;
  readonly finished_at: Date | null;
};

const COLUMNS = `s.id, s.provider, s.account, e.name as endpoint, s.format, s.moves_money, s.mode, s.status, s.file_name, s.sha256,
  s.bytes, s.bytes_read, s.lines, s.lines_new, s.fault_count, s.accepted_difference, s.supersedes, s.actor, s.note, s.repeated,
  s.created_at, s.finished_at`;
const FROM = 'postern.settlements s join postern.endpoints e on e.id = s.endpoint_id';

export type SettlementBegin = Pick<SettlementRow, 'id' | 'provider' | 'account' | 'format' | 'mode' | 'actor'> & {
  readonly endpointId: number;
  readonly movesMoney: boolean;
  readonly fileName: string | null;
  readonly bytes: number;
};

/** Begins an import; one that waited for its parts goes on under its id. */
export async function insertSettlement(sql: Sql, s: SettlementBegin): Promise<void> {
  await sql.query(
    `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, file_name, bytes, actor)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (id) do update set status = 'importing' where settlements.status = 'waiting'`,
    [s.id, s.provider, s.account, s.endpointId, s.format, s.movesMoney, s.mode, s.fileName, s.bytes, s.actor],
  );
}

export async function noteProgress(sql: Sql, id: string, { bytes, lines }: { bytes: number; lines: number }) {
  await sql.query("update postern.settlements set bytes_read = $2, lines = $3 where id = $1 and status = 'importing'", [
    id,
    bytes,
    lines,
  ]);
}

export async function deleteSettlement(sql: Sql, id: string): Promise<void> {
  await sql.query("delete from postern.settlements where id = $1 and status in ('importing', 'waiting')", [id]);
}

/** One that is done with the same bytes, whatever the file was called. */
export async function findByBytes(
  sql: Sql,
  { provider, account, sha256 }: { provider: string; account: string; sha256: Buffer },
): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>(
    `select id from postern.settlements where provider = $1 and account = $2 and sha256 = $3 and status in ('imported', 'amended')`,
    [provider, account, sha256],
  );
  return rows[0]?.id ?? null;
}

export async function noteRepeated(sql: Sql, id: string): Promise<void> {
  await sql.query('update postern.settlements set repeated = repeated + 1 where id = $1', [id]);
}

export type SettlementEnd = {
  readonly id: string;
  readonly status: 'imported' | 'failed';
  readonly sha256: Buffer | null;
  readonly bytes: number;
  readonly lines: number;
  readonly linesNew: number;
  readonly faultCount: number;
  readonly acceptedDifference: string | null;
  readonly supersedes: string | null;
  readonly note: string | null;
};

/** False where it is not importing any more: somebody took its process for dead. */
export async function endSettlement(sql: Sql, s: SettlementEnd): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update postern.settlements set status = $2, sha256 = $3, bytes = $4, bytes_read = $4, lines = $5, lines_new = $6,
       fault_count = $7, accepted_difference = $8, supersedes = $9, note = $10, finished_at = now()
     where id = $1 and status = 'importing'`,
    [s.id, s.status, s.sha256, s.bytes, s.lines, s.linesNew, s.faultCount, s.acceptedDifference, s.supersedes, s.note],
  );
  return rowCount === 1;
}

/** `batches`: of the file. A fault that tells no currency has that of its batch, or of the file, where that is but one. */
export async function insertFaults(
  sql: Sql,
  id: string,
  faults: readonly ReportFault[],
  batches: readonly { readonly batch: string; readonly currency: string }[],
): Promise<void> {
  const text = (value: string | null | undefined): string | null =>
    value?.toWellFormed().replaceAll('\u0000', '\ufffd') ?? null;
  await sql.query(
    `insert into postern.settlement_faults (settlement_id, no, kind, row_no, field, value, reason, batch, expected, found, currency,
       difference)
     select $1, f.no, f.kind, f.row_no, f.field, f.value, f.reason, f.batch, f.expected, f.found, f.currency, f.difference
     from unnest($2::text[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
       $11::numeric[]) with ordinality as f (kind, row_no, field, value, reason, batch, expected, found, currency, difference, no)`,
    [
      id,
      faults.map((f) => f.kind),
      faults.map((f) => f.row),
      faults.map((f) => text(f.field)),
      faults.map((f) => text(f.value)),
      faults.map((f) => text(f.reason)),
      faults.map((f) => text(f.batch)),
      faults.map((f) => text(f.expected)),
      faults.map((f) => text(f.found)),
      faults.map((f) => faultCurrency(f, batches)),
      faults.map((f) => f.difference?.amount.toString() ?? null),
    ],
  );
}

export type FaultRow = {
  readonly kind: ReportFault['kind'];
  readonly row_no: bigint | null;
  readonly field: string | null;
  readonly value: string | null;
  readonly reason: string;
  readonly batch: string | null;
  readonly expected: string | null;
  readonly found: string | null;
  readonly currency: string | null;
  readonly difference: string | null;
};

export async function selectFaults(sql: Sql, id: string): Promise<FaultRow[]> {
  const { rows } = await sql.query<FaultRow>(
    `select kind, row_no, field, value, reason, batch, expected, found, currency, difference::text as difference
     from postern.settlement_faults
     where settlement_id = $1 order by no`,
    [id],
  );
  return rows;
}

export async function findSettlement(sql: Sql, id: string): Promise<SettlementRow | null> {
  const { rows } = await sql.query<SettlementRow>(`select ${COLUMNS} from ${FROM} where s.id = $1`, [id]);
  return rows[0] ?? null;
}

export type SettlementFilter = {
  readonly provider?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly status?: string | undefined;
  readonly format?: string | undefined;
  readonly batch?: string | undefined;
};

/** Newest first; `before` is the last of the page before. */
export async function selectSettlements(
  sql: Sql,
  filter: SettlementFilter,
  page: { readonly before: string | null; readonly limit: number },
): Promise<SettlementRow[]> {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined || value === null) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(filter.provider, (p) => `s.provider = ${p}`);
  add(filter.endpoint, (p) => `e.name = ${p}`);
  add(filter.status, (p) => `s.status = ${p}`);
  add(filter.format, (p) => `s.format = ${p}`);
  add(
    filter.batch,
    (p) => `exists (select from postern.settlement_batches b where b.settlement_id = s.id and b.batch = ${p})`,
  );
  add(page.before, (p) => `s.id < ${p}::uuid`);
  values.push(page.limit);
  const { rows } = await sql.query<SettlementRow>(
    `select ${COLUMNS} from ${FROM} where ${['true', ...conditions].join(' and ')} order by s.id desc limit $${values.length}`,
    values,
  );
  return rows;
}

export type BatchRow = {
  readonly batch: string;
  readonly currency: string;
  readonly lines: bigint;
  readonly gross: string;
  readonly fee: string;
  readonly tax: string;
  readonly net: string;
  readonly payout: string;
  readonly opening: string;
  readonly closing: string;
  readonly is_stated: boolean;
  readonly series: string | null;
  readonly sequence: string | null;
  readonly first_at: Date | null;
  readonly last_at: Date | null;
};

/** At most so many are shown with their settlement: one of Stripe's has a payout a day. */
const BATCHES_SHOWN_MAX = 1_000;

/** The first of a report's batches, and how many it has. */
export type ShownBatches = { readonly batches: readonly BatchRow[]; readonly count: number };

export async function selectBatches(sql: Sql, id: string): Promise<ShownBatches> {
  const { rows } = await sql.query<BatchRow & { readonly count: number }>(
    `select batch, currency, lines, gross::text, fee::text, tax::text, net::text, payout::text, opening::text, closing::text,
       is_stated, series, sequence, first_at, last_at, (count(*) over ())::int4 as count
     from postern.settlement_batches where settlement_id = $1 order by batch, currency limit ${BATCHES_SHOWN_MAX}`,
    [id],
  );
  return { batches: rows, count: rows[0]?.count ?? 0 };
}

export type KeptLineRow = {
  readonly id: string;
  readonly row_no: bigint;
  readonly identity: string;
  readonly version: number;
  readonly kind: string;
  readonly word: string | null;
  readonly batch: string;
  readonly reference: string | null;
  readonly component: string | null;
  readonly currency: string;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
  readonly other_amount: bigint | null;
  readonly other_currency: string | null;
  readonly booked_at: Date;
  readonly occurred_at: Date | null;
  readonly available_at: Date | null;
  readonly zone: string;
  readonly key_source: string | null;
  readonly key_payment: string | null;
  readonly key_merchant: string | null;
  readonly key_bank: string | null;
  readonly fx_rate: string | null;
  readonly residue: string | null;
  readonly payment_method: string | null;
  readonly raw: string;
  readonly removed_by: string | null;
};

/** The lines this file was the first to bring, in its order; `after` is the place of the last one before. */
export async function selectLines(
  sql: Sql,
  id: string,
  page: { readonly after: { readonly row: bigint; readonly id: string } | null; readonly limit: number },
): Promise<KeptLineRow[]> {
  const { rows } = await sql.query<KeptLineRow>(
    `select id, row_no, identity, version, kind, word, batch, reference, component, currency, gross, fee, tax, net, other_amount,
       other_currency, booked_at, occurred_at, available_at, zone, key_source, key_payment, key_merchant, key_bank, fx_rate,
       residue::text, payment_method, raw, removed_by
     from postern.settlement_lines
     where settlement_id = $1 and ($2::int8 is null or (row_no, id) > ($2::int8, $3::uuid)) order by row_no, id limit $4`,
    [id, page.after?.row ?? null, page.after?.id ?? null, page.limit],
  );
  return rows;
}

const IMPORT_LOCK = `hashtextextended('postern.settlement.' || $1, 0)`;

/** Held by the session of whoever imports it: free under an import that has no end, its process died. */
export async function holdImport(session: Sql, id: string): Promise<boolean> {
  const { rows } = await session.query<{ held: boolean }>(`select pg_try_advisory_lock(${IMPORT_LOCK}) as held`, [id]);
  return rows[0]?.held === true;
}

/** One import of a processor account at a time becomes final: two files with the same batch would else both be its first. */
export async function lockAccount(tx: Tx, books: { provider: string; account: string }): Promise<void> {
  await tx.query(
    `select pg_advisory_xact_lock(hashtextextended('postern.settlements.' || $1::text || ':' || $2::text, 0))`,
    [books.provider, books.account],
  );
}

/** Imports whose process died: taken for failed, with what they left behind. */
export async function failAbandoned(tx: Tx, note: string, limit: number): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `update postern.settlements s set status = 'failed', note = $1, finished_at = now()
     from (
       select c.id from postern.settlements c where c.status = 'importing'
         and pg_try_advisory_xact_lock(hashtextextended('postern.settlement.' || c.id, 0))
       limit $2
     ) as dead
     where s.id = dead.id and s.status = 'importing' returning s.id`,
    [note, limit],
  );
  return rows.map(({ id }) => id);
}

/** Stagings of which no import knows any more. */
export async function strayStagings(sql: Sql, limit: number): Promise<string[]> {
  const { rows } = await sql.query<{ settlement: string }>(
    `select substr(c.relname, 8)::uuid::text as settlement from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'postern'
     where c.relkind = 'r' and c.relname ~ '^staged_[0-9a-f]{32}$'
       and not exists (select from postern.settlements s where s.id = substr(c.relname, 8)::uuid and s.status = 'importing')
     limit $1`,
    [limit],
  );
  return rows.map(({ settlement }) => settlement);
}
