import { expect, test } from 'vitest';
import { bindColumns, hasColumns, headerCells } from '../src/header-columns.ts';

const NAMES = { id: ['balance_transaction_id'], created: ['created_utc', 'created'], payout: ['payout_id', null] };

test('binds by name, whatever the order, case and neighbours', () => {
  expect(bindColumns(['new', ' Created', 'BALANCE_TRANSACTION_ID', 'x'], NAMES)).toEqual({
    kind: 'bound',
    at: { id: 2, created: 1, payout: -1 },
  });
});

test('the first of several names counts', () => {
  expect(bindColumns(['created', 'created_utc', 'balance_transaction_id', 'created'], NAMES)).toMatchObject({
    at: { created: 1 },
  });
});

test('names every column that is read and stands there twice, but for those that may', () => {
  const header = ['payout_id', 'balance_transaction_id', 'x', 'created', 'x', ' Payout_ID', 'CREATED', 'created'];
  expect(bindColumns(header, NAMES)).toEqual({ kind: 'repeated', names: ['created', 'payout_id'] });
  expect(bindColumns(header, NAMES, ['payout_id'])).toEqual({ kind: 'repeated', names: ['created'] });
  expect(bindColumns(header, NAMES, ['Payout_id', 'created'])).toMatchObject({ at: { created: 3, payout: 0 } });
  // What is missing is told first.
  expect(bindColumns(header.slice(2), NAMES)).toMatchObject({ kind: 'missing' });
});

test('names every column that is missing, with all that it may be called', () => {
  expect(bindColumns(['payout_id'], NAMES)).toEqual({
    kind: 'missing',
    names: ['balance_transaction_id', 'created_utc or created'],
  });
});

test('a header is found in how a file begins, behind a byte order mark and blank lines', () => {
  expect(headerCells('\uFEFF\r\n"a ""b""",c\r\n1,2')).toEqual(['a "b"', 'c']);
  expect(headerCells('a;b', ';')).toEqual(['a', 'b']);
  expect(headerCells('"a')).toBeNull();
  expect(hasColumns(headerCells('b, A'), ['a', 'B'])).toBe(true);
  expect(hasColumns(null, ['a'])).toBe(false);
});
