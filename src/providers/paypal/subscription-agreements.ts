import { currencyExponent } from '../../currency.ts';
import { isHeaderOf } from '../../header-columns.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { unreadable } from '../report-faults.ts';
import type { ReportContext, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
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
import { reportTime } from './report-time.ts';

/** The payer's name, address and email, the description and the memo are dropped. */
const COLUMNS = {
  subscription: ['Subscription ID'],
  action: ['Subscription Action Type'],
  currency: ['Subscription Currency'],
  created: ['Subscription Creation Date'],
  period1: ['Subscription Period 1', null],
  amount1: ['Period 1 Amount', null],
  period2: ['Subscription Period 2', null],
  amount2: ['Period 2 Amount', null],
  period3: ['Subscription Period 3', null],
  amount3: ['Period 3 Amount', null],
  recurring: ['Recurring', null],
  recurrences: ['Recurrence number', null],
  custom: ['Subscription Custom Field', null],
} as const;

/**
 * PayPal's subscription agreement report: who signed up and who cancelled. It moves no money: each row is a line of nothing, which
 * can be found by the subscription that payments name as their reference.
 */
export const subscriptionAgreements: SettlementFormat = {
  name: 'subscription_agreements',
  title: 'Subscription agreement report (SAR)',
  role: () => 'control',
  mode: 'balance',
  proof: 'The numbers of rows of sections, files and report. It is about no money.',
  documentation: ['https://developer.paypal.com/docs/reports/sftp-reports/'],
  recognises(head, fileName) {
    const { codes, columns } = headOf(head);
    if (!codes.has('RH') && !codes.has('SH') && !codes.has('CH')) return false;
    if (columns.length === 0) return reportName(fileName)?.family === 'SAR';
    return isHeaderOf(columns, COLUMNS);
  },
  part: reportPart,
  isLastPart: endsReport,
  read: (source, context) => readRecords(source, createReader(context)),
};

function createReader(context: ReportContext): RecordReader {
  const frame = createReportFrame(context);
  const clock = createReportClock(context.zone);
  let columns: BodyColumns<typeof COLUMNS> | null = null;

  function takeRow({ row, cells }: ReportRecord): ReportItem | null {
    frame.countRow();
    if (columns === null) return noColumns(row);
    const { at, kept } = columns;
    const cell = (n: number): string => (n < 0 ? '' : (cells[n] ?? '').trim());
    const created = reportTime(cell(at.created), clock);
    if (created === null) {
      const where = { row, field: 'Subscription Creation Date', value: cell(at.created) };
      return unreadable(where, 'must be a time, such as 2026/01/06 01:00:00 -0800');
    }
    const currency = cell(at.currency).toUpperCase();
    if (currencyExponent(currency) === undefined)
      return unreadable({ row, field: 'Subscription Currency', value: currency }, 'must be an ISO 4217 currency');
    if (!frame.isOurs()) return null;
    const { batch, zone } = frame.section() ?? frame.sectionOf(created.at);
    const [subscription, action, merchant] = [cell(at.subscription), cell(at.action), cell(at.custom)];
    const line: ReportLine = {
      type: 'line',
      row,
      raw: rawOf(cells, kept),
      line: {
        type: 'settlement.line',
        kind: 'other',
        identity: `${subscription}:${action}:${batch}`,
        batch,
        currency,
        gross: 0n,
        fee: 0n,
        tax: 0n,
        net: 0n,
        at: created.at,
        zone,
        word: action,
      },
      keys: { source: subscription, ...(merchant === '' ? {} : { merchant }) },
    };
    return line;
  }

  return {
    take(record: ReportRecord, items: ReportItem[]): void {
      const { code } = record;
      if (code === 'SB') {
        const item = takeRow(record);
        if (item !== null) items.push(item);
      } else if (code === 'CH') {
        const bound = bodyColumns(record, COLUMNS);
        columns = bound.columns;
        items.push(...bound.faults);
      } else if (code !== 'SF' && code !== 'RF') items.push(...frame.take(record));
    },
    end: (): readonly ReportItem[] => frame.end(),
  };
}
