import { csvRows } from '../../csv-rows.ts';
import { bindColumns, headRows, isHeaderOf } from '../../header-columns.ts';
import type { EndpointSettings } from '../provider.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { contradiction, headerFaults, unreadable } from '../report-faults.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { type RefundSign, readTransfer, TRANSFER_COLUMNS, type TransferColumns } from './transfer-row.ts';

/**
 * Worldpay's transfer batch report as CSV: the events that make up one payment to the merchant, which is the last of them. The export
 * may begin with its parameters and summaries: the table is found by its columns' names.
 */
export const transferBatch: SettlementFormat = {
  name: 'transfer_batch',
  title: 'Transfer batch report',
  role: () => 'money',
  mode: 'payout',
  proof:
    'The transfer amounts of a batch, with the payment to the merchant, come to nothing. Whether refunds have a sign is an option of the export: report_refunds says which, and a row that does not agree is refused.',
  documentation: [
    'https://support.worldpay.com/support/kb/bg/mainavigation/rs5502.html',
    'https://support.worldpay.com/support/kb/bg/mainavigation/rs5555.html',
  ],
  recognises: (head) => headRows(head, ROWS_BEFORE_MAX).some(isHeader),
  async *read(source, context) {
    const reader = createReader(context);
    for await (const { rows, faults } of csvRows(source)) {
      const items: ReportItem[] = faults.map(({ row, reason }) => unreadable({ row }, reason));
      for (const { row, cells } of rows) reader.take(row, cells, items);
      if (items.length > 0) yield items;
      if (reader.isOver()) return;
    }
    const rest = reader.end();
    if (rest.length > 0) yield rest;
  },
};

const ROWS_BEFORE_MAX = 200;
const BATCHES_MAX = 100_000;

const isHeader = (cells: readonly string[]): boolean => isHeaderOf(cells, TRANSFER_COLUMNS);

export function refundSign(settings: EndpointSettings): RefundSign {
  return settings.report_refunds === 'positive' ? 'positive' : 'negative';
}

type Sum = { row: number; net: bigint; isPaid: boolean; readonly batch: string; readonly currency: string; at: number };

function createReader({ zone, settings }: ReportContext) {
  const clock = createReportClock(zone);
  const refunds = refundSign(settings);
  const sums = new Map<string, Sum>();
  let columns: { readonly at: TransferColumns; readonly kept: ReadonlySet<number>; readonly width: number } | null =
    null;
  let before = 0;
  let isRefused = false;

  function takeHeader(row: number, cells: readonly string[], items: ReportItem[]): void {
    before += 1;
    const bound = bindColumns(cells, TRANSFER_COLUMNS);
    if (bound.kind === 'bound') {
      const places: readonly number[] = Object.values(bound.at);
      columns = { at: bound.at, kept: new Set(places.filter((n) => n >= 0)), width: cells.length };
    } else if (bound.kind === 'repeated') {
      items.push(...headerFaults(row, bound));
      isRefused = true;
    } else if (before === ROWS_BEFORE_MAX) items.push(unreadable({ row }, NO_TABLE));
  }

  return {
    isOver: () => isRefused || (columns === null && before >= ROWS_BEFORE_MAX),
    take(row: number, cells: readonly string[], items: ReportItem[]): void {
      if (isRefused || cells.every((cell) => cell.trim() === '')) return;
      if (columns === null) {
        takeHeader(row, cells, items);
        return;
      }
      if (cells.length < columns.width) {
        const reason = `has ${cells.length} cells where the header has ${columns.width}: the file may be cut off`;
        items.push(unreadable({ row }, reason));
        return;
      }
      const raw = rawOf(cells, columns.kept);
      const read = readTransfer(row, cells, columns.at, { clock, raw, refunds });
      if ('type' in read) {
        items.push(read);
        return;
      }
      for (const item of read) {
        const { batch, currency, net, kind, at } = item.line;
        const key = `${batch}\n${currency}`;
        const sum = sums.get(key) ?? { row, net: 0n, isPaid: false, batch, currency, at };
        if (!sums.has(key) && sums.size < BATCHES_MAX) sums.set(key, sum);
        sum.row = row;
        sum.net += net;
        sum.at = Math.max(sum.at, at);
        sum.isPaid ||= kind === 'payout';
        items.push(item);
      }
    },
    end(): readonly ReportItem[] {
      if (columns === null && before < ROWS_BEFORE_MAX) return [unreadable({ row: null }, NO_TABLE)];
      return [...sums.values()].flatMap(({ row, net, isPaid, batch, currency, at }): ReportItem[] => [
        ...(net === 0n
          ? []
          : [
              contradiction(
                { row, field: 'Transfer Amount', batch, currency, expected: 0n, found: net },
                isPaid ? NOT_PAID : NO_PAYOUT,
              ),
            ]),
        { type: 'batch', batch, currency, opening: 0n, closing: 0n, to: at },
      ]);
    },
  };
}

const NO_TABLE =
  'The file has no table with Batch ID, Order Code, Event Type, Event Date, Transfer Currency and Transfer Amount: add them to the report';
const NOT_PAID = 'The events of the batch do not come to what was paid to the merchant';
const NO_PAYOUT = 'The batch has no payment to the merchant: it is cut off, or has not been paid yet';
