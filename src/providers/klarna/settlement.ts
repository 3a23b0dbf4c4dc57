import { csvRows } from '../../csv-rows.ts';
import { bindColumns, hasColumns, headerCells } from '../../header-columns.ts';
import type { SettlementLine } from '../../settlement-line.ts';
import { rawOf } from '../raw-cells.ts';
import { contradiction, headerFaults, unreadable } from '../report-faults.ts';
import { lineBase } from '../report-lines.ts';
import type { ReportItem, SettlementFormat } from '../settlement-format.ts';
import { ROW_COLUMNS, type RowColumns, readRow } from './settlement-rows.ts';
import { isSummaryHeader, readSummary, type Summary, summaryFaults, TOTALS, type Total } from './settlement-summary.ts';

/**
 * Klarna's settlement file: a summary (a line of names, a line of values), then a row for each sale, return, fee … of one payout,
 * with semicolons between. Its payment reference is what the bank's statement says.
 */
export const settlement: SettlementFormat = {
  name: 'settlement',
  title: 'Settlement file',
  role: () => 'money',
  mode: 'payout',
  proof:
    'Each total of the summary is what its rows come to; the totals come to the settlement by Klarna’s formula (sale − return − reversal − fee + fee correction + commission − commission reversal − tax − charge + credit − repay − holdback + release + fee refund); closing debt = opening debt − repay + deposit.',
  documentation: ['https://docs.klarna.com/payments/after-payments/settlements/settlement-files/'],
  recognises: (head) => hasColumns(headerCells(head, ';'), ['payment_reference', 'total_settlement_amount']),
  async *read(source) {
    const reader = createReader();
    for await (const { rows, faults } of csvRows(source, { separator: ';' })) {
      const items: ReportItem[] = faults.map(({ row, reason }) => unreadable({ row }, reason));
      for (const { row, cells } of rows) reader.take(row, cells, items);
      if (items.length > 0) yield items;
      if (reader.isOver()) return;
    }
    yield reader.end();
  },
};

/** Of the lines before the rows; anything may stand in a file that is none of Klarna's. */
const ROWS_BEFORE_MAX = 50;

function createReader() {
  let names: readonly string[] | null = null;
  let summary: Summary | null = null;
  let columns: { readonly at: RowColumns; readonly kept: ReadonlySet<number>; readonly width: number } | null = null;
  let before = 0;
  let over = false;
  const found = new Map<Total, bigint>();

  function takeBefore(row: number, cells: readonly string[], items: ReportItem[]): void {
    before += 1;
    if (before > ROWS_BEFORE_MAX) {
      items.push(unreadable({ row }, 'No summary and column names in the first lines: this is no settlement file'));
      over = true;
    } else if (names === null) {
      if (isSummaryHeader(cells)) names = cells;
    } else if (summary === null) {
      const read = readSummary(names, cells, row);
      summary = read.summary;
      items.push(...read.faults);
      over = summary === null;
      if (summary !== null) items.push(...summaryFaults(summary));
    } else takeHeader(row, cells, items);
  }

  function takeHeader(row: number, cells: readonly string[], items: ReportItem[]): void {
    const bound = bindColumns(cells, ROW_COLUMNS);
    if (bound.kind !== 'bound') {
      items.push(...headerFaults(row, bound));
      over = true;
      return;
    }
    const places: readonly number[] = Object.values(bound.at);
    columns = { at: bound.at, kept: new Set(places.filter((n) => n >= 0)), width: cells.length };
  }

  return {
    isOver: () => over,
    take(row: number, cells: readonly string[], items: ReportItem[]): void {
      if (over || cells.every((cell) => cell.trim() === '')) return;
      if (summary === null || columns === null) {
        takeBefore(row, cells, items);
        return;
      }
      if (cells.length < columns.width) {
        const reason = `has ${cells.length} cells where the header has ${columns.width}: the file may be cut off`;
        items.push(unreadable({ row }, reason));
        return;
      }
      const read = readRow(row, cells, columns.at, rawOf(cells, columns.kept, ';'), summary);
      if ('kind' in read) items.push(read);
      else {
        items.push(read.item);
        for (const { total, amount } of read.counted) found.set(total, (found.get(total) ?? 0n) + amount);
      }
    },
    end(): readonly ReportItem[] {
      if (summary === null) return [unreadable({ row: null }, 'The file has no summary: its beginning is missing')];
      if (columns === null && TOTALS.some((name) => summary?.totals[name] !== 0n && !WITHOUT_ROWS.has(name)))
        return [unreadable({ row: null }, 'The file ends after its summary: the rows are missing')];
      return [...totalFaults(summary, found), ...summaryLines(summary, found)];
    },
  };
}

/** Totals that need not have rows: each is a line of its own where it has none. */
const WITHOUT_ROWS: ReadonlySet<Total> = new Set([
  'total_fee_correction_amount',
  'total_tax_amount',
  'total_repay_amount',
]);

function totalFaults(
  { row, payout: batch, currency, totals }: Summary,
  found: ReadonlyMap<Total, bigint>,
): readonly ReportItem[] {
  return TOTALS.flatMap((name) => {
    const rows = found.get(name) ?? 0n;
    if (rows === totals[name] || (WITHOUT_ROWS.has(name) && rows === 0n)) return [];
    const where = { row, field: name, batch, currency, expected: totals[name], found: rows };
    return [contradiction(where, 'The rows do not come to what the summary states')];
  });
}

/** What only the summary tells: totals without rows, debt, and the payout itself. */
function summaryLines(summary: Summary, found: ReadonlyMap<Total, bigint>): readonly ReportItem[] {
  const { row, payout, currency, paidAt, totals, settled, deposit } = summary;
  const shared = { batch: payout, currency, at: paidAt, zone: 'UTC' };
  const alone = (name: Total): bigint => (found.has(name) ? 0n : totals[name]);
  const part = (word: string, gross: bigint, fee = 0n, tax = 0n) =>
    lineBase({ ...shared, identity: `${payout}/${word}`, word, gross, fee, tax });
  const lines: SettlementLine[] = [];
  const [correction, tax, repay] = [
    alone('total_fee_correction_amount'),
    alone('total_tax_amount'),
    totals.total_repay_amount,
  ];
  if (correction !== 0n) lines.push({ ...part('total_fee_correction_amount', 0n, -correction), kind: 'fee' });
  if (tax !== 0n) lines.push({ ...part('total_tax_amount', 0n, 0n, tax), kind: 'tax' });
  // What is owed to Klarna is a reserve below zero: repaid out of this payout, or grown because it would be below zero itself.
  if (repay !== 0n) lines.push({ ...part('total_repay_amount', -repay), kind: 'reserve_hold', hold: 'debt' });
  const becomesDebt = settled < 0n && deposit === -settled;
  if (becomesDebt) lines.push({ ...part('total_deposit_amount', deposit), kind: 'reserve_release', hold: 'debt' });
  else if (settled !== 0n) lines.push({ ...part('payout', -settled), kind: 'payout', payout });
  return [
    ...lines.map((line): ReportItem => {
      const isPayout = line.kind === 'payout';
      return {
        type: 'line',
        row,
        raw: '',
        line,
        keys: isPayout ? { source: payout, bank: payout } : { source: payout },
      };
    }),
    { type: 'batch', batch: payout, currency, opening: 0n, closing: 0n, to: paidAt },
  ];
}
