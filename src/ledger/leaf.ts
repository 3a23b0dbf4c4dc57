import { createHash } from 'node:crypto';

/**
 * A transaction as the log seals it, in the spellings a proof carries. Times are `YYYY-MM-DDTHH:MM:SS.ffffffZ`, days
 * `YYYY-MM-DD`, hashes hex, amounts minor units.
 */
export type SealedTransaction = {
  readonly id: string;
  readonly effect_key: string;
  readonly content: string;
  readonly kind: string;
  readonly effective_at: string;
  readonly recorded_at: string;
  readonly accounting_date: string;
  readonly rule_version: number;
  readonly reverses: string | null;
  readonly source_event: string | null;
  readonly source_sha256: string | null;
  readonly source_line: string | null;
  readonly source_request: string | null;
  readonly cause: string | null;
  readonly lines: readonly SealedLine[];
};

export type SealedLine = {
  readonly line: number;
  readonly account: string;
  readonly currency: string;
  readonly amount: string;
  readonly reference: string | null;
  readonly component: string | null;
};

const OID = { bytea: 17, int8: 20, int2: 21, text: 25, date: 1082, timestamptz: 1184, uuid: 2950 } as const;

type Field = readonly [oid: number, bytes: Buffer | null];

const LEAF = Buffer.from([0]);

/** What `postern.leaf_hash` makes of it (migrations/0011-ledger-log.sql), made without a database. Throws RangeError on what is no such value. */
export function leafHashOf(t: SealedTransaction): Buffer {
  const row = record([
    text('postern.transaction.1'),
    uuid(t.id),
    text(t.effect_key),
    hex(t.content),
    text(t.kind),
    timestamp(t.effective_at),
    timestamp(t.recorded_at),
    date(t.accounting_date),
    int2(t.rule_version),
    uuid(t.reverses),
    uuid(t.source_event),
    hex(t.source_sha256),
    uuid(t.source_line),
    uuid(t.source_request),
    text(t.cause),
  ]);
  const hash = createHash('sha256').update(LEAF).update(row);
  for (const l of t.lines) {
    hash.update(
      record([int2(l.line), text(l.account), text(l.currency), int8(l.amount), text(l.reference), text(l.component)]),
    );
  }
  return hash.digest();
}

/** Postgres's binary form of a row: int32 fields, then for each int32 type, int32 length (-1: null) and the bytes. */
function record(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [int32(fields.length)];
  for (const [oid, bytes] of fields) parts.push(int32(oid), int32(bytes?.length ?? -1), bytes ?? Buffer.alloc(0));
  return Buffer.concat(parts);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string | null): Field => [OID.text, value === null ? null : Buffer.from(value, 'utf8')];

function hex(value: string | null): Field {
  if (value !== null && !/^(?:[0-9a-f]{2})*$/.test(value)) throw new RangeError(`not bytes in hex: ${value}`);
  return [OID.bytea, value === null ? null : Buffer.from(value, 'hex')];
}

function uuid(value: string | null): Field {
  if (value === null) return [OID.uuid, null];
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) throw new RangeError(`not a UUID: ${value}`);
  return [OID.uuid, Buffer.from(value.replaceAll('-', ''), 'hex')];
}

function int2(value: number): Field {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return [OID.int2, bytes];
}

function int8(value: string): Field {
  if (!/^-?\d{1,19}$/.test(value)) throw new RangeError(`not an amount: ${value}`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return [OID.int8, bytes];
}

const DAY_MS = 86_400_000;
/** Postgres counts from 2000-01-01: microseconds, and days. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

function timestamp(value: string): Field {
  const match = /^(\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.(\d{6})Z$/.exec(value);
  const seconds = Date.parse(`${match?.[1]}Z`);
  if (match === null || Number.isNaN(seconds)) throw new RangeError(`not a time: ${value}`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(seconds - EPOCH_MS) * 1_000n + BigInt(match[2] ?? 0));
  return [OID.timestamptz, bytes];
}

function date(value: string): Field {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(`${value}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new RangeError(`not a day: ${value}`);
  return [OID.date, int32((at - EPOCH_MS) / DAY_MS)];
}
