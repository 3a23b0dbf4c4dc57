import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bai2 } from '../../../src/reconcile/bank/bai2.ts';
import { bai2Direction } from '../../../src/reconcile/bank/bai2-codes.ts';
import { type ReadBank, readBank } from '../../support/bank-statements.ts';

const fixture = readFileSync('test/fixtures/bank/two-accounts.bai2', 'utf8');
const read = (file: string): Promise<ReadBank> => readBank(bai2, file);

type Shape = {
  readonly group?: string;
  readonly account?: string;
  /** Of the account: what its amounts come to. */
  readonly total?: string;
  /** Records of the entries. */
  readonly count?: number;
};

/** A file of one account; its trailers are right unless the shape makes them wrong. */
function file(entries: readonly string[], shape: Shape = {}): string {
  const { group = '02,SHOP,BANK,1,260302,2400,USD,2/', account = '03,4001,,/', total = '0' } = shape;
  const count = shape.count ?? entries.length;
  return [
    '01,BANK,SHOP,260303,0600,1,,,2/',
    group,
    account,
    ...entries,
    `49,${total},${count + 2}/`,
    `98,${total},1,${count + 4}/`,
    `99,${total},1,${count + 6}/`,
    '',
  ].join('\n');
}

const entryOf = async (line: string, total: string) => (await read(file([line], { total }))).entries[0];

describe('a BAI2 file', () => {
  it('is read with continuations, wrapped texts, several records on a line and every funds type', async () => {
    const { entries, statements, faults } = await read(fixture);
    expect(faults).toEqual([]);
    expect(entries.map(({ row, amount, text }) => [row, amount, text])).toEqual([
      [5, 20_000n, 'STRIPE TRANSFER, ST/A1B2'],
      [8, 2_345n, 'WIRE from a friend'],
      [10, 0n, 'nothing'],
      [10, -10_000n, 'RETURNED / CHEQUE'],
    ]);
    expect(statements).toMatchObject([
      { account: '4001', currency: 'USD', opening: 100_000n, closing: 112_345n, entries: 4, sum: 12_345n },
      { account: '4002', currency: 'JPY', opening: null, closing: 700n, entries: 0 },
    ]);
  });

  it('gives references and the other side from tagged continuations', async () => {
    expect((await read(fixture)).entries[0]).toMatchObject({
      references: ['TRN-1', 'STRIPE', 'ST-A1B2C3'],
      counterparty: { name: 'STRIPE' },
      at: Date.parse('2026-03-02T00:00:00+01:00'),
    });
    expect((await read(fixture)).entries[1]?.valueAt).toBe(Date.parse('2026-03-01T00:00:00+01:00'));
  });

  it('tells two equal entries apart, and one that comes again in another file as the same', async () => {
    const twice = (await read(file(['16,195,5,Z,,,X/', '16,195,5,Z,,,X/'], { total: '10' }))).entries;
    const again = (await read(file(['16,195,5,Z,,,X/'], { total: '5' }).replace('0600,1,', '0700,2,'))).entries;
    expect(twice[1]?.identity).toBe(`${twice[0]?.identity}/2`);
    expect(again[0]?.identity).toBe(twice[0]?.identity);
  });

  it('tells equal entries apart where accounts of a day follow each other, and once where the later has them again', async () => {
    const of = (time: string, opening: number, closing: number, count = 1): string =>
      file(
        Array.from({ length: count }, () => '16,195,5,Z,,,X/'),
        {
          account: `03,4001,USD,010,${opening},,,015,${closing},,/`,
          total: String(opening + closing + 5 * count),
          group: `02,SHOP,BANK,1,260302,${time},USD,2/`,
        },
      );
    const told = async (text: string): Promise<string[]> => {
      const { entries, faults } = await read(text);
      expect(faults).toEqual([]);
      return entries.map(({ identity }) => identity);
    };
    const [first = ''] = await told(of('1200', 10, 15));
    expect(await told(of('1200', 10, 15) + of('2400', 15, 20))).toEqual([first, `${first}/2`]);
    expect(await told(of('1200', 10, 15) + of('2400', 10, 20, 2))).toEqual([first, first, `${first}/2`]);
    // Without balances nothing tells which it is: they may be parts of a day.
    const bare = file(['16,195,5,Z,,,X/'], { total: '5' });
    expect(await told(bare + bare.replace('2400', '1200'))).toEqual([first, `${first}/2`]);
  });

  it('tells a booking by the bank’s reference once, though two files in one tell it', async () => {
    const of = (entries: readonly string[], total: string) => file(entries, { total });
    const earlier = of(['16,195,5,Z,B1,,X/', '16,195,5,Z,B1,,X/'], '10').replace('260302,2400', '260302,1200');
    const { entries, faults } = await read(earlier + of(['16,195,5,Z,B1,,X/'], '5'));
    const first = '2026-03-02/B1/5USD';
    expect(faults).toEqual([]);
    expect(entries.map(({ identity }) => identity)).toEqual([first, `${first}/2`, first]);
  });

  it.each([
    [
      '16,195,1050,Z,B1,C1,TEXT, WITH/SLASH, AND COMMAS/',
      '1050',
      { amount: 1_050n, text: 'TEXT, WITH/SLASH, AND COMMAS' },
    ],
    ['16,195,1050,,AB/CD/1,,/', '1050', { references: ['AB/CD/1'], text: '' }],
    ['16,495,+0000000001050,1,B1,,/', '1050', { amount: -1_050n }],
    ['16,252,1050,2,B1,,REVERSED/', '1050', { amount: 1_050n, reversal: true }],
    ['16,195,1050,V,260228,9999,B1,,/', '1050', { valueAt: Date.parse('2026-02-28T00:00:00+01:00') }],
    [
      '16,195,1050,V,260228,2359,B1,,/',
      '1050',
      { references: ['B1'], valueAt: Date.parse('2026-02-28T00:00:00+01:00') },
    ],
    ['16,195,30,S,10,,20,B1,,/', '30', { amount: 30n, references: ['B1'] }],
    ['16,195,30,D,2,1,10,2,20,B1,,/', '30', { amount: 30n, references: ['B1'] }],
  ])('reads %s', async (line, total, expected) => {
    expect(await entryOf(line, total)).toMatchObject(expected);
  });

  it('takes decimals from the currency: account’s, group’s, else US dollars', async () => {
    const of = async (account: string, group: string) =>
      (await read(file([], { account, group: `02,S,B,1,260302,,${group},2/` }))).statements[0]?.currency;
    expect([await of('03,1,JPY,/', 'CAD'), await of('03,1,,/', 'CAD'), await of('03,1,,/', '')]).toEqual([
      'JPY',
      'CAD',
      'USD',
    ]);
  });

  it.each([
    ['100', 'in'],
    ['399', 'in'],
    ['400', 'out'],
    ['698', 'out'],
    ['920', 'in'],
    ['960', 'out'],
    ['890', 'none'],
    ['721', 'unknown'],
    ['040', 'unknown'],
    ['1x5', 'unknown'],
  ])('code %s is %s', (code, direction) => {
    expect(bai2Direction(code)).toBe(direction);
  });
});

describe('a BAI2 file that contradicts itself', () => {
  it.each([
    ['a control total of an account', '49,277035,10/', '49,277036,10/', 12, '49 control total', '277036', '277035'],
    ['a count of an account', '49,277035,10/', '49,277035,9/', 12, '49 number of records', '9', '10'],
    ['the accounts of a group', '98,277735,2,14/', '98,277735,3,14/', 14, '98 number of accounts', '3', '2'],
    ['a control total of the group', '98,277735,2,14/', '98,277736,2,14/', 14, '98 control total', '277736', '277735'],
    ['a count of the file', '99,277735,1,16/', '99,277735,1,17/', 15, '99 number of records', '17', '16'],
    ['the groups of the file', '99,277735,1,16/', '99,277735,2,16/', 15, '99 number of groups', '2', '1'],
  ])('in %s', async (_name, right, wrong, row, field, expected, found) => {
    const { faults } = await read(fixture.replace(right, wrong));
    expect(faults[0]).toMatchObject({ kind: 'contradiction', row, field, expected, found });
  });

  it('because a line was cut out: three counts and a total see it', async () => {
    const { faults } = await read(fixture.replace(/^16,142.*\n88.*\n88.*\n/m, ''));
    expect(faults.map(({ field, expected, found }) => [field, expected, found])).toEqual([
      [null, '1123.45 USD', '923.45 USD'],
      ['49 control total', '277035', '257035'],
      ['49 number of records', '10', '7'],
      ['98 number of records', '14', '11'],
      ['99 number of records', '16', '13'],
    ]);
  });

  it('because it is cut off: account, group and file have no end', async () => {
    const { faults } = await read(fixture.slice(0, fixture.indexOf('16,495')));
    expect(faults.map(({ kind, field }) => [kind, field])).toEqual([
      ['contradiction', null],
      ['contradiction', '49'],
      ['contradiction', '98'],
      ['contradiction', '99'],
    ]);
  });

  const balanced = file(['16,195,5,Z,,,X/'], { account: '03,4001,USD,010,10,,,015,15,,/', total: '30' });
  const bare = file(['16,195,5,Z,,,X/'], { total: '5' });

  it.each([
    ['with balances', balanced],
    ['without', bare],
  ])('because it is in the file twice, %s', async (_name, one) => {
    expect((await read(one)).faults).toEqual([]);
    expect((await read(one + one)).faults).toMatchObject([
      { kind: 'contradiction', row: 10, statement: 'BANK/BANK/1/2026-03-02', expected: 'once', found: 'twice' },
    ]);
  });

  it('because a group is in the file twice', async () => {
    const group = balanced.split('\n').slice(1, 6).join('\n');
    const text = ['01,BANK,SHOP,260303,0600,1,,,2/', group, group, '99,60,2,12/', ''].join('\n');
    expect((await read(text)).faults).toMatchObject([{ row: 8, expected: 'once', found: 'twice' }]);
  });

  it.each([
    ['another account', bare, (text: string) => text.replace('03,4001', '03,4002')],
    ['another currency', bare, (text: string) => text.replace('03,4001,', '03,4001,CAD')],
    ['another day', bare, (text: string) => text.replace('260302', '260303')],
    ['another time', bare, (text: string) => text.replace('2400', '1200')],
    ['another entry', bare, (text: string) => text.replace(',X/', ',Y/')],
    [
      'other balances',
      balanced,
      (text: string) => text.replace(',10,,,015,15', ',15,,,015,20').replaceAll(',30,', ',40,'),
    ],
    ['no entries', file([]), (text: string) => text],
  ])('but not because another is like it, with %s', async (_name, one, change) => {
    expect((await read(one + change(one))).faults).toEqual([]);
  });

  it('because an entry’s parts do not come to it', async () => {
    const { faults } = await read(file(['16,195,30,S,10,,21,B1,,/'], { total: '30' }));
    expect(faults).toMatchObject([{ row: 4, expected: '30', found: '31' }]);
  });
});

describe('what is refused in a BAI2 file', () => {
  it.each([
    ['2', 'deletes what was sent before'],
    ['3', 'corrects what was sent before'],
    ['4', 'is a test'],
  ])('a group of status %s, with what it has', async (status, reason) => {
    const { entries, statements, faults } = await read(
      file(['16,195,5,Z,B1,,/'], { total: '5', group: `02,S,B,${status},260302,,USD,2/` }),
    );
    expect([entries, statements]).toEqual([[], []]);
    expect(faults).toMatchObject([{ kind: 'unreadable', row: 2 }]);
    expect(faults[0]?.reason).toContain(reason);
    expect(faults[0]?.reason).toContain('its 1 entry (0.05 USD) is not imported');
  });

  it.each(['1', '3'])('an interim group (modifier %s)', async (modifier) => {
    const { entries, faults } = await read(
      file(['16,195,5,Z,B1,,/'], { total: '5', group: `02,S,B,1,260302,,USD,${modifier}/` }),
    );
    expect(entries).toEqual([]);
    expect(faults[0]?.reason).toContain('interim report');
  });

  it.each([
    ['an amount with a point', '16,195,10.50,Z,,,/', '16 amount'],
    ['no amount', '16,195,,Z,,,/', '16 amount'],
    ['an unknown funds type', '16,195,5,X,,,/', '16 amount'],
    ['a distribution without end', '16,195,5,D,9999,1,5,,,/', '16 amount'],
    ['a code that is no direction', '16,721,5,Z,,,/', '16 type code'],
    ['an impossible value date', '16,195,5,V,261301,,,,/', '16 value date'],
  ])('%s is named with its line', async (_name, line, field) => {
    const { faults } = await read(file([line], { total: '5' }));
    expect(faults).toContainEqual(expect.objectContaining({ kind: 'unreadable', row: 4, field }));
  });

  it.each([
    ['an unknown record', '17,1,2/', 4],
    ['an entry outside of an account', '49,0,2/\n16,195,5,Z,,,/', 5],
  ])('%s', async (_name, line, row) => {
    expect((await read(file([line]))).faults).toContainEqual(expect.objectContaining({ kind: 'unreadable', row }));
  });

  it.each([
    ['another version', fixture.replace(',,2/\n02', ',,1/\n02'), 1],
    ['a group without a day', fixture.replace('260302,2400', '260399,2400'), 2],
    ['an account in no currency', fixture.replace('03,4002,JPY', '03,4002,XXX'), 13],
    ['an account without a number', fixture.replace('03,4001', '03,'), 3],
    ['no beginning', fixture.slice(fixture.indexOf('02,')), 1],
    ['something behind the end', `${fixture}16,195,5,Z,,,/\n`, 16],
    ['nothing', '', 1],
    ['no BAI2 at all', 'one\ntwo\n', 1],
  ])('%s', async (_name, text, row) => {
    expect((await read(text)).faults).toContainEqual(expect.objectContaining({ kind: 'unreadable', row }));
  });
});
