import { bindColumns } from '../../header-columns.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { contradiction, unreadable } from '../report-faults.ts';
import type { ReportContext, ReportItem, SettlementFormat } from '../settlement-format.ts';
import { TRANSACTION_COLUMNS } from './report-columns.ts';
import { createReportFrame } from './report-frame.ts';
import { endsReport, headOf, reportName, reportPart } from './report-name.ts';
import {
  type BodyColumns,
  bodyColumns,
  noColumns,
  type RecordReader,
  type ReportRecord,
  readRecords,
} from './report-records.ts';
import { transactionLines } from './transaction-lines.ts';
import { MOVED, readTransaction } from './transaction-row.ts';

/**
 * PayPal's transaction detail report: what the settlement report tells, beside rows that move no money, and with names, addresses and
 * notes of the payers, which are dropped here. Its lines have the settlement report's identities, so that both can be compared.
 */
export const transactionDetail: SettlementFormat = {
  name: 'transaction_detail',
  title: 'Transaction detail report (TRR)',
  role: () => 'control',
  mode: 'balance',
  proof:
    'The numbers of rows of sections, files and report, and that no file of a split report is missing. It states no amounts.',
  documentation: ['https://developer.paypal.com/docs/reports/sftp-reports/transaction-detail/'],
  recognises(head, fileName) {
    const name = reportName(fileName);
    const { codes, columns } = headOf(head);
    if (!codes.has('RH') && !codes.has('SH') && !codes.has('CH')) return false;
    if (name !== null && columns.length === 0) return name.family === 'TRR';
    const bound = bindColumns(columns, TRANSACTION_COLUMNS, columns);
    return bound.kind === 'bound' && bound.at.status >= 0;
  },
  part: reportPart,
  isLastPart: endsReport,
  read: (source, context) => readRecords(source, createReader(context)),
};

function createReader(context: ReportContext): RecordReader {
  const frame = createReportFrame(context);
  const clock = createReportClock(context.zone);
  let columns: BodyColumns<typeof TRANSACTION_COLUMNS> | null = null;
  let rows = 0;

  function takeHeader(record: ReportRecord, items: ReportItem[]): void {
    const bound = bodyColumns(record, TRANSACTION_COLUMNS);
    columns = bound.columns;
    items.push(...bound.faults);
  }

  function takeRow(record: ReportRecord, items: ReportItem[]): void {
    frame.countRow();
    rows += 1;
    if (columns === null) {
      items.push(noColumns(record.row));
      return;
    }
    const read = readTransaction(record, columns.at, clock);
    if (read.type === 'fault') items.push(read);
    else if (MOVED.has(read.status) && frame.isOurs()) {
      // An excerpt without section header is of the day of its rows.
      const section = frame.section() ?? frame.sectionOf(read.at);
      const lines = transactionLines(read, section, rawOf(record.cells, columns.kept));
      if ('type' in lines) items.push(lines);
      else items.push(...lines);
    }
  }

  return {
    take(record: ReportRecord, items: ReportItem[]): void {
      switch (record.code) {
        case 'CH':
          takeHeader(record, items);
          break;
        case 'SB':
          takeRow(record, items);
          break;
        // Of the whole section and report, whatever the currency.
        case 'SF':
        case 'RF':
          items.push(...countOf(record, record.code === 'RF' ? rows : frame.sectionRows()));
          break;
        default:
          items.push(...frame.take(record));
      }
    },
    end: (): readonly ReportItem[] => frame.end(),
  };
}

/** A footer is the number of rows; older ones name a currency before it, and then it is not of all rows. */
function countOf({ row, code, cells }: ReportRecord, found: number): readonly ReportItem[] {
  const told = (cells[1] ?? '').trim();
  if (cells.length > 2 || Number(told) === found) return [];
  if (!/^\d{1,12}$/.test(told)) return [unreadable({ row, field: code, value: told }, 'must be the number of rows')];
  return [contradiction({ row, field: code, expected: told, found }, 'The footer states another number of rows')];
}
