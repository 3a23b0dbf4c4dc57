import { bindColumns } from '../../header-columns.ts';
import type { PeriodBalance } from '../../settlement-line.ts';
import { rawOf } from '../raw-cells.ts';
import { createReportClock } from '../report-clock.ts';
import { contradiction, unreadable } from '../report-faults.ts';
import type { ReportContext, ReportItem, SettlementFormat, StatedBatch } from '../settlement-format.ts';
import { eventMeaning } from './event-codes.ts';
import { TRANSACTION_COLUMNS } from './report-columns.ts';
import { createReportFrame, type ReportFrame, type Section } from './report-frame.ts';
import { endsReport, headOf, reportName, reportPart } from './report-name.ts';
import {
  type BodyColumns,
  bodyColumns,
  noColumns,
  type RecordReader,
  type ReportRecord,
  readRecords,
} from './report-records.ts';
import { createTotals, type Footer, readFooter, type Totals } from './settlement-totals.ts';
import { transactionLines } from './transaction-lines.ts';
import { minorUnits, readTransaction } from './transaction-row.ts';

/**
 * PayPal's settlement report: every movement of an account's balance in one day of a reporting window, with the balance before and
 * after by currency. A withdrawal is one of its rows: PayPal does not say which payments it pays out (mode `balance`).
 */
export const settlement: SettlementFormat = {
  name: 'settlement',
  title: 'Settlement report (STL)',
  role: () => 'money',
  mode: 'balance',
  proof:
    'For each section and for the whole report, by currency: gross and fee credits and debits, the number of rows, and beginning balance + what moved = ending balance; the numbers of rows of sections, files and report; that no file of a split report is missing. A report that was cut in the middle of its rows is found by any of them.',
  documentation: [
    'https://developer.paypal.com/docs/reports/sftp-reports/settlement-report/',
    'https://developer.paypal.com/docs/reports/reference/tcodes/',
  ],
  recognises(head, fileName) {
    const name = reportName(fileName);
    const { codes, columns } = headOf(head);
    if (!codes.has('RH') && !codes.has('SH') && !codes.has('CH')) return false;
    if (name !== null && columns.length === 0) return name.family === 'STL';
    const bound = bindColumns(columns, TRANSACTION_COLUMNS, columns);
    return bound.kind === 'bound' && bound.at.status < 0;
  },
  part: reportPart,
  isLastPart: endsReport,
  read: (source, context) => readRecords(source, createReader(context)),
};

function createReader(context: ReportContext): RecordReader {
  const frame = createReportFrame(context);
  const clock = createReportClock(context.zone);
  const report = createTotals();
  /** By the section's account: what goes on in the next file of a split report is one section. */
  const sections = new Map<string, Totals>();
  const balances = createBalances();
  let columns: BodyColumns<typeof TRANSACTION_COLUMNS> | null = null;

  function sectionTotals(section: Section | null): Totals {
    const account = section?.account ?? '';
    const known = sections.get(account);
    if (known !== undefined) return known;
    const fresh = createTotals();
    if (sections.size < SECTIONS_MAX) sections.set(account, fresh);
    return fresh;
  }

  function takeHeader(record: ReportRecord, items: ReportItem[]): void {
    const bound = bodyColumns(record, TRANSACTION_COLUMNS);
    columns = bound.columns;
    items.push(...bound.faults);
  }

  function takeRow(record: ReportRecord, items: ReportItem[]): void {
    frame.countRow();
    const section = frame.section();
    if (columns === null) {
      items.push(noColumns(record.row));
      return;
    }
    if (section === null) {
      items.push(
        unreadable({ row: record.row }, 'A row before any section header (SH): the file has lost its beginning'),
      );
      return;
    }
    const read = readTransaction(record, columns.at, clock);
    if (read.type === 'fault') {
      items.push(read);
      return;
    }
    // Authorisations move nothing, and no footer counts them.
    if (eventMeaning(read.code, read.isCredit).is === 'no_money') return;
    report.add(read);
    sectionTotals(section).add(read);
    if (!frame.isOurs()) return;
    const lines = transactionLines(read, section, rawOf(record.cells, columns.kept));
    if ('type' in lines) items.push(lines);
    else items.push(...lines);
  }

  function takeFooter(record: ReportRecord, items: ReportItem[]): void {
    const footer = readFooter(record);
    if ('type' in footer) {
      items.push(footer);
      return;
    }
    const section = frame.section();
    const isReport = record.code === 'RF';
    const totals = isReport ? report : sectionTotals(section);
    items.push(...totals.faults(record.code, footer, section?.batch ?? ''));
    if (section !== null && (isReport ? !frame.isOfSeveral() : frame.isOurs()))
      balances.keep(footer, section, isReport);
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
        case 'SF':
        case 'RF':
          takeFooter(record, items);
          break;
        default:
          items.push(...frame.take(record));
      }
    },
    end(): readonly ReportItem[] {
      return [...frame.end(), ...balances.items(), ...withoutFooter(frame, report, balances)];
    },
  };
}

const SECTIONS_MAX = 1_000;

type Balances = ReturnType<typeof createBalances>;

/** What the account's own section states, else the report (where it has one section, both say the same). */
function createBalances() {
  const kept = new Map<string, { footer: Footer; section: Section; isReport: boolean }>();
  return {
    keep(footer: Footer, section: Section, isReport: boolean): void {
      const known = kept.get(footer.currency);
      if (known !== undefined && isReport && !known.isReport) return;
      kept.set(footer.currency, { footer, section, isReport });
    },
    has: (currency: string): boolean => kept.has(currency),
    items(): readonly ReportItem[] {
      return [...kept.values()].flatMap(({ footer, section }) => balanceItems(footer, section));
    },
  };
}

function balanceItems({ row, currency, opening, closing }: Footer, section: Section): readonly ReportItem[] {
  const { batch, date, window, zone, from, to } = section;
  const amounts = { opening: minorUnits(opening, currency), closing: minorUnits(closing, currency) };
  if (amounts.opening === null || amounts.closing === null) {
    const value = String(amounts.opening === null ? opening : closing);
    return [unreadable({ row, field: `${currency} balance`, value, batch }, `is no amount in ${currency}`)];
  }
  const shared = { batch, currency, zone };
  const stated: StatedBatch = {
    type: 'batch',
    batch,
    currency,
    sequence: { kind: 'day', series: window, value: date },
    opening: amounts.opening,
    closing: amounts.closing,
    from,
    to,
  };
  const before: PeriodBalance = {
    type: 'settlement.opening',
    ...shared,
    neighbour: `${shifted(date, -1)}.${window}`,
    amount: amounts.opening,
    at: from,
  };
  const after: PeriodBalance = {
    type: 'settlement.closing',
    ...shared,
    neighbour: `${shifted(date, 1)}.${window}`,
    amount: amounts.closing,
    at: to,
  };
  return [stated, before, after];
}

/** PayPal leaves out the footer of a currency that ends the day where it began: with nothing. */
function withoutFooter(frame: ReportFrame, report: Totals, balances: Balances): readonly ReportItem[] {
  const batch = frame.section()?.batch ?? '';
  return [...report.nets()]
    .filter(([currency, net]) => net !== 0n && !balances.has(currency))
    .map(([currency, net]) => {
      const where = { row: null, field: `RF ${currency}`, batch, currency, expected: 0n, found: net };
      return contradiction(where, `The report has no footer for ${currency}, whose rows do not come to nothing`);
    });
}

/** `2026-01-06` by one day. */
function shifted(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
