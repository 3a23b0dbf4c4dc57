import type { Tx } from '../../postgres/sql.ts';
import { LINE_STATE, OPEN } from '../proof/stated-store.ts';
import { ENDED_AT } from './discrepancy-store.ts';
import { bookColumns, type Scope } from './scope.ts';
import { amount, type Column, count, text, time } from './table.ts';

/** A report that was imported, and the days its batches span in the account's zone. */
export type ReportedSettlement = {
  readonly id: string;
  readonly provider: string;
  readonly account: string;
  readonly format: string;
  readonly movesMoney: boolean;
  readonly mode: string;
  readonly status: string;
  readonly fileName: string | null;
  readonly sha256: string | null;
  readonly bytes: bigint;
  readonly lines: bigint;
  readonly linesNew: bigint;
  readonly faults: number;
  readonly accepted: string | null;
  readonly actor: string;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  readonly from: string | null;
  readonly to: string | null;
};

export async function findSettlement(tx: Tx, id: string, zone: string | null): Promise<ReportedSettlement | null> {
  const { rows } = await tx.query<ReportedSettlement>(
    `select s.id::text as id, s.provider, s.account, s.format, s.moves_money as "movesMoney", s.mode, s.status, s.file_name as "fileName",
       encode(s.sha256, 'hex') as sha256, s.bytes, s.lines, s.lines_new as "linesNew", s.fault_count as faults,
       s.accepted_difference as accepted, s.actor, s.created_at as "createdAt", s.finished_at as "finishedAt",
       (min(b.first_at) at time zone coalesce($2, 'UTC'))::date::text as "from", (max(b.last_at) at time zone coalesce($2, 'UTC'))::date::text as "to"
     from postern.settlements s left join postern.settlement_batches b on b.settlement_id = s.id
     where s.id = $1 group by s.id`,
    [id, zone],
  );
  return rows[0] ?? null;
}

export const FAULT_COLUMNS: readonly Column[] = [
  text('kind'),
  count('line'),
  text('field'),
  text('value'),
  text('reason'),
  text('batch'),
  text('expected'),
  text('found'),
];

export const faults = (id: string) => ({
  text: `select f.kind, f.row_no as line, f.field, f.value, f.reason, f.batch, f.expected, f.found
    from postern.settlement_faults f where f.settlement_id = $1 order by f.no`,
  values: [id],
});

export const BATCH_COLUMNS: readonly Column[] = [
  text('batch'),
  text('currency'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
  amount('payout', { total: true }),
  amount('opening'),
  amount('closing'),
  amount('difference', { total: true }),
  text('closing_is'),
  amount('open_in_ledger', { total: true }),
];

/** Gross to net to payout, the report's own closing, and what of the batch is open in the books. */
export const batches = ({ books }: Scope, id: string) => ({
  text: `select b.batch, b.currency, b.lines, b.gross::text as gross, b.fee::text as fee, b.tax::text as tax, b.net::text as net,
      b.payout::text as payout, b.opening::text as opening, b.closing::text as closing,
      (b.opening + b.net + b.payout - b.closing)::text as difference,
      case when b.is_stated then 'stated' else 'unproven' end as closing_is, coalesce(o.amount, 0)::text as open_in_ledger
    from postern.settlement_batches b
    left join postern.open_items o on o.account_id = any ($2::int4[]) and o.reference = b.batch and o.component = '' and o.currency = b.currency
    where b.settlement_id = $1 order by b.batch, b.currency`,
  values: [id, books.filter(({ role }) => role === 'processor_balance').map((book) => book.id)],
});

export const SETTLEMENT_LINE_COLUMNS: readonly Column[] = [
  count('line'),
  text('kind'),
  text('word'),
  text('batch'),
  text('reference'),
  text('component'),
  text('currency'),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
  text('other_currency'),
  amount('other_amount', { currencyIn: 'other_currency' }),
  text('fx_rate'),
  time('booked_at'),
  text('zone'),
  text('payment_method'),
  text('payment'),
  text('merchant_reference'),
  text('state'),
  text('class'),
  amount('open'),
  text('identity'),
];

/** Every line that this report was the first to bring, and how it stands in the books. */
export function settlementLines({ books }: Scope, id: string) {
  const { ids, providers, accounts } = bookColumns(books);
  return {
    text: `with ${OPEN}, by_reference as materialized (
        select o.reference, o.currency, sum(o.amount) as amount, min(o.class) as class from open o group by 1, 2
      )
      select l.row_no as line, l.kind, l.word, l.batch, l.reference, l.component, l.currency, l.gross, l.fee, l.tax, l.net,
        l.other_currency, l.other_amount, l.fx_rate, l.booked_at, l.zone, l.payment_method, l.key_payment as payment,
        l.key_merchant as merchant_reference,
        case when l.removed_by is not null then 'removed' when not l.moves_money then 'control' else ${LINE_STATE} end as state,
        o.class, o.amount::text as open, l.identity
      from postern.settlement_lines l
      left join references_open r on r.provider = l.provider and r.account = l.account and r.reference = coalesce(l.reference, l.identity)
      left join by_reference o on o.reference = coalesce(l.reference, l.identity) and o.currency = l.currency
      where l.settlement_id = $4 order by l.row_no, l.id`,
    values: [ids, providers, accounts, id],
    hashed: true as const,
  };
}

export const KIND_COLUMNS: readonly Column[] = [
  text('batch'),
  text('kind'),
  text('word'),
  text('currency'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
];

export const settlementKinds = (id: string) => ({
  text: `select l.batch, l.kind, l.word, l.currency, count(*)::int4 as lines, sum(l.gross)::text as gross, sum(l.fee)::text as fee,
      sum(l.tax)::text as tax, sum(l.net)::text as net
    from postern.settlement_lines l where l.settlement_id = $1 and l.removed_by is null
    group by 1, 2, 3, 4 order by 1, 4, 2, 3 nulls first`,
  values: [id],
});

export const LINE_DISCREPANCY_COLUMNS: readonly Column[] = [
  text('class'),
  text('id'),
  text('status'),
  text('item'),
  text('reference'),
  text('component'),
  text('currency'),
  amount('delta', { total: true }),
  time('occurred_at'),
  text('cause'),
];

/** Discrepancies of what the report's lines are about. */
export const settlementDiscrepancies = ({ selection, asOf }: Scope, id: string) => ({
  text: `select d.class, d.id::text as id, d.status, d.item, d.reference, nullif(d.component, '') as component, d.currency,
      d.delta::text as delta, d.occurred_at, d.cause
    from postern.discrepancies d
    where d.provider = $2 and d.account = $3 and d.first_seen_at <= $4 and coalesce(${ENDED_AT} > $4, true)
      and (exists (select from postern.settlement_lines l where l.settlement_id = $1 and l.reference = d.reference)
        or exists (select from postern.settlement_batches b where b.settlement_id = $1 and b.batch = d.reference))
    order by d.class, abs(d.delta) desc, d.id`,
  values: [id, selection.provider, selection.account, asOf],
});

export const SETTLEMENT_CLASS_COLUMNS: readonly Column[] = [
  text('class'),
  text('currency'),
  count('count', { total: true }),
  amount('delta', { total: true }),
];

/** The same by class and currency. */
export const settlementClasses = (scope: Scope, id: string) => {
  const { text: listed, values } = settlementDiscrepancies(scope, id);
  return {
    text: `select d.class, d.currency, count(*)::int4 as count, sum(d.delta::numeric)::text as delta from (${listed}) as d
      group by 1, 2 order by 1, 2`,
    values,
  };
};
