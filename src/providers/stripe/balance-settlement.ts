import { at, type Json, textAt } from '../../exact-json.ts';
import { contradiction, fieldFault, idAt, type JsonReading, readJsonReport } from '../json-report.ts';
import { hasPeriodHead } from '../report-period.ts';
import type { ReportContext, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { type PaidOut, paidOutOf, payoutKeys, timeAt, transactionLines } from './balance-rows.ts';
import { stripeLines } from './settlement-line.ts';

/**
 * The balance transactions of a payout, as `GET /v1/balance_transactions?payout=po_…&expand[]=data.source` answers, page after
 * page. They do not name their payout: it stands before them, as `{"payout":{…}}` or as it was asked for by itself. Only automatic
 * payouts can be listed so.
 */
export const payoutTransactions: SettlementFormat = {
  name: 'payout_balance_transactions',
  title: 'Balance transactions of a payout (API)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'control' : 'money'),
  mode: 'payout',
  proof: 'The transactions of a payout come to what it paid; the last page says that there are no more.',
  documentation: [
    'https://docs.stripe.com/api/balance_transactions/list',
    'https://docs.stripe.com/payouts/reconciliation',
  ],
  recognises: (head) =>
    !hasPeriodHead(head) && /"object"\s*:\s*"(?:balance_transaction|payout|list)"|"payout"\s*:\s*\{/.test(head),
  read: (source, context) => readJsonReport(source, ['payout', 'data'], reading(context)),
};

type Payout = PaidOut & {
  readonly at: number;
  readonly row: number;
  readonly raw: string;
  readonly transaction: string | undefined;
  /** Its own balance transaction was among them, and was in this currency. */
  paidFrom: string | undefined;
  isCutShort: boolean;
};

function reading(context: ReportContext): JsonReading {
  let payout: Payout | null = null;

  function close(): readonly ReportItem[] {
    const closing = payout;
    payout = null;
    return closing === null ? [] : closingItems(closing, context);
  }

  function open(told: Json, raw: string, row: number): readonly ReportItem[] {
    const closed = close();
    payout = payoutOf(told, raw, row);
    return closed;
  }

  return {
    record(record) {
      if (record.place === 'payout') return open(record.value, record.raw, record.number);
      if (payout === null)
        throw fieldFault('data', undefined, 'stands without its payout: put {"payout":{…}} before the transactions');
      const { id: batch } = payout;
      const lines = transactionLines(record, { batch, zone: context.zone, payout });
      for (const { line } of lines)
        if (line.kind === 'payout' && line.payout === batch) payout.paidFrom = line.currency;
      return lines;
    },
    document({ value, raw, number, places }) {
      if (places.length === 0 && textAt(value, 'object') === 'payout') return open(value, raw, number);
      if (payout !== null && places.includes('data')) payout.isCutShort = at(value, 'has_more') === true;
      return [];
    },
    end: close,
  };
}

function payoutOf(told: Json, raw: string, row: number): Payout {
  return {
    ...paidOutOf(told),
    at: timeAt(told, 'created'),
    row,
    raw,
    transaction: idAt(told, 'balance_transaction') ?? idAt(told, 'balance_transaction', 'id'),
    paidFrom: undefined,
    isCutShort: false,
  };
}

function closingItems(payout: Payout, { zone }: ReportContext): ReportItem[] {
  const { id, amount, row, raw, at: created, transaction } = payout;
  const currency = payout.paidFrom ?? payout.currency;
  const items: ReportItem[] = [];
  if (payout.paidFrom === undefined) {
    const parts = { batch: id, currency, gross: -amount, fee: 0n, net: -amount, at: created, zone, charge: '' };
    const lines = stripeLines({ ...parts, id: transaction ?? id, category: 'payout', source: id });
    items.push(...lines.map((line): ReportLine => ({ type: 'line', row, raw, line, keys: payoutKeys(payout) })));
  }
  if (payout.isCutShort)
    items.push(
      contradiction({
        row,
        field: 'has_more',
        value: 'true',
        reason: 'the last page says that there are more transactions: fetch them all',
        batch: id,
      }),
    );
  items.push({ type: 'batch', batch: id, currency, opening: 0n, closing: 0n, from: created, to: created });
  return items;
}
