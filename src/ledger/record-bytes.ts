/* Values in the binary form that Postgres gives them, made without a database: what leaves of the log are made of. */

const OID = { bytea: 17, int8: 20, int2: 21, text: 25, date: 1082, timestamptz: 1184, uuid: 2950 } as const;

type Field = readonly [oid: number, bytes: Buffer | null];

/** Postgres's binary form of a row: int32 fields, then for each int32 type, int32 length (-1: null) and the bytes. */
export function record(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [int32(fields.length)];
  for (const [oid, bytes] of fields) parts.push(int32(oid), int32(bytes?.length ?? -1), bytes ?? Buffer.alloc(0));
  return Buffer.concat(parts);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const text = (value: string | null): Field => [OID.text, value === null ? null : Buffer.from(value, 'utf8')];

export function hex(value: string | null): Field {
  if (value !== null && !/^(?:[0-9a-f]{2})*$/.test(value)) throw new RangeError(`not bytes in hex: ${value}`);
  return [OID.bytea, value === null ? null : Buffer.from(value, 'hex')];
}

export function uuid(value: string | null): Field {
  if (value === null) return [OID.uuid, null];
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) throw new RangeError(`not a UUID: ${value}`);
  return [OID.uuid, Buffer.from(value.replaceAll('-', ''), 'hex')];
}

export function int2(value: number): Field {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return [OID.int2, bytes];
}

export function int8(value: string): Field {
  if (!/^-?\d{1,19}$/.test(value)) throw new RangeError(`not a whole number: ${value}`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return [OID.int8, bytes];
}

const DAY_MS = 86_400_000;
/** Postgres counts from 2000-01-01: microseconds, and days. */
const EPOCH_MS = Date.UTC(2000, 0, 1);

export function timestamp(value: string): Field {
  const match = /^(\d{4,}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\.(\d{6})Z$/.exec(value);
  const seconds = Date.parse(`${match?.[1]}Z`);
  if (match === null || Number.isNaN(seconds)) throw new RangeError(`not a time: ${value}`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(seconds - EPOCH_MS) * 1_000n + BigInt(match[2] ?? 0));
  return [OID.timestamptz, bytes];
}

export function date(value: string): Field {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(`${value}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(at)) throw new RangeError(`not a day: ${value}`);
  return [OID.date, int32((at - EPOCH_MS) / DAY_MS)];
}
