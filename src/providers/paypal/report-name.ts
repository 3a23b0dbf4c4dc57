import { headRows } from '../../header-columns.ts';
import type { ReportPart } from '../settlement-format.ts';

/** What the name of a file from reports.paypal.com says. */
export type ReportName = {
  readonly family: string;
  /** `2026-01-06`: the last day it is about. */
  readonly date: string;
  /** A letter; null where the report is of one account: its first record says it then. */
  readonly window: string | null;
  readonly number: number;
  readonly total: number | null;
  readonly version: string;
};

/**
 * `STL-yyyymmdd.sequenceNumber.version.format` of one account, `STL-yyyymmdd.reportingWindow.sequenceNumber.totalFiles.version
 * .format` of several. developer.paypal.com/docs/reports/sftp-reports/settlement-report "Report file name"
 */
const NAME =
  /(?:^|[\\/])([A-Z]{3})-(\d{4})(\d{2})(\d{2})\.(?:(\d{2,3})|([A-Z])\.(\d{2,3})(?:\.(\d{2,3}))?)\.([A-Z0-9]{3})\.csv$/i;

export function reportName(fileName: string | null): ReportName | null {
  const match = NAME.exec(fileName ?? '');
  if (match === null) return null;
  const [, family = '', year, month, day, alone, window, number = alone, total, version = ''] = match;
  return {
    family: family.toUpperCase(),
    date: `${year}-${month}-${day}`,
    window: window?.toUpperCase() ?? null,
    number: Number(number),
    total: total === undefined ? null : Number(total),
    version,
  };
}

/** The record types of a report's beginning and the columns of its body, where the first 64 KiB have them. */
export function headOf(head: string): { readonly codes: ReadonlySet<string>; readonly columns: readonly string[] } {
  const codes = new Set<string>();
  let columns: readonly string[] = [];
  for (const cells of headRows(head, HEAD_RECORDS_MAX)) {
    const code = recordCode(cells[0] ?? '');
    codes.add(code);
    if (code === 'CH' && columns.length === 0) columns = cells;
  }
  return { codes, columns };
}

const HEAD_RECORDS_MAX = 2_000;

/** The type of a record. A file that is part of another's stream may still begin with its byte order mark. */
export function recordCode(cell: string): string {
  const text = cell.startsWith('\uFEFF') ? cell.slice(1).replaceAll('"', '') : cell;
  return text.trim().toUpperCase();
}

const CLOSES = /^\uFEFF?"?(?:RF|RC)"?,/m;

/**
 * Which file of its report this is. A report of over 1,000,000 records comes in several files, of which only the first has the
 * report's header and only the last its footers; the names of one account's files do not tell how many there are.
 */
export function reportPart(head: string, fileName: string | null): ReportPart | null {
  const name = reportName(fileName);
  if (name === null) return null;
  const { family, date, window, number, total, version } = name;
  const key = [`${family}-${date}`, window, version].filter((part) => part !== null).join('.');
  if (total !== null) return total <= 1 ? null : { key, number, last: number === total };
  if (!hasFooters(head)) return { key, number: Math.max(number, 1), last: null };
  return number <= 1 ? null : { key, number, last: true };
}

/** Of the end of a file, or of all of it. */
export const hasFooters = (tail: string): boolean => CLOSES.test(tail);

const FILE_END = /(?:^|\n)\uFEFF?"?FF"?,[^\n]*\s*$/;

/** Nothing can follow the footers, nor a file without an end: it is cut off, and its reading says so instead of waiting for ever. */
export const endsReport = (tail: string): boolean => hasFooters(tail) || !FILE_END.test(tail);
