import { createZonedClock } from '../../local-time.ts';
import { createReportClock } from '../report-clock.ts';
import { contradiction, unreadable } from '../report-faults.ts';
import type { ReportContext, ReportFault } from '../settlement-format.ts';
import { reportName } from './report-name.ts';
import type { ReportRecord } from './report-records.ts';
import { reportTime, zoneOfOffset } from './report-time.ts';

/** What one account did in one period. */
export type Section = {
  /** As PayPal names it; null where no section header was there. */
  readonly account: string | null;
  /** `2026-01-06`, the period's day in its own zone. */
  readonly date: string;
  readonly window: string;
  /** B: what the lines, the opening and the closing of the period have in common. */
  readonly batch: string;
  readonly zone: string;
  /** Unix ms: its first and its last moment. */
  readonly from: number;
  readonly to: number;
};

/**
 * The shape all of these reports have: a report of files (the first with RH, the last with RC), a file (FH to FF) of sections, a
 * section (SH to SC) of rows; each end says how many rows it was. Over several files it is one report, whose parts are read one
 * after the other. developer.paypal.com/docs/reports/sftp-reports/settlement-report "File structure"
 */
export type ReportFrame = {
  /** Takes any record but SB, SF, RF and CH. */
  take(record: ReportRecord): readonly ReportFault[];
  /** Counts a row of a body. */
  countRow(): void;
  /** Null before the first one. */
  section(): Section | null;
  /** The period of an excerpt that has lost its section's header: the day of one of its rows (unix ms). */
  sectionOf(at: number): Section;
  sectionRows(): number;
  /** Whether the section is of the account that the file was handed in for. */
  isOurs(): boolean;
  /** Whether the report is of several accounts: then its own totals are nobody's. */
  isOfSeveral(): boolean;
  /** The counts of the whole report, and what is missing at its end. */
  end(): readonly ReportFault[];
};

/** PayPal's own ids of accounts: an account that is named so has its sections only. */
const ACCOUNT_ID = /^[2-9A-HJ-NP-Z]{13}$/;
const WINDOWS = /^[A-Z]$/;
/** Of the Americas, where most accounts are, and where the days of one begin at midnight in Los Angeles. */
const USUAL_WINDOW = 'A';

export function createReportFrame(context: ReportContext): ReportFrame {
  const name = reportName(context.fileName);
  const clock = createReportClock(context.zone);
  const wanted = ACCOUNT_ID.test(context.account) ? context.account : null;
  let window = name?.window ?? null;
  let section: Section | null = name === null ? null : fallbackSection(name.date);
  let first: string | null = null;
  let isOfSeveral = false;
  let sawOurs = wanted === null;
  let headers = 0;
  let files = 0;
  let isFileOpen = false;
  let isSectionOpen = false;
  const rows = { report: 0, file: 0, section: 0 };
  let reportCount: { row: number; count: string } | null = null;

  function fallbackSection(date: string): Section {
    const from = Date.parse(`${date}T00:00:00Z`);
    const used = window ?? USUAL_WINDOW;
    return {
      account: null,
      date,
      window: used,
      batch: `${date}.${used}`,
      zone: context.zone,
      from,
      to: from + 86_399_000,
    };
  }

  function take(record: ReportRecord): readonly ReportFault[] {
    const { row, code, cells } = record;
    switch (code) {
      case 'RH':
        return takeReportHeader(row, cells);
      case 'FH':
        return takeFileHeader(row, cells);
      case 'SH':
        return takeSectionHeader(row, cells);
      case 'SC':
        isSectionOpen = false;
        return countFault(row, 'SC', cells[1], rows.section, 'rows in the section');
      case 'RC':
        reportCount = { row, count: cells[1] ?? '' };
        return [];
      case 'FF':
        isFileOpen = false;
        return countFault(row, 'FF', cells[1], rows.file, 'rows in the file');
      default:
        return [unreadable({ row, value: code.slice(0, 20) }, 'begins with a record type that no PayPal report has')];
    }
  }

  function takeReportHeader(row: number, cells: readonly string[]): readonly ReportFault[] {
    headers += 1;
    if (headers > 1)
      return [contradiction({ row, field: 'RH' }, 'A second report begins here: hand each in by itself')];
    const told = (cells[2] ?? '').trim().toUpperCase();
    if (WINDOWS.test(told)) window = told;
    else
      return [unreadable({ row, field: 'RH', value: told }, 'must name the reporting window by a letter, such as A')];
    return [];
  }

  function takeFileHeader(row: number, cells: readonly string[]): readonly ReportFault[] {
    const faults: ReportFault[] = [];
    if (isFileOpen) faults.push(contradiction({ row, field: 'FF' }, 'The file before has no end: it is cut off'));
    files += 1;
    isFileOpen = true;
    rows.file = 0;
    const told = (cells[1] ?? '').trim();
    if (told !== '' && Number(told) !== files) {
      const where = { row, field: 'FH', expected: String(files).padStart(2, '0'), found: told };
      faults.push(contradiction(where, `File ${files} of the report is missing, or its files are not in order`));
      if (/^\d{1,4}$/.test(told)) files = Number(told);
    }
    return faults;
  }

  function takeSectionHeader(row: number, cells: readonly string[]): readonly ReportFault[] {
    const [, start = '', end = '', account = ''] = cells;
    const from = reportTime(start, clock);
    const to = reportTime(end, clock);
    if (from === null || to === null) {
      const value = from === null ? start : end;
      return [unreadable({ row, field: 'SH', value }, 'must be a time, such as 2026/01/06 00:00:00 -0800')];
    }
    const date = start.slice(0, 10).replaceAll('/', '-');
    const used = window ?? USUAL_WINDOW;
    const zone = zoneOfOffset(start, context.zone);
    // A section that goes on in the next file has a header there, too.
    if (!isSectionOpen || section?.account !== account) rows.section = 0;
    isSectionOpen = true;
    section = { account, date, window: used, batch: `${date}.${used}`, zone, from: from.at, to: to.at };
    if (account === wanted) sawOurs = true;
    first ??= account;
    if (account !== first) isOfSeveral = true;
    return wanted === null && account !== first
      ? [
          unreadable(
            { row, field: 'SH', value: account },
            `The report is of several accounts: the endpoint's setting account must be the one of PayPal's ids it is for`,
          ),
        ]
      : [];
  }

  return {
    take,
    countRow: () => {
      rows.report += 1;
      rows.file += 1;
      rows.section += 1;
    },
    section: () => section,
    sectionOf: (at) =>
      fallbackSection(new Date(at + createZonedClock(context.zone).offsetAt(at)).toISOString().slice(0, 10)),
    sectionRows: () => rows.section,
    isOfSeveral: () => isOfSeveral,
    isOurs: () => wanted === null || section?.account === null || section?.account === wanted,
    end() {
      const faults: ReportFault[] = [];
      if (headers === 0)
        faults.push(
          contradiction(
            { row: null, field: 'RH' },
            `The report has no beginning: its first file is missing. ${TOGETHER}`,
          ),
        );
      if (reportCount === null)
        faults.push(
          contradiction(
            { row: null, field: 'RC' },
            `The report has no end: it is cut off, or its last file is missing. ${TOGETHER}`,
          ),
        );
      else
        faults.push(...countFault(reportCount.row, 'RC', reportCount.count, rows.report, 'rows in the whole report'));
      if (isFileOpen) faults.push(contradiction({ row: null, field: 'FF' }, 'The last file has no end: it is cut off'));
      if (first !== null && !sawOurs)
        faults.push(unreadable({ row: null, field: 'SH' }, `The report has no section of the account ${wanted}`));
      return faults;
    },
  };
}

const TOGETHER = 'Files of one report may be handed in as one, one after the other';

function countFault(
  row: number,
  field: string,
  told: string | undefined,
  found: number,
  what: string,
): readonly ReportFault[] {
  const text = (told ?? '').trim();
  if (!/^\d{1,12}$/.test(text)) return [unreadable({ row, field, value: text }, `must be the number of ${what}`)];
  if (Number(text) === found) return [];
  return [contradiction({ row, field, expected: text, found }, `The report states another number of ${what}`)];
}
