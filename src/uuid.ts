import { randomFillSync } from 'node:crypto';

/**
 * UUIDv7 (RFC 9562): 48 bits of unix milliseconds, then randomness. Within one process ids made in the same millisecond
 * rise, so that rows land at the right edge of their index: 12 bits of counter follow the time.
 */
const POOL_BYTES = 8 * 1024;
const pool = Buffer.allocUnsafe(POOL_BYTES);
let poolOffset = POOL_BYTES;
let lastMs = 0;
let counter = 0;

/** A new id as its 16 bytes. Its millisecond is `ms` exactly, which a delivery id's partition depends on. */
export function uuidv7Bytes(ms: number): Buffer {
  if (poolOffset + 10 > POOL_BYTES) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  const id = Buffer.allocUnsafe(16);
  pool.copy(id, 6, poolOffset, poolOffset + 10);
  poolOffset += 10;
  if (ms === lastMs && counter < 0xfff) counter += 1;
  else counter = id.readUInt16BE(6) & 0x1ff;
  lastMs = ms;
  id.writeUIntBE(ms, 0, 6);
  id.writeUInt16BE(0x7000 | counter, 6);
  id.writeUInt8(0x80 | (id.readUInt8(8) & 0x3f), 8);
  return id;
}

export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function uuidv7(ms: number): string {
  return uuidText(uuidv7Bytes(ms));
}

/** The unix millisecond inside a UUIDv7: the `received_at` of a delivery, so that its id alone finds its partition. */
export function uuidTime(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Before every UUIDv7 of this millisecond and of those after it. */
export function uuidFloor(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** As ids are written here; another way of writing one names nothing. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
