import { PosternError } from '../errors.ts';
import { type Json, textAt } from '../exact-json.ts';
import { type JsonDocument, type JsonRecord, readJsonRecords } from '../json-records.ts';
import { notTextReason } from '../not-text.ts';
import { isoTime } from './iso-time.ts';
import type { ReportFault, ReportItem } from './settlement-format.ts';

/** What one format makes of the records of a file. What it throws as a PosternError is a fault of that record. */
export type JsonReading = {
  record(record: JsonRecord): readonly ReportItem[];
  /** An object has ended: a page, or an object without any of the places. */
  document(document: JsonDocument): readonly ReportItem[];
  end(): readonly ReportItem[];
};

/** A report that comes as JSON: every record read, every fault told with its number. Throws only what `source` throws. */
export async function* readJsonReport(
  source: AsyncIterable<Uint8Array>,
  places: readonly string[],
  reading: JsonReading,
): AsyncIterable<readonly ReportItem[]> {
  let seen = false;
  let other: string | null = null;
  async function* text(): AsyncIterable<Uint8Array> {
    let isFirst = true;
    for await (const chunk of source) {
      if (isFirst) other = notTextReason(chunk);
      isFirst = false;
      if (other !== null) return;
      yield chunk;
    }
  }
  for await (const items of readJsonRecords(text(), places)) {
    seen = true;
    yield items.flatMap((item) => {
      if (item.kind === 'record') return guarded(item.number, item.raw, () => reading.record(item));
      if (item.kind === 'document') return guarded(item.number, item.raw, () => reading.document(item));
      return [unreadable(item.number, null, null, item.reason)];
    });
    const last = items.at(-1);
    // What a file that broke off says of its end is of no use.
    if (last?.kind === 'broken' && last.isEnd) return;
  }
  yield seen
    ? guarded(null, '', () => reading.end())
    : [unreadable(null, null, null, other === null ? 'the file holds no record at all' : `the file ${other}`)];
}

function guarded(row: number | null, raw: string, read: () => readonly ReportItem[]): readonly ReportItem[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    const [fault] = error.faults;
    return [unreadable(row, fault?.path ?? null, fault?.message ?? raw.slice(0, SHOWN), error.message)];
  }
}

const SHOWN = 200;

function unreadable(row: number | null, field: string | null, value: string | null, reason: string): ReportFault {
  return {
    type: 'fault',
    kind: 'unreadable',
    row,
    field,
    value: value === null ? null : value.slice(0, SHOWN),
    reason,
  };
}

export function contradiction(fault: Omit<ReportFault, 'type' | 'kind'>): ReportFault {
  return { type: 'fault', kind: 'contradiction', ...fault };
}

/** What a record cannot be read for. `value` is what stood there. */
export function fieldFault(field: string, value: string | undefined, reason: string): PosternError {
  return new PosternError('unreadable_event', `${field} ${reason}`, {
    faults: [{ path: field, message: value ?? '' }],
  });
}

/** An id, as it goes into references and keys. @throws PosternError where there is none */
export function requiredId(record: Json | undefined, ...path: readonly string[]): string {
  const id = idAt(record, ...path);
  if (id === undefined) throw fieldFault(path.join('.'), textAt(record, ...path), 'must be an id');
  return id;
}

/** Undefined for anything that is no id: a key that finds nothing is left out. */
export function idAt(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const id = textAt(record, ...path);
  return id !== undefined && ID.test(id) ? id : undefined;
}

const ID = /^[\x21-\x7e]{1,255}$/;

/** A reference that people chose, as they wrote it; what Postgres cannot keep, or nobody would match by, is left out. */
export function merchantReference(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const text = textAt(record, ...path)?.trim();
  return text !== undefined && text !== '' && text.length <= 255 && !text.includes('\0') ? text : undefined;
}

/** An ISO 8601 time as unix ms. @throws PosternError where there is none */
export function requiredTime(record: Json | undefined, ...path: readonly string[]): number {
  const text = textAt(record, ...path);
  const time = isoTime(text);
  if (time === undefined) throw fieldFault(path.join('.'), text, 'must be a time');
  return time;
}
