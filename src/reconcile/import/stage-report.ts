import { PosternError } from '../../errors.ts';
import { AMOUNT_MAX } from '../../money.ts';
import {
  FAULTS_MAX,
  type ReportContext,
  type ReportFault,
  type ReportItem,
  type ReportLine,
  type SettlementFormat,
  type StatedBatch,
} from '../../providers/settlement-format.ts';
import { lineFault, type PeriodBalance } from '../../settlement-line.ts';
import { stagedRow } from './staged-row.ts';
import type { Copying } from './staging-store.ts';

/** What a file said beside its lines, which are in the staging. */
export type Staged = {
  readonly lines: number;
  readonly faults: Faults;
  readonly stated: readonly StatedBatch[];
  readonly periods: readonly PeriodBalance[];
};

/** The first of them by name, all of them by number. */
export type Faults = { readonly kept: readonly ReportFault[]; readonly count: number; readonly unreadable: number };

const GROUP_CHARS = 256 * 1024;
/** What an index of Postgres takes: a longer key is no key. */
const KEY_CHARS_MAX = 600;
const RAW_CHARS_MAX = 256 * 1024;
const BATCHES_MAX = 200_000;

export function createFaults(): Faults & { add(fault: ReportFault): void } {
  const kept: ReportFault[] = [];
  let [count, unreadable] = [0, 0];
  return {
    kept,
    get count() {
      return count;
    },
    get unreadable() {
      return unreadable;
    },
    add(fault) {
      count += 1;
      if (fault.kind === 'unreadable') unreadable += 1;
      if (kept.length < FAULTS_MAX) kept.push(fault);
    },
  };
}

/** Reads a report into the staging, in groups of a bounded size, to its end: so that all of its faults are told at once. */
export async function stageReport(
  format: SettlementFormat,
  bytes: AsyncIterable<Uint8Array>,
  context: ReportContext,
  {
    copying,
    idOf,
    onProgress = () => undefined,
  }: { copying: Pick<Copying, 'write' | 'end'>; idOf: (n: number) => string; onProgress?: (lines: number) => void },
): Promise<Staged> {
  const faults = createFaults();
  const stated: StatedBatch[] = [];
  const periods: PeriodBalance[] = [];
  let lines = 0;
  let rows = '';
  for await (const items of format.read(bytes, context)) {
    for (const item of items) {
      if (item.type === 'line') {
        const fault = faultOf(item);
        if (fault !== null) faults.add(fault);
        // Once a row cannot be read nothing of the file is kept: its other lines need not be carried any further.
        else if (faults.unreadable === 0) rows += stagedRow(idOf(lines), item);
        lines += 1;
      } else note(item, faults, stated, periods);
    }
    if (rows.length >= GROUP_CHARS) {
      await copying.write(rows);
      rows = '';
    }
    onProgress(lines);
  }
  if (rows !== '') await copying.write(rows);
  await copying.end();
  return { lines, faults, stated, periods };
}

function note(
  item: Exclude<ReportItem, ReportLine>,
  faults: ReturnType<typeof createFaults>,
  stated: StatedBatch[],
  periods: PeriodBalance[],
): void {
  if (item.type === 'fault') faults.add(item);
  else if (item.type === 'batch') stated.push(item);
  else periods.push(item);
  if (stated.length + periods.length > BATCHES_MAX)
    throw new PosternError('too_large', `the report has over ${BATCHES_MAX} batches: split it`);
}

const unreadable = (row: number, field: string | null, value: string | null, reason: string): ReportFault => ({
  type: 'fault',
  kind: 'unreadable',
  row,
  field,
  value: value === null ? null : value.slice(0, 200),
  reason,
});

/** What the ledger or the database would refuse, told with its row instead. */
function faultOf(item: ReportLine): ReportFault | null {
  const { line, keys, raw, row } = item;
  const wrong = lineFault(line);
  if (wrong !== null) return unreadable(row, null, null, wrong);
  if (tooLarge(line.gross) || tooLarge(line.fee) || tooLarge(line.tax) || tooLarge(line.net))
    return unreadable(row, null, String(line.gross), 'the amount does not fit 64 bits');
  if (raw.length > RAW_CHARS_MAX) return unreadable(row, null, raw, `the row is over ${RAW_CHARS_MAX} characters`);
  if (!Number.isSafeInteger(line.at)) return unreadable(row, null, null, 'the row has no time at which it was booked');
  const about = 'reference' in line ? line.reference : 'payout' in line ? line.payout : line.identity;
  if (about === '') return unreadable(row, null, null, 'the row does not say what it is about');
  if (line.identity === '') return unreadable(row, null, null, 'the row has no identity');
  // One by one: this runs for every row, and a list of them would be the most of what it makes.
  const long =
    tooLong(line.identity) ??
    tooLong(line.batch) ??
    tooLong(about) ??
    tooLong(keys.source) ??
    tooLong(keys.payment) ??
    tooLong(keys.merchant) ??
    tooLong(keys.bank);
  if (long !== null) return unreadable(row, null, long, `a reference is over ${KEY_CHARS_MAX} characters`);
  return null;
}

const tooLong = (key: string | undefined): string | null =>
  key !== undefined && key.length > KEY_CHARS_MAX ? key : null;

const tooLarge = (amount: bigint): boolean => amount > AMOUNT_MAX || amount < -AMOUNT_MAX;
