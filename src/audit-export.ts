import type pg from 'pg';
import { type AuditFilter, type AuditRow, streamAudit } from './audit-store.ts';
import { csvCell } from './csv-cell.ts';
import { PosternError } from './errors.ts';
import { sqlOf, type Tx } from './postgres/sql.ts';

export const AUDIT_FORMATS = ['csv', 'json'] as const;
export type AuditFormat = (typeof AUDIT_FORMATS)[number];

/** An entry as the API and files show it. */
export function auditView(row: AuditRow) {
  const { id, at, actor, action, subject, reason, details, sealed_as: place } = row;
  return {
    id: String(id),
    at: at.toISOString(),
    actor,
    action,
    subject,
    reason,
    details: details ?? null,
    sealed_as: place === null ? null : Number(place),
  };
}

/** The audit log on its way out. Whoever has it must `close` it in the end, however it ended. */
export type AuditExport = {
  readonly contentType: string;
  readonly fileName: string;
  /** A piece a page; the next is read when it is asked for. */
  readonly text: AsyncIterable<string>;
  /** Ends the query under way as well; may be called twice. */
  close(): Promise<void>;
};

/** Opens an export, oldest first, on a connection of its own. @throws PosternError `invalid_request` for a time that ends before it begins. */
export async function openAuditExport(
  connect: () => pg.Client,
  format: AuditFormat,
  filter: AuditFilter,
): Promise<AuditExport> {
  checkAuditTimes(filter);
  const client = connect();
  // A connection that dies tells its statement; the event itself, heard by nobody, would end the process.
  client.on('error', () => undefined);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= client.end();
    return closed;
  };
  try {
    await client.connect();
    const tx = sqlOf(client) as Tx;
    await tx.query('begin isolation level repeatable read read only');
    const pages = streamAudit(tx, filter);
    return format === 'csv'
      ? { contentType: 'text/csv; charset=utf-8; header=present', fileName: 'audit-log.csv', text: asCsv(pages), close }
      : { contentType: 'application/json; charset=utf-8', fileName: 'audit-log.json', text: asJson(pages), close };
  } catch (error) {
    await close();
    throw error;
  }
}

export function checkAuditTimes({ from, to }: AuditFilter): void {
  if (from !== undefined && to !== undefined && Date.parse(from) > Date.parse(to))
    throw new PosternError('invalid_request', `the time asked for ends at ${to}, before it begins at ${from}`);
}

const COLUMNS = ['id', 'at', 'actor', 'action', 'subject', 'reason', 'details', 'sealed_as'] as const;

async function* asCsv(pages: AsyncIterable<readonly AuditRow[]>): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`;
  for await (const rows of pages) yield rows.map((row) => csvLine(row)).join('');
}

function csvLine(row: AuditRow): string {
  const view = auditView(row);
  const cells = COLUMNS.map((name) => {
    const value = view[name];
    return csvCell(value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  });
  return `${cells.join(',')}\r\n`;
}

/** One array, an entry a line: for programs that read it whole, and for those that read lines. */
async function* asJson(pages: AsyncIterable<readonly AuditRow[]>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const rows of pages) {
    yield before + rows.map((row) => JSON.stringify(auditView(row))).join(',\n');
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}
