import type { BankFault } from '../bank-format.ts';
import { bai2Integer } from './bai2-amounts.ts';
import { type Bai2Record, createBai2Fields } from './bai2-records.ts';
import { contradiction, unreadable } from './bank-fault.ts';

/** What was counted since the header: the trailer must say the same. */
export type Bai2Totals = {
  /** Σ of the amounts (49), or of the totals below (98, 99), with the signs they are written with. */
  total: bigint;
  /** Accounts of a group, groups of a file. */
  children: number;
  /** Header, trailer and continuations among them. */
  records: number;
};

/** What a trailer contradicts; `total` is what it states, so that one wrong account does not make its group and file wrong, too. */
export function trailerFaults(
  trailer: Bai2Record | null,
  code: '49' | '98' | '99',
  row: number,
  counted: Readonly<Bai2Totals>,
  children: 'accounts' | 'groups' | null,
): { faults: BankFault[]; total: bigint } {
  if (trailer === null) {
    const what = { 49: 'account', 98: 'group', 99: 'file' }[code];
    const fault = contradiction({ row, field: code }, `this ${what} has no trailer (${code}): the file is cut off`, {
      expected: `a record ${code}`,
      found: 'none',
    });
    return { faults: [fault], total: counted.total };
  }
  const fields = createBai2Fields(trailer.parts);
  const text = fields.next() ?? '';
  const stated = bai2Integer(text);
  if (stated === null)
    return {
      faults: [
        unreadable(
          { row: trailer.row, field: `${code} control total`, value: text },
          'must be an amount without decimal point',
        ),
      ],
      total: counted.total,
    };
  const numbers: [field: string, stated: string, found: string][] = [
    ['control total', String(stated), String(counted.total)],
  ];
  if (children !== null) numbers.push([`number of ${children}`, count(fields.next()), String(counted.children)]);
  numbers.push(['number of records', count(fields.next()), String(counted.records)]);
  return {
    faults: numbers
      .filter(([, expected, found]) => expected !== found)
      .map(([field, expected, found]) =>
        contradiction(
          { row: trailer.row, field: `${code} ${field}` },
          'does not agree with what stands above it: something is missing, doubled or told wrongly',
          { expected: expected === '' ? 'a number' : expected, found },
        ),
      ),
    total: stated,
  };
}

const count = (text: string | null): string => (text ?? '').replace(/^0+(?=\d)/, '');
