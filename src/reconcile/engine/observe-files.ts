import { NO_CURRENCY } from '../../currency.ts';
import type { Sql } from '../../postgres/sql.ts';
import { missingParts } from '../import/missing-parts.ts';
import { type AccountRules, dueAfter } from './account-rules.ts';
import { dayOf } from './days.ts';
import type { Found } from './discrepancy-store.ts';
import { fingerprint } from './found-item.ts';
import {
  type BatchInSeries,
  type FileFault,
  type FileRow,
  faultsOf,
  filesOf,
  missingFileItems,
  seriesOf,
  type WaitingReport,
  waitingReports,
} from './observations-store.ts';
import type { ObservationClass } from './verdict.ts';

const DAY_MS = 86_400_000;
/** More batches left out at once are told as one. */
const GAPS_TOLD = 31;

export type Books = { readonly provider: string; readonly account: string };

/** What the files of an account say by themselves: handed in twice, amended, contradicting themselves, unreadable, or not there. */
export async function observeFiles(sql: Sql, books: Books, rules: AccountRules, now: number): Promise<Found[]> {
  const files = await filesOf(sql, books.provider, books.account);
  const failed = failedFiles(files).filter((file) => !isMended(file, files));
  const faults = Map.groupBy(
    await faultsOf(
      sql,
      failed.map(({ told }) => told.id),
    ),
    (fault) => fault.settlement_id,
  );
  const waiting = await waitingReports(sql, books.provider, books.account);
  return [
    ...waiting.flatMap((report) => ofWaiting(books, report, rules, now)),
    ...files.flatMap((file) => ofFile(books, file, files)),
    ...failed.flatMap((file) => ofFaults(books, file, faults.get(file.told.id) ?? [], files)),
    ...(await gapsOf(sql, books, rules, { now, waiting })),
  ];
}

function ofFile(books: Books, file: FileRow, files: readonly FileRow[]): Found[] {
  const evidence = { settlement: file.id, file: file.file_name };
  // A file of several batches may be a newer version of one of them only.
  const before = files.find(({ id }) => id === file.supersedes)?.batches ?? [];
  const amended = file.batches.find((batch) => before.includes(batch));
  const reference = file.batches[0] ?? file.file_name ?? file.id;
  const about = { reference, currency: file.currencies[0] ?? NO_CURRENCY, occurredAt: file.at.getTime(), evidence };
  const isCopy = file.moves_money && file.status === 'imported' && file.lines > 0n && file.lines_new === 0n;
  return [
    ...(file.repeated > 0 || (isCopy && file.supersedes === null)
      ? [
          observation('duplicate_file', books, [file.id], {
            ...about,
            evidence: { ...evidence, repeated: file.repeated },
          }),
        ]
      : []),
    ...(file.supersedes !== null && file.status !== 'failed'
      ? [
          observation('amended_file', books, [file.id], {
            ...about,
            reference: amended ?? reference,
            evidence: { ...evidence, supersedes: file.supersedes },
          }),
        ]
      : []),
  ];
}

/** What waits for its other files is as much missing as what never came, once these are late. */
function ofWaiting(books: Books, { id, name, at, parts }: WaitingReport, rules: AccountRules, now: number): Found[] {
  if (now < dueAfter(rules, at.getTime(), rules.payoutDays)) return [];
  return [
    observation('missing_file', books, ['parts', id], {
      reference: name,
      currency: NO_CURRENCY,
      occurredAt: at.getTime(),
      evidence: { settlement: id, missing: missingParts(parts) },
    }),
  ];
}

/** Imports of the same bytes that failed: one file, however often it was handed in or fetched. */
type FailedFile = {
  /** The first of them: it names the file for good, and what mends it came after it. */
  readonly first: FileRow;
  /** The last that came as far as to be found wrong: it says with what. */
  readonly told: FileRow;
  readonly names: ReadonlySet<string | null>;
};

function failedFiles(files: readonly FileRow[]): FailedFile[] {
  const failed = files.filter(({ status }) => status === 'failed');
  return [...Map.groupBy(failed, ({ sha256, id }) => sha256 ?? id).values()].flatMap((copies): FailedFile[] => {
    const [last, first] = [copies[0], copies.at(-1)];
    if (last === undefined || first === undefined) return [];
    const told = copies.find(({ fault_count }) => fault_count > 0) ?? last;
    return [{ first, told, names: new Set(copies.map(({ file_name }) => file_name)) }];
  });
}

/** A later file of the same name came through, or the same bytes did. */
const isMended = ({ first, names }: FailedFile, files: readonly FileRow[]): boolean =>
  files.some(
    (other) =>
      other.status !== 'failed' &&
      ((other.sha256 !== null && other.sha256 === first.sha256) ||
        (other.at > first.at &&
          other.format === first.format &&
          other.file_name !== null &&
          names.has(other.file_name))),
  );

function ofFaults(
  books: Books,
  { first, told: file }: FailedFile,
  faults: readonly FileFault[],
  files: readonly FileRow[],
): Found[] {
  const unreadable = faults.filter(({ kind }) => kind === 'unreadable');
  // Of a file with a row that cannot be read no sum is right.
  const told = unreadable.length > 0 ? unreadable : faults;
  return told.flatMap((fault) => {
    const cameSince = files.some(
      (other) =>
        other.status !== 'failed' && other.at > first.at && fault.batch !== null && other.batches.includes(fault.batch),
    );
    if (cameSince) return [];
    const { expected, found } = fault;
    return [
      observation(
        fault.kind === 'unreadable' ? 'unparsed_line' : 'file_total_mismatch',
        books,
        [first.id, `${fault.no}`],
        {
          reference: fault.batch ?? file.batches[0] ?? file.file_name ?? file.id,
          currency: fault.currency ?? NO_CURRENCY,
          occurredAt: first.at.getTime(),
          delta: BigInt(fault.difference ?? 0),
          evidence: {
            settlement: file.id,
            file: file.file_name,
            row: fault.row_no === null ? null : Number(fault.row_no),
            field: fault.field,
            reason: fault.reason,
            expected,
            found,
          },
        },
      ),
    ];
  });
}

/** Batches left out of a series of numbers, or of days by the account's calendar. */
async function gapsOf(
  sql: Sql,
  books: Books,
  rules: AccountRules,
  { now, waiting }: { readonly now: number; readonly waiting: readonly WaitingReport[] },
): Promise<Found[]> {
  const batches = await seriesOf(sql, books.provider, books.account);
  if (batches.length === 0) return [];
  const items = (await missingFileItems(sql, books.provider, books.account)).map((at) => at.getTime());
  const gaps = [...Map.groupBy(batches, ({ series }) => series)].flatMap(([, mine]) =>
    /^\d{4}-/.test(mine[0]?.sequence ?? '') ? missingDays(mine, rules, now) : missingNumbers(mine),
  );
  return gaps.flatMap(({ reference, series, after, before }) => {
    // It is here in part, and waits for the rest under its own name.
    if (waiting.some(({ name }) => name.includes(reference))) return [];
    const [from, to] = [after.booked_at?.getTime() ?? now, before?.booked_at?.getTime() ?? now];
    // It left an item open already: one name is enough.
    if (items.some((at) => at > from - DAY_MS && at < to + DAY_MS)) return [];
    return [
      observation('missing_file', books, [series, reference], {
        reference,
        currency: NO_CURRENCY,
        occurredAt: from,
        evidence: { after: new Date(from).toISOString(), before: new Date(to).toISOString(), series },
      }),
    ];
  });
}

type Gap = {
  readonly reference: string;
  readonly series: string;
  readonly after: BatchInSeries;
  readonly before: BatchInSeries | null;
};

function missingNumbers(batches: readonly BatchInSeries[]): Gap[] {
  const sorted = [...batches].sort((a, b) => Number(a.sequence) - Number(b.sequence));
  return sorted.flatMap((before, n): Gap[] => {
    const after = sorted[n - 1];
    if (after === undefined) return [];
    const [from, to] = [Number(after.sequence), Number(before.sequence)];
    const missing = to - from - 1;
    if (!(missing > 0)) return [];
    const { series } = after;
    if (missing > GAPS_TOLD) return [{ reference: `${named(after, `${from + 1}`)}–${to - 1}`, series, after, before }];
    return Array.from({ length: missing }, (_, m) => ({
      reference: named(after, `${from + 1 + m}`),
      series,
      after,
      before,
    }));
  });
}

/** Between the first day and the last there was, and after it until a file would be late by the account's window. */
function missingDays(batches: readonly BatchInSeries[], rules: AccountRules, now: number): Gap[] {
  if (rules.calendar === null) return [];
  const days = new Map(batches.map((batch) => [batch.sequence, batch]));
  const sorted = [...days.keys()].sort();
  const [first] = sorted;
  if (first === undefined) return [];
  // A window ends with its last day: the file of this day was to come by the end of yesterday.
  const until = dayAfter(dayOf(now, rules.zone), -(rules.payoutDays + 1));
  const last = [sorted.at(-1) ?? first, until].sort().at(-1) ?? first;
  const gaps: Gap[] = [];
  let after = days.get(first);
  for (let at = Date.parse(first); at <= Date.parse(last) && gaps.length < GAPS_TOLD; at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    const here = days.get(day);
    if (here !== undefined) after = here;
    else if (after !== undefined && !(rules.calendar === 'weekdays' && [0, 6].includes(new Date(at).getUTCDay()))) {
      const before = sorted.find((one) => one > day);
      const next = before === undefined ? null : (days.get(before) ?? null);
      gaps.push({ reference: named(after, day), series: after.series, after, before: next });
    }
  }
  return gaps;
}

const dayAfter = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);

/** What the processor would call the batch with that place in the series. */
function named({ batch, series, sequence }: BatchInSeries, place: string): string {
  const at = batch.lastIndexOf(sequence);
  return at < 0 ? `${series} ${place}` : batch.slice(0, at) + place + batch.slice(at + sequence.length);
}

export function observation(
  name: ObservationClass,
  { provider, account }: Books,
  identity: readonly string[],
  about: {
    readonly reference: string;
    readonly component?: string;
    readonly currency: string;
    readonly occurredAt: number;
    readonly delta?: bigint;
    readonly bank?: Found['bank'];
    readonly differences?: Found['differences'];
    readonly evidence: Found['evidence'];
    readonly action?: string;
  },
): Found {
  return {
    fingerprint: fingerprint([name, provider, account, ...identity]),
    class: name,
    cause: null,
    inProof: false,
    provider,
    account,
    item: null,
    reference: about.reference,
    component: about.component ?? '',
    currency: about.currency,
    delta: about.delta ?? 0n,
    ledger: {},
    settlement: {},
    bank: about.bank ?? {},
    differences: about.differences ?? [],
    suggested: { action: about.action ?? ACTIONS[name] ?? 'review', postings: [] },
    evidence: about.evidence,
    occurredAt: about.occurredAt,
    dueAt: null,
  };
}

const ACTIONS: Partial<Readonly<Record<ObservationClass, string>>> = {
  file_total_mismatch: 'import_file_again',
  unparsed_line: 'import_file_again',
  missing_file: 'import_file',
  fee_above_contract: 'claim_back',
};
