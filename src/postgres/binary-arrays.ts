/**
 * Array parameters in Postgres's binary form, made by hand: pg writes `Buffer[]` as hex text, which costs the server twice
 * the CPU, while a Buffer given as a parameter goes out in binary as it is. The statement casts: `$1::uuid[]`.
 *
 * The form (array_recv): int32 dimensions, int32 whether there are nulls, uint32 element type, then for each dimension
 * int32 length and int32 lower bound, then for each element int32 length (−1 for null) and its bytes. All big-endian.
 */
const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, int4: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;

const HEADER = 20;
const EMPTY_HEADER = 12;

type Item<T> = T | null;

/** uuid[] of ids as their 16 bytes. */
export function uuidArray(items: readonly Item<Buffer>[]): Buffer {
  return fixed(OID.uuid, 16, items, (item, array, at) => item.copy(array, at, 0, 16));
}

/** uuid[] of ids in their usual spelling. */
export function uuidTextArray(items: readonly Item<string>[]): Buffer {
  return fixed(OID.uuid, 16, items, writeUuid);
}

const DASH = 0x2d;
/** The value of a hexadecimal digit, by its character code. */
const DIGITS = Array.from({ length: 128 }, (_, code) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase()),
);

/** Digit by digit: a posting has several ids, and taking the dashes out of each first costs twice as much. */
function writeUuid(id: string, array: Buffer, at: number): void {
  let digits = 0;
  for (let n = 0; n < id.length; n += 1) {
    const code = id.charCodeAt(n);
    if (code === DASH) continue;
    const digit = DIGITS[code] ?? -1;
    if (digit < 0 || digits >= 32) throw new RangeError('not a UUID');
    const byte = at + (digits >> 1);
    if ((digits & 1) === 0) array[byte] = digit << 4;
    else array[byte] = (array[byte] ?? 0) | digit;
    digits += 1;
  }
  if (digits !== 32) throw new RangeError('not a UUID');
}

export function boolArray(items: readonly Item<boolean>[]): Buffer {
  return fixed(OID.bool, 1, items, (item, array, at) => array.writeUInt8(item ? 1 : 0, at));
}

export function int2Array(items: readonly Item<number>[]): Buffer {
  return fixed(OID.int2, 2, items, (item, array, at) => array.writeInt16BE(item, at));
}

export function int4Array(items: readonly Item<number>[]): Buffer {
  return fixed(OID.int4, 4, items, (item, array, at) => array.writeInt32BE(item, at));
}

export function int8Array(items: readonly Item<bigint>[]): Buffer {
  return fixed(OID.int8, 8, items, (item, array, at) => array.writeBigInt64BE(item, at));
}

/** Postgres counts microseconds from 2000-01-01. */
const EPOCH_MS = 946_684_800_000;

/** timestamptz[] of unix milliseconds. */
export function timestamptzArray(items: readonly Item<number>[]): Buffer {
  return fixed(OID.timestamptz, 8, items, (item, array, at) => {
    // Two halves instead of a bigint each: this runs for every row of the acknowledgement.
    const micros = (item - EPOCH_MS) * 1_000;
    array.writeInt32BE(Math.floor(micros / 0x1_0000_0000), at);
    array.writeUInt32BE(((micros % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000, at + 4);
  });
}

export function byteaArray(items: readonly Item<Uint8Array>[]): Buffer {
  let bytes = 0;
  for (const item of items) bytes += item === null ? 0 : item.byteLength;
  return variable(OID.bytea, bytes, items, (item, array, at) => {
    array.set(item, at);
    return item.byteLength;
  });
}

/** text[]. A string with U+0000 or a lone surrogate is the caller's to refuse: Postgres refuses the one, and the other turns into U+FFFD. */
export function textArray(items: readonly Item<string>[]): Buffer {
  let bytes = 0;
  for (const item of items) bytes += item === null ? 0 : Buffer.byteLength(item, 'utf8');
  return variable(OID.text, bytes, items, (item, array, at) => array.write(item, at, 'utf8'));
}

function fixed<T>(
  oid: number,
  size: number,
  items: readonly Item<T>[],
  write: (item: T, array: Buffer, at: number) => void,
): Buffer {
  let nulls = 0;
  for (const item of items) if (item === null) nulls += 1;
  const array = begin(oid, items.length, (items.length - nulls) * size, nulls > 0);
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = array.writeInt32BE(-1, at);
    } else {
      at = array.writeInt32BE(size, at);
      write(item, array, at);
      at += size;
    }
  }
  return array;
}

function variable<T>(
  oid: number,
  bytes: number,
  items: readonly Item<T>[],
  write: (item: T, array: Buffer, at: number) => number,
): Buffer {
  const array = begin(oid, items.length, bytes, items.includes(null));
  let at = HEADER;
  for (const item of items) {
    if (item === null) {
      at = array.writeInt32BE(-1, at);
    } else {
      const written = write(item, array, at + 4);
      array.writeInt32BE(written, at);
      at += 4 + written;
    }
  }
  return array;
}

function begin(oid: number, length: number, bytes: number, nulls: boolean): Buffer {
  // An empty array has no dimensions.
  const array = Buffer.allocUnsafe(length === 0 ? EMPTY_HEADER : HEADER + 4 * length + bytes);
  array.writeInt32BE(length === 0 ? 0 : 1, 0);
  array.writeInt32BE(nulls ? 1 : 0, 4);
  array.writeUInt32BE(oid, 8);
  if (length > 0) {
    array.writeInt32BE(length, 12);
    array.writeInt32BE(1, 16);
  }
  return array;
}
