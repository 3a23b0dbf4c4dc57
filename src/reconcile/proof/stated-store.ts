import type { Tx } from '../../postgres/sql.ts';
import type { KnownAccount, Selection } from './books-store.ts';
import { hashJoined } from './hash-joins.ts';
import type { ProofSpan } from './proof-store.ts';

/** What the reports of an account say of a period in a currency, beside the books. */
export type Stated = {
  readonly provider: string;
  readonly account: string;
  readonly currency: string;
  /** Of the first and the last report of the period, where accounts are paid out by hand; null: none states it. */
  readonly opening: bigint | null;
  readonly closing: bigint | null;
  /** The day of the closing, where a control states it: lines of other reports may follow. Null: the report that moves the money does. */
  readonly until: string | null;
};

/** The days that are asked for; reports and statements count by the day they book on, in their own zone. */
export type Days = { readonly from: string; readonly to: string };

/** A report's moments are looked for a day wider than the period: its own zone decides, and is known line by line. */
const AROUND = `interval '1 day'`;

/**
 * Batches as `b` of settlements `s` with the day on which each ends in its own zone, `d.day`. `$1`, `$2`: whose; `$3`, `$4`: the
 * days; `$5` to `$7`: the accounts' zones, where no line says its report's; `$8`: as far as it was known then (null: now).
 */
export const BATCHES_OF_PERIOD = `postern.settlement_batches b join postern.settlements s on s.id = b.settlement_id
  left join lateral (select l.zone from postern.settlement_lines l where l.settlement_id = s.id limit 1) as l on true
  left join unnest($5::text[], $6::text[], $7::text[]) as k (provider, account, zone) on k.provider = s.provider and k.account = s.account
  join lateral (select (b.last_at at time zone coalesce(l.zone, k.zone, 'UTC'))::date as day) as d on d.day between $3 and $4
    and ($1::text is null or s.provider = $1) and ($2::text is null or s.account = $2)
    and b.last_at >= $3::date - ${AROUND} and b.last_at < $4::date + 2 * ${AROUND}
    and ($8::timestamptz is null or s.finished_at <= $8)`;

export type AskedOf = { readonly selection: Selection; readonly known: readonly KnownAccount[] };

/** The values of BATCHES_OF_PERIOD. */
export const batchValues = ({ selection, known }: AskedOf, { from, to, knownAt }: ProofSpan): unknown[] => [
  selection.provider,
  selection.account,
  from,
  to,
  known.map(({ provider }) => provider),
  known.map(({ account }) => account),
  known.map(({ zone }) => zone),
  knownAt,
];

/**
 * The reports' own first opening and last closing in a period, by the days of their own zone. Only what a report states counts, not
 * what follows from its lines.
 */
export async function statedBalances(tx: Tx, asked: AskedOf, span: ProofSpan): Promise<Stated[]> {
  const { rows } = await tx.query<{
    provider: string;
    account: string;
    currency: string;
    opening: string;
    closing: string;
    until: string | null;
  }>(
    `select s.provider, s.account, b.currency,
       (array_agg(b.opening order by b.last_at, s.moves_money desc, s.id desc, b.batch))[1]::text as opening,
       (array_agg(b.closing order by ${LAST}))[1]::text as closing,
       (array_agg(case when not s.moves_money then d.day end order by ${LAST}))[1]::text as until
     from ${BATCHES_OF_PERIOD}
     where b.is_stated and s.mode = 'balance' and (s.status = 'imported' or s.status = 'amended' and exists (
       select from postern.settlements n
       where n.provider = s.provider and n.account = s.account and n.supersedes = s.id and n.finished_at > $8))
     group by 1, 2, 3 order by 1, 2, 3`,
    batchValues(asked, span),
  );
  return rows.map((row) => ({ ...row, opening: BigInt(row.opening), closing: BigInt(row.closing) }));
}

const LAST = 'b.last_at desc, s.moves_money desc, s.id desc, b.batch desc';

/** How a line or an item stands. `not_judged`: it is open, and the engine has not looked at it yet. */
export type State = 'matched' | 'in_transit' | 'discrepancy' | 'informational' | 'not_judged';

/** Lines of the reports that move money, of a period, by kind and by how they stand. */
export type LineSums = {
  readonly provider: string;
  readonly account: string;
  readonly currency: string;
  readonly kind: string;
  readonly state: State;
  readonly count: number;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly net: bigint;
};

/** Of an open item `o` with what the engine made of it, `r`. */
export const ITEM_STATE = `case when r.bucket is null or r.bucket = 'matched' then 'not_judged' else r.bucket end`;

/**
 * The items of these accounts that are not zero, as `open`, and by reference how the worst of them stands. Read from the items
 * themselves: what is derived from them is seconds behind, and nothing says so of an engine that does not run.
 */
export const OPEN = `open as materialized (
  select o.account_id, o.reference, o.component, o.currency, o.amount, ${ITEM_STATE} as state, r.class, r.opened_at, r.due_at
  from postern.open_items o
  left join postern.residue r on r.account_id = o.account_id and r.reference = o.reference
    and r.component = o.component and r.currency = o.currency
  where o.account_id = any ($1::int4[]) and o.amount <> 0
), references_open as materialized (
  select b.provider, b.account, o.reference, max(array_position('{informational,in_transit,not_judged,discrepancy}'::text[], o.state)) as rank
  from open o join unnest($1::int4[], $2::text[], $3::text[]) as b (id, provider, account) on b.id = o.account_id
  group by 1, 2, 3
)`;

/** Of a line with its reference in `references_open`, `r`. */
export const LINE_STATE = `coalesce(('{informational,in_transit,not_judged,discrepancy}'::text[])[r.rank], 'matched')`;

const linesOfPeriod = (standing: string): string => `postern.settlements s
  join postern.settlement_lines l on l.settlement_id = s.id and l.moves_money and ${standing}
    and (l.booked_at at time zone l.zone)::date between $4 and $5
  where s.moves_money and s.status in ('imported', 'amended')
    and ($6::text is null or s.provider = $6) and ($7::text is null or s.account = $7)
    and exists (select from postern.settlement_batches b where b.settlement_id = s.id
      and (b.last_at is null or b.last_at >= $4::date - ${AROUND} and b.first_at < $5::date + 2 * ${AROUND}))`;

/** Lines of reports that have a batch of the period, by the report's own days, as `l`. `$4`, `$5`: the days; `$6`, `$7`: whose. */
export const LINES_OF_PERIOD = linesOfPeriod('l.removed_by is null');

/** The same as far as they were known at `$8` (null: now): without those that came later, and with those that were taken out later. */
const LINES_KNOWN = `${linesOfPeriod(
  '(l.removed_by is null or (select n.finished_at from postern.settlements n where n.id = l.removed_by) > $8)',
)} and ($8::timestamptz is null or s.finished_at <= $8)`;

/** The accounts of the books as columns: `$1` to `$3` of what uses OPEN. */
export type BookColumns = {
  readonly ids: readonly number[];
  readonly providers: readonly string[];
  readonly accounts: readonly string[];
};

/** The lines of the period, each in exactly one row. */
export async function lineSums(tx: Tx, books: BookColumns, selection: Selection, span: ProofSpan): Promise<LineSums[]> {
  type Sums = { count: number; gross: string; fee: string; tax: string; net: string };
  const { rows } = await hashJoined(tx, () =>
    tx.query<Omit<LineSums, keyof Sums> & Sums>(
      `with ${OPEN}
     select l.provider, l.account, l.currency, l.kind, ${LINE_STATE} as state, count(*)::int4 as count,
       sum(l.gross)::text as gross, sum(l.fee)::text as fee, sum(l.tax)::text as tax, sum(l.net)::text as net
     from (select l.* from ${LINES_KNOWN}) as l
     left join references_open r on r.provider = l.provider and r.account = l.account
       and r.reference = coalesce(l.reference, l.identity)
     group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
      [
        ...[books.ids, books.providers, books.accounts, span.from, span.to],
        ...[selection.provider, selection.account, span.knownAt],
      ],
    ),
  );
  return rows.map((row) => ({
    ...row,
    gross: BigInt(row.gross),
    fee: BigInt(row.fee),
    tax: BigInt(row.tax),
    net: BigInt(row.net),
  }));
}

/** What the statements say came from an account, and went back to it. */
export type BankSums = {
  readonly provider: string;
  readonly account: string;
  readonly currency: string;
  readonly credits: bigint;
  readonly returns: bigint;
};

export async function bankSums(
  tx: Tx,
  { provider, account }: Selection,
  { from, to, knownAt }: ProofSpan,
): Promise<BankSums[]> {
  const { rows } = await tx.query<Omit<BankSums, 'credits' | 'returns'> & { credits: string; returns: string }>(
    `select l.provider, l.account, l.currency, coalesce(sum(l.amount) filter (where l.amount > 0), 0)::text as credits,
       coalesce(sum(l.amount) filter (where l.amount < 0), 0)::text as returns
     from postern.bank_lines l
     where l.provider is not null and (l.booked_at at time zone l.zone)::date between $1 and $2
       and ($3::text is null or l.provider = $3) and ($4::text is null or l.account = $4)
       and ($5::timestamptz is null or coalesce(
         (select t.recorded_at from postern.transactions t where t.source_line = l.id order by t.recorded_at limit 1) <= $5, true))
     group by 1, 2, 3 order by 1, 2, 3`,
    [from, to, provider, account, knownAt],
  );
  return rows.map((row) => ({ ...row, credits: BigInt(row.credits), returns: BigInt(row.returns) }));
}
