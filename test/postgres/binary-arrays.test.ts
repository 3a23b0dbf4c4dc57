import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  timestamptzArray,
  uuidArray,
  uuidTextArray,
} from '../../src/postgres/binary-arrays.ts';
import { uuidText } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ migrated: false });
});
afterAll(() => database.drop());

/** What the server makes of the parameter, element by element, in its own words. */
async function received(type: string, array: Buffer): Promise<unknown[]> {
  const { rows } = await database.sql.query<{ item: unknown }>(`select unnest($1::${type}[]) as item`, [array]);
  return rows.map((row) => row.item);
}

describe('array parameters in binary', () => {
  it('empty arrays arrive empty', async () => {
    expect(await received('uuid', uuidArray([]))).toEqual([]);
    expect(await received('text', textArray([]))).toEqual([]);
    const { rows } = await database.sql.query('select cardinality($1::int8[]) as n', [int8Array([])]);
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('nulls stay nulls, in every type', async () => {
    expect(await received('uuid', uuidArray([null]))).toEqual([null]);
    expect(await received('bytea', byteaArray([null, Buffer.alloc(0), null]))).toEqual([null, Buffer.alloc(0), null]);
    expect(await received('text', textArray([null, '', null]))).toEqual([null, '', null]);
    expect(await received('bool', boolArray([true, null, false]))).toEqual([true, null, false]);
    expect(await received('timestamptz', timestamptzArray([null, 0]))).toEqual([null, new Date(0)]);
  });

  it('numbers at their limits', async () => {
    expect(await received('int2', int2Array([-32_768, 0, 32_767, null]))).toEqual([-32_768, 0, 32_767, null]);
    expect(await received('int4', int4Array([-(2 ** 31), -1, 2 ** 31 - 1]))).toEqual([-(2 ** 31), -1, 2 ** 31 - 1]);
    const limits = [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n];
    expect(await received('int8', int8Array(limits))).toEqual(limits);
    expect(() => int4Array([2 ** 31])).toThrow(RangeError);
    expect(() => int8Array([2n ** 63n])).toThrow(RangeError);
  });

  it('ids as bytes and as text are the same ids', async () => {
    const bytes = Buffer.from('0193a1b2c3d47e5f8a9b0c1d2e3f4051', 'hex');
    expect(await received('uuid', uuidArray([bytes]))).toEqual([uuidText(bytes)]);
    expect(await received('uuid', uuidTextArray([uuidText(bytes), null]))).toEqual([uuidText(bytes), null]);
    expect(() => uuidTextArray(['0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f405'])).toThrow(RangeError);
    expect(() => uuidTextArray(['zzzza1b2-c3d4-7e5f-8a9b-0c1d2e3f4051'])).toThrow(RangeError);
  });

  it('any bytes, texts and times come back as they went', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.uint8Array({ maxLength: 300 }))),
        fc.array(fc.option(fc.string({ unit: 'binary', maxLength: 100 }).filter((text) => !text.includes('\0')))),
        fc.array(fc.option(fc.integer({ min: -62_000_000_000_000, max: 250_000_000_000_000 }))),
        async (blobs, texts, times) => {
          expect(await received('bytea', byteaArray(blobs))).toEqual(blobs.map((blob) => blob && Buffer.from(blob)));
          expect(await received('text', textArray(texts))).toEqual(texts);
          const { rows } = await database.sql.query<{ ms: bigint | null }>(
            'select (extract(epoch from t) * 1000)::int8 as ms from unnest($1::timestamptz[]) t',
            [timestamptzArray(times)],
          );
          expect(rows.map((row) => row.ms)).toEqual(times.map((time) => (time === null ? null : BigInt(time))));
        },
      ),
      { numRuns: 50 },
    );
  });
});
