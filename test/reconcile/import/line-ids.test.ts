import { expect, it } from 'vitest';
import { lineIds } from '../../../src/reconcile/import/line-ids.ts';
import { isUuid, uuidTime } from '../../../src/uuid.ts';

const IMPORT = '019c2f00-1234-7abc-9def-0123456789ab';

it('ids of lines rise in their order, and have the time of their import', () => {
  const idOf = lineIds(IMPORT);
  const ids = [0, 1, 15, 16, 65_536, 2 ** 32 - 1].map(idOf);
  expect(ids.every(isUuid)).toBe(true);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.map(uuidTime)).toEqual(ids.map(() => uuidTime(IMPORT)));
});

it('imports that began in one millisecond under one count have other lines', () => {
  const other = `${IMPORT.slice(0, 24)}1${IMPORT.slice(25)}`;
  expect(lineIds(other)(7)).not.toBe(lineIds(IMPORT)(7));
});
