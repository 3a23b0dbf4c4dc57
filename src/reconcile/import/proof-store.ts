import type { Sql } from '../../postgres/sql.ts';
import type { ReportFault } from '../../providers/settlement-format.ts';
import { HASHED } from '../../settlement-line.ts';
import { STAGED_COLUMNS } from './staged-row.ts';
import type { Staging } from './staging-store.ts';

/** What the lines of one batch and currency come to. */
export type BatchTotals = {
  readonly batch: string;
  readonly currency: string;
  readonly lines: number;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
  readonly payout: bigint;
  /** Lines that were rounded to minor units. */
  readonly rounded: number;
  /** Unix ms. */
  readonly first: number;
  readonly last: number;
  readonly zone: string;
};

/** Gross to net run over every line but these. */
const PAID = `kind in ('payout', 'payout_reversal', 'carry_forward')`;

export async function selectTotals(sql: Sql, { table }: Staging): Promise<BatchTotals[]> {
  const { rows } = await sql.query<Record<keyof BatchTotals, string>>(
    `select batch, currency, count(*)::text as lines,
       coalesce(sum(gross) filter (where not ${PAID}), 0)::text as gross, coalesce(sum(fee) filter (where not ${PAID}), 0)::text as fee,
       coalesce(sum(tax) filter (where not ${PAID}), 0)::text as tax, coalesce(sum(net) filter (where not ${PAID}), 0)::text as net,
       coalesce(sum(net) filter (where ${PAID}), 0)::text as payout,
       count(*) filter (where residue <> 0)::text as rounded,
       min(booked_at)::text as first, max(booked_at)::text as last, max(zone) as zone
     from ${table} where action is null group by batch, currency order by batch, currency`,
  );
  return rows.map(({ batch, currency, zone, ...row }) => ({
    batch,
    currency,
    zone,
    lines: Number(row.lines),
    gross: BigInt(row.gross),
    fee: BigInt(row.fee),
    tax: BigInt(row.tax),
    net: BigInt(row.net),
    payout: BigInt(row.payout),
    rounded: Number(row.rounded),
    first: Number(row.first),
    last: Number(row.last),
  }));
}

/** The columns that say what a line is; never its times, texts or keys. */
export const CONTENT =
  'kind, reference, component, currency, gross, fee, tax, net, other_amount, other_currency, carry_from, carry_to';

/**
 * Lines under one identity. Where it is the provider's own they are one line, told again. Where it is a hash they are as many
 * lines as there are rows: the second and later ones are numbered within their batch.
 * @returns those that tell the same line otherwise, the first thousand
 */
export async function settleDoubles(sql: Sql, { table }: Staging): Promise<ReportFault[]> {
  await sql.query(
    `with doubles as materialized (select identity from ${table} group by identity having count(*) > 1),
     numbered as (
       select s.id, s.identity, row_number() over (partition by s.identity order by s.id) as n
       from ${table} s join doubles using (identity)
     )
     update ${table} s set
       identity = case when starts_with(n.identity, '${HASHED}') then n.identity || '~' || n.n else n.identity end,
       action = case when starts_with(n.identity, '${HASHED}') then null else 'again' end
     from numbered n where n.id = s.id and n.n > 1`,
  );
  const { rows } = await sql.query<{ row_no: bigint; identity: string; first_row: bigint }>(
    `select s.row_no, s.identity, f.row_no as first_row from ${table} s join ${table} f on f.identity = s.identity and f.action is null
     where s.action = 'again' and (${prefixed('s', `${CONTENT}, batch`)}) is distinct from (${prefixed('f', `${CONTENT}, batch`)})
     order by s.id limit 1000`,
  );
  return rows.map(({ row_no, identity, first_row }) => ({
    type: 'fault',
    kind: 'contradiction',
    row: Number(row_no),
    field: null,
    value: identity.slice(0, 200),
    reason: `the same line stands in row ${first_row} with other amounts or another meaning`,
  }));
}

const prefixed = (table: string, columns: string): string =>
  columns
    .split(', ')
    .map((column) => `${table}.${column}`)
    .join(', ');

export async function insertStaged(sql: Sql, { table }: Staging, values: readonly unknown[]): Promise<void> {
  await sql.query(
    `insert into ${table} (${STAGED_COLUMNS}) values (${values.map((_, n) => `$${n + 1}`).join(', ')})`,
    values,
  );
}
