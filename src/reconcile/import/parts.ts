import { createHash } from 'node:crypto';
import type { Sql } from '../../postgres/sql.ts';
import type { ReportPart, SettlementFormat } from '../../providers/settlement-format.ts';
import type { ImportOrder, Received } from './importer.ts';
import { missingParts } from './missing-parts.ts';
import {
  findByPart,
  forgetPart,
  insertChunk,
  keptParts,
  noteMissing,
  partChunk,
  settlePart,
  takeWaiting,
} from './parts-store.ts';
import { createReportSource, type ReportSource } from './report-source.ts';
import type { Session } from './session.ts';
import { holdImport } from './settlement-store.ts';

const CHUNK_BYTES = 1024 * 1024;
const TAIL_BYTES = 64 * 1024;

/**
 * Keeps one file of a report that comes in several. When it was the last one missing, all of them are one source, in their
 * order, for the caller to import under the id told; `shared` reads them beside the session.
 */
export async function receivePart(
  { session, shared }: { readonly session: Session; readonly shared: Sql },
  received: { id: string; order: ImportOrder; format: SettlementFormat; part: ReportPart; source: ReportSource },
): Promise<
  | Extract<Received, { kind: 'repeated' | 'waiting' }>
  | { readonly kind: 'whole'; readonly id: string; readonly source: ReportSource }
> {
  const { order, format, part, source } = received;
  const { endpoint, fileName, actor } = order;
  const { settings, account } = endpoint;
  const books = { provider: endpoint.provider.name, account };
  const id = await session.transaction((tx) =>
    takeWaiting(tx, {
      id: received.id,
      ...books,
      endpointId: endpoint.id,
      format: format.name,
      movesMoney: format.role(settings) === 'money',
      mode: settings.settlement_mode ?? format.mode,
      fileName: null,
      bytes: 0,
      partKey: part.key,
      actor,
    }),
  );
  const kept = await keepBytes(session.sql, id, part.number, { fileName, source });
  const last = part.last ?? format.isLastPart?.(kept.tail) ?? false;
  const standing = await findByPart(session.sql, { ...books, sha256: kept.sha256 });
  if (standing !== null) {
    await session.transaction((tx) => forgetPart(tx, id, part.number));
    return { kind: 'repeated', id: standing };
  }
  const parts = await session.transaction(async (tx) => {
    await settlePart(tx, id, { number: part.number, last }, kept);
    const all = await keptParts(tx, id);
    const missing = missingParts(all);
    await noteMissing(tx, id, missing === '' ? null : `waits for further files of its report: ${missing}`);
    return all;
  });
  const missing = missingParts(parts);
  if (missing !== '') return { kind: 'waiting', id, missing };
  // Whoever brought another part at the same time may have seen it whole, too.
  if (!(await holdImport(session.sql, id))) return { kind: 'waiting', id, missing: 'none: it is being imported' };
  const bytes = readParts(
    shared,
    id,
    parts.map((one) => one.part),
  );
  return { kind: 'whole', id, source: createReportSource(bytes, Number.MAX_SAFE_INTEGER) };
}

/** Under its number with a minus until it is whole: a part that broke off is none. */
async function keepBytes(
  sql: Sql,
  settlement: string,
  number: number,
  { fileName, source }: { fileName: string | null; source: ReportSource },
): Promise<{ chunks: number; sha256: Buffer; tail: string }> {
  const hash = createHash('sha256');
  let chunks = 0;
  let held: Uint8Array[] = [];
  let size = 0;
  let tail: Uint8Array = Buffer.alloc(0);
  async function flush(): Promise<void> {
    const bytes = Buffer.concat(held);
    await insertChunk(sql, settlement, { part: -number, chunk: chunks, fileName, isLast: false, bytes });
    tail = Buffer.concat([tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    chunks += 1;
    [held, size] = [[], 0];
  }
  for await (const piece of source.bytes()) {
    hash.update(piece);
    held.push(piece);
    size += piece.byteLength;
    if (size >= CHUNK_BYTES) await flush();
  }
  if (size > 0 || chunks === 0) await flush();
  return { chunks, sha256: hash.digest(), tail: new TextDecoder().decode(tail) };
}

async function* readParts(sql: Sql, settlement: string, numbers: readonly number[]): AsyncGenerator<Uint8Array, void> {
  for (const number of numbers) {
    let end: number | undefined;
    for (let chunk = 0; ; chunk += 1) {
      const bytes = await partChunk(sql, settlement, number, chunk);
      if (bytes === null) break;
      end = bytes.at(-1) ?? end;
      yield bytes;
    }
    // Two rows must not become one where a file does not end its last line.
    if (end !== undefined && end !== LINE_END) yield Buffer.of(LINE_END);
  }
}

const LINE_END = 0x0a;
