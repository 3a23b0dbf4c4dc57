import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import { beginExport } from '../../ledger/export/export-store.ts';
import { type Sql, sqlOf, type Tx } from '../../postgres/sql.ts';
import { dayOf } from '../engine/days.ts';
import { listBooks, listKnownAccounts, type Selection } from '../proof/books-store.ts';
import { rememberDays } from '../proof/movement-store.ts';
import { type Proof, prove } from '../proof/prove.ts';
import { coverOf } from './cover.ts';
import { csvArchive } from './csv.ts';
import { discrepancySections, type Summary, summaryOf } from './discrepancy-report.ts';
import { readTimes } from './input-store.ts';
import { documentText } from './json.ts';
import { noAccount } from './no-account.ts';
import { ALL, periodDays } from './period.ts';
import { inCurrency } from './proof-sections.ts';
import { findRun, insertRun, latestRun, noteControl, type Run } from './run-store.ts';
import { type DiscrepancyFilter, NO_FILTER, type Scope } from './scope.ts';
import { settlementSections, settlementSummary } from './settlement-report.ts';
import { findSettlement, type ReportedSettlement } from './settlement-store.ts';
import type { ReportDocument, Section } from './table.ts';
import { workbookOf } from './xlsx.ts';

export const REPORT_FORMATS = ['json', 'csv', 'xlsx'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const TYPES: Readonly<Record<ReportFormat, { type: string; extension: string }>> = {
  json: { type: 'application/json; charset=utf-8', extension: 'json' },
  csv: { type: 'application/zip', extension: 'zip' },
  xlsx: { type: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', extension: 'xlsx' },
};

export type ReportRequest = {
  readonly format: ReportFormat;
  /** A run that was made before, to be made again; null: a new one. */
  readonly run: string | null;
} & (
  | { readonly report: 'settlement'; readonly settlement: string }
  | {
      readonly report: 'discrepancies';
      readonly selection: Selection;
      /** As periodDays reads it. */
      readonly period: string | null;
      readonly filter: DiscrepancyFilter;
    }
);

/** A report on its way out. Whoever has it must `close` it in the end, however it ended. */
export type Report = {
  readonly contentType: string;
  readonly fileName: string;
  readonly run: string;
  /** Discrepancies that it lists as open. */
  readonly open: number;
  readonly bytes: AsyncIterable<string | Uint8Array>;
  close(): Promise<void>;
};

export type ReportDeps = {
  /** A connection of its own for one long read. */
  readonly connect: () => pg.Client;
  /** Where runs are noted. */
  readonly sql: Sql;
  readonly clock: Clock;
  readonly actor: string;
};

/**
 * Opens a report over one state of the database: the proof and the counts are made before this returns, the rest while it is
 * read. The run is noted, with the document's hash once it was read to its end.
 *
 * @throws PosternError `not_found` for an account, a report or a run that is not there, `invalid_request` for no period.
 */
export async function openReport(deps: ReportDeps, request: ReportRequest): Promise<Report> {
  const client = deps.connect();
  // A connection that dies tells its statement; the event itself, heard by nobody, would end the process.
  client.on('error', () => undefined);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= client.end();
    return closed;
  };
  try {
    await client.connect();
    const tx = await beginExport(sqlOf(client));
    const made = await makeReport(tx, deps, request);
    return { ...made, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeReport(tx: Tx, deps: ReportDeps, request: ReportRequest): Promise<Omit<Report, 'close'>> {
  const { report, format } = request;
  const asked = request.run === null ? null : await findRun(tx, report, request.run);
  if (request.run !== null && asked === null)
    throw new PosternError('not_found', `there is no such run: ${request.run}`);
  const asOf = asked?.madeAt ?? new Date(deps.clock.now());
  const settlement = report === 'settlement' ? await settlementOf(tx, request.settlement) : null;
  const scope = await scopeOf(tx, request, { asOf, knownAt: asked?.knownAt ?? null, settlement });
  const selection = selectionText(request, scope);
  if (asked !== null && asked.selection !== selection)
    throw new PosternError('invalid_request', `run ${asked.id} was of ${asked.selection}, not of ${selection}`);
  const { readAt, judgedUntil } = await readTimes(tx);
  const previous = asked === null ? await latestRun(deps.sql, report, { selection, before: asOf }) : asked.previous;
  const whole = await prove(tx, scope, { ...scope.days, knownAt: scope.knownAt });
  await rememberDays(deps.sql, whole.learned);
  const proof = inCurrency(whole, scope.filter.currency);
  const summary =
    settlement === null
      ? await summaryOf(tx, scope, previous?.madeAt ?? null)
      : await settlementSummary(tx, scope, settlement);
  const run: Run = asked ?? {
    id: randomUUID(),
    selection,
    madeAt: asOf,
    knownAt: readAt,
    actor: deps.actor,
    previous,
    control: null,
  };
  if (asked === null) await insertRun(deps.sql, report, run, summaryRecord(summary));
  const sections = await sectionsOf(tx, scope, { proof, summary, settlement });
  let control: string | null = null;
  const document: ReportDocument = {
    report,
    cover: coverOf({ report, run, scope, proof, summary, settlement, judgedUntil }),
    sections,
    runControl: run.control,
    onControl: (sha256) => {
      control = sha256;
    },
  };
  return {
    contentType: TYPES[format].type,
    fileName: `${fileNameOf(scope, settlement)}.${TYPES[format].extension}`,
    run: run.id,
    open: summary.open,
    bytes: noted(render(document, format), async () => {
      if (control !== null) await noteControl(deps.sql, run.id, control);
    }),
  };
}

async function settlementOf(tx: Tx, id: string): Promise<ReportedSettlement> {
  const found = await findSettlement(tx, id, null);
  if (found === null) throw new PosternError('not_found', `there is no settlement report ${id}`);
  const { provider, account } = found;
  const [known] = await listKnownAccounts(tx, { provider, account });
  return (await findSettlement(tx, id, known?.zone ?? null)) ?? found;
}

async function scopeOf(
  tx: Tx,
  request: ReportRequest,
  {
    asOf,
    knownAt,
    settlement,
  }: { readonly asOf: Date; readonly knownAt: Date | null; readonly settlement: ReportedSettlement | null },
): Promise<Scope> {
  const whose = request.report === 'discrepancies' ? request.selection : settlement;
  const selection = { provider: whose?.provider ?? null, account: whose?.account ?? null };
  const [books, known] = [await listBooks(tx, selection), await listKnownAccounts(tx, selection)];
  if (books.length === 0 && known.length === 0 && (selection.provider ?? selection.account) !== null)
    throw await noAccount(tx, selection);
  const today = latestDay(known, asOf);
  const days =
    request.report === 'discrepancies'
      ? periodDays(request.period, today)
      : { from: settlement?.from ?? today, to: settlement?.to ?? today };
  const filter = request.report === 'discrepancies' ? request.filter : NO_FILTER;
  return { selection, days, filter, asOf, knownAt, books, known };
}

/** Where the day is furthest: what an account ahead of UTC has of today is in the report, too. */
function latestDay(known: Scope['known'], asOf: Date): string {
  const days = [...new Set(known.map(({ zone }) => zone))].map((zone) => dayOf(asOf.getTime(), zone));
  return days.sort().at(-1) ?? dayOf(asOf.getTime(), 'UTC');
}

/** What was asked for, the same however it was asked and on whichever day. */
function selectionText(request: ReportRequest, { selection, days, filter }: Scope): string {
  if (request.report === 'settlement') return JSON.stringify({ settlement: request.settlement.toLowerCase() });
  const period = request.period === ALL ? { period: ALL } : { from: days.from, to: days.to };
  return JSON.stringify({ ...selection, ...period, ...filter });
}

function sectionsOf(
  tx: Tx,
  scope: Scope,
  made: { readonly proof: Proof; readonly summary: Summary; readonly settlement: ReportedSettlement | null },
): Promise<Section[]> {
  const { settlement } = made;
  return settlement === null
    ? discrepancySections(tx, scope, made)
    : Promise.resolve(settlementSections(tx, scope, { settlement, proof: made.proof }));
}

const summaryRecord = ({ classes }: Summary): unknown =>
  classes.map((row) => row.map((cell) => (typeof cell === 'bigint' ? String(cell) : cell)));

function render(document: ReportDocument, format: ReportFormat): AsyncIterable<string | Uint8Array> {
  switch (format) {
    case 'json':
      return documentText(document);
    case 'csv':
      return csvArchive(document);
    case 'xlsx':
      return workbookOf(document);
  }
}

async function* noted<T>(pieces: AsyncIterable<T>, atEnd: () => Promise<void>): AsyncGenerator<T> {
  yield* pieces;
  await atEnd();
}

function fileNameOf({ selection, days }: Scope, settlement: ReportedSettlement | null): string {
  const parts =
    settlement === null
      ? ['discrepancies', selection.provider, selection.account, days.from, days.to]
      : ['settlement', settlement.provider, settlement.account, settlement.id];
  // It stands in a header between quotes, and names a file on somebody's disk.
  return parts
    .filter((part) => part !== null)
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .slice(0, 150);
}
