import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mt940 } from '../../../src/reconcile/bank/mt940.ts';
import { type ReadBank, readBank } from '../../support/bank-statements.ts';

const fixture = readFileSync('test/fixtures/bank/two-pages.sta');
const read = (file: string | Uint8Array): Promise<ReadBank> => readBank(mt940, file);

/** One statement in EUR, opened with 0. */
const file = (lines: readonly string[], closing = 'C260302EUR0,', opening = 'C260301EUR0,'): string =>
  [':20:REF', ':25:DE02120300000000202051', ':28C:1/1', `:60F:${opening}`, ...lines, `:62F:${closing}`, '-', ''].join(
    '\r\n',
  );

const entryOf = async (...lines: readonly string[]) => (await read(file(lines))).entries[0];

describe('an MT940', () => {
  it('is read with blocks, pages, reversals, hyphens in a text and no last line end', async () => {
    const { entries, statements, faults } = await read(fixture);
    expect(faults).toEqual([]);
    expect(entries.map(({ row, amount, identity }) => [row, amount, identity])).toEqual([
      [6, 12_050n, '2026-01-02/BANK-1/12050EUR'],
      [8, -2_050n, '2026-01-02/BANK-2/-2050EUR'],
      [13, -10_000n, expect.stringMatching(/^2026-01-02\/[0-9a-f]{32}$/)],
      [24, -1n, expect.stringMatching(/^2026-01-02\/[0-9a-f]{32}$/)],
      [25, -1n, `${entries[3]?.identity}/2`],
    ]);
    expect(statements).toMatchObject([
      {
        account: '12030000/202051',
        number: { year: 2026, value: 17 },
        opening: 100_000n,
        closing: 100_000n,
        entries: 3,
      },
      { number: { year: 2026, value: 17 }, opening: 100_000n, closing: 99_998n, entries: 2, sum: -2n },
    ]);
  });

  it('takes the booking day’s year from the value day: December and January', async () => {
    const { entries } = await read(fixture);
    expect(entries[0]).toMatchObject({
      at: Date.parse('2026-01-02T00:00:00+01:00'),
      valueAt: Date.parse('2025-12-31T00:00:00+01:00'),
    });
    expect((await entryOf(':61:2601021231C0,NTRFNONREF'))?.at).toBe(Date.parse('2025-12-31T00:00:00+01:00'));
  });

  it('takes the 30th of February for its last day', async () => {
    expect((await entryOf(':61:2402300301C0,NTRFNONREF'))?.valueAt).toBe(Date.parse('2024-02-29T00:00:00+01:00'));
  });

  it('takes German subfields apart', async () => {
    expect((await read(fixture)).entries[0]).toMatchObject({
      references: ['BANK-1', 'po_1AbC'],
      counterparty: { name: 'Stripe Technology Europe', account: 'IE29AIBK93115212345678' },
      text: 'STRIPE PAYOUT MARCH A ND MORE',
    });
  });

  it.each(['~', '>'])('takes subfields with %s apart', async (mark) => {
    const entry = await entryOf(':61:260302C0,NTRFNONREF', `:86:166${mark}00X${mark}20SVWZ+Some text${mark}32Name`);
    expect(entry).toMatchObject({ text: 'Some text', counterparty: { name: 'Name' } });
  });

  it('takes code words apart', async () => {
    expect((await read(fixture)).entries[1]).toMatchObject({
      reversal: true,
      references: ['BANK-2', 'REF-2', 'PAY-77'],
      counterparty: { name: 'Shop BV', account: 'NL32INGB0000012345' },
      text: '/OCMT/EUR20,50 Refund',
    });
    const sepa = await entryOf(
      ':61:260302C0,NTRFEREF//X1',
      ':86:/TRTP/SEPA OVERBOEKING/IBAN/NL44RABO0123456789/BIC/RABONL2U/NAME/J DOE',
      '/REMI/Payout 77/EREF/E2E-9',
    );
    expect(sepa).toMatchObject({
      references: ['X1', 'E2E-9'],
      counterparty: { name: 'J DOE', account: 'NL44RABO0123456789' },
      text: 'Payout 77',
    });
  });

  it('joins lines of free text, within a word where the line was full', async () => {
    const full = `${'A'.repeat(60)} AUSZ`;
    expect((await entryOf(':61:260302C0,NTRFNONREF', `:86:${full}`, 'AHLUNG 1', 'END'))?.text).toBe(
      `${full}AHLUNG 1 END`,
    );
  });

  it.each([
    ['without entry date', ':61:260302C6800,NCHK16703074', 680_000n],
    ['with zeros before it', ':61:2603020302C000000000025,00N102EREF', 2_500n],
    ['with one decimal', ':61:2603020302C79,7FMSC01916//NONREF', 7_970n],
    ['without a comma', ':61:2603020302C500NTRF29-07-2026 10:05//B4', 50_000n],
    ['with the third letter of the currency', ':61:2603020302CR30,00N062NONREF', 3_000n],
    ['with the third letter of the currency, a debit', ':61:2603020302DR30,00N062NONREF', -3_000n],
    ['taking a credit back', ':61:2603020302RC30,00N062NONREF', -3_000n],
    ['taking a debit back', ':61:2603020302RDR30,00N062NONREF', 3_000n],
  ])('reads an amount %s', async (_name, line, amount) => {
    expect((await entryOf(line))?.amount).toBe(amount);
  });

  it('puts references together that somebody wrapped', async () => {
    expect((await entryOf(':61:2603020302C1,56NTRFEREF//00000000001', '005', '/TRCD/00100/'))?.references).toEqual([
      '00000000001005',
    ]);
    expect((await entryOf(':61:2603020302CR', '30,00N062REF-1'))?.amount).toBe(3_000n);
    expect((await entryOf(':61:2603020302C0,NTRFREF-', '77//B-1'))?.references).toEqual(['B-1', 'REF-77']);
  });

  it('puts a tag together that somebody wrapped behind its colon', async () => {
    expect((await entryOf(':61:2603020302C0,NTRFNONREF', ':', '86:166?20SVWZ+Test'))?.text).toBe('Test');
  });

  it('leaves out what is only expected', async () => {
    const { entries, faults } = await read(file([':61:260302EC5,NTRFNONREF', ':61:260302ED7,NTRFNONREF']));
    expect([entries, faults]).toEqual([[], []]);
  });

  it('tells a statement number of 0 as none: such banks do not count', async () => {
    expect((await read(file([]).replace(':28C:1/1', ':28C:0'))).statements[0]?.number).toBeNull();
    expect((await read(file([]).replace(':28C:1/1', ':28:27/01'))).statements[0]?.number).toEqual({
      year: 2026,
      value: 27,
    });
    const long = await read(file([]).replace(':28C:1/1', ':28C:20260302123456789'));
    expect([long.statements[0]?.number, long.faults]).toEqual([null, []]);
  });

  it('reads Latin-1, lone carriage returns and control characters around messages', async () => {
    const text = `\u0001${file([':61:260302C0,NTRFNONREF', ':86:M\u00fcller'])}\u0003`;
    expect((await read(Buffer.from(text, 'latin1'))).entries[0]?.text).toBe('Müller');
    const { entries, faults } = await read(file([':61:260302C0,NTRFNONREF', ':86:X']).replaceAll('\r\n', '\r'));
    expect([entries.length, faults]).toEqual([1, []]);
  });

  it('reads statements that follow each other without hyphens, and a currency from before the euro', async () => {
    const one = file([':61:260302C1,NTRFNONREF'], 'C260302DEM1,', 'C260301DEM0,').replace('-\r\n', '');
    const { entries, faults } = await read(
      one + one.replaceAll('DEM0,', 'DEM1,').replace('62F:C260302DEM1,', '62F:C260302DEM2,'),
    );
    expect(faults).toEqual([]);
    expect(new Set(entries.map(({ identity }) => identity)).size).toBe(2);
  });
});

describe('statements of one MT940 file', () => {
  const booked = ':61:260302C1,NTRFNONREF//B1';
  const of = (sequence: string, lines: readonly string[], opening = 'C260301EUR0,', closing = 'C260302EUR0,'): string =>
    file(lines, closing, opening).replace(':28C:1/1', `:28C:${sequence}`);
  const identities = async (text: string): Promise<string[]> => {
    const { entries, faults } = await read(text);
    expect(faults).toEqual([]);
    return entries.map(({ identity }) => identity);
  };
  const first = '2026-03-02/B1/100EUR';

  it('that tell one booking, the day’s and the month’s, tell one; two of one statement are two', async () => {
    const day = of('7/1', [booked, booked], 'C260302EUR5,', 'C260302EUR7,');
    const month = of('3/1', [booked, booked], 'C260301EUR5,', 'C260331EUR7,');
    expect(await identities(day + month)).toEqual([first, `${first}/2`, first, `${first}/2`]);
    expect(await identities(month + day)).toEqual([first, `${first}/2`, first, `${first}/2`]);
  });

  const plain = ':61:260302C1,NTRFNONREF';
  const named = (lines: string): string => lines.replaceAll(':20:REF', ':20:OTHER');

  it.each(['7/1', '7', '0', '0/1'])(
    'are known again without a reference, downloaded under another :20: (:28C:%s)',
    async (sequence) => {
      const day = of(
        sequence,
        [plain, ':86:STRIPE  PAYOUT', plain, ':86:STRIPE  PAYOUT'],
        'C260301EUR5,',
        'C260302EUR7,',
      );
      const [one, two] = await identities(day);
      expect(two).toBe(`${one}/2`);
      expect(await identities(named(day))).toEqual([one, two]);
    },
  );

  it('of a bank that does not number are known by their content, in whichever statement', async () => {
    const day = of('0', [plain, plain], 'C260302EUR5,', 'C260302EUR7,');
    const month = named(of('0', [plain, plain, plain], 'C260301EUR5,', 'C260331EUR8,'));
    const [one, two] = await identities(day);
    expect((await identities(month)).slice(0, 2)).toEqual([one, two]);
    expect(await identities(day + month)).toEqual([one, two, one, two, `${one}/3`]);
    expect(await identities(month + day)).toEqual([one, two, `${one}/3`, one, two]);
    // Of an account that is empty every evening.
    const zero = ['C260302EUR0,', 'C260302EUR0,'] as const;
    const out = ':61:260302D1,NTRFNONREF';
    const whole = of(
      '0',
      [plain, out, ':61:260305C1,NTRFNONREF', ':61:260305D1,NTRFNONREF'],
      'C260301EUR0,',
      'C260331EUR0,',
    );
    const empty = await identities(whole + named(of('0', [plain, out], ...zero)));
    expect(empty.slice(4)).toEqual(empty.slice(0, 2));
  });

  it.each([
    ['numbered one after the other', '5', '6'],
    ['with a part number', '5/1', '5/2'],
    ['without numbers', '0', '0'],
    ['of the same number every time', '1/1', '1/1'],
  ])('of one day, %s, with an equal booking each are two bookings', async (_name, first, second) => {
    const morning = of(first, [plain], 'C260301EUR5,', 'C260302EUR6,');
    const evening = of(second, [plain], 'C260302EUR6,', 'C260302EUR7,');
    expect(new Set(await identities(morning + named(evening))).size).toBe(2);
  });

  it.each([
    ['5', '6'],
    ['5/1', '5/2'],
  ])('numbered %s and %s with an equal booking each are two bookings in files of their own', async (first, second) => {
    const morning = await identities(of(first, [plain], 'C260301EUR5,', 'C260302EUR6,'));
    const evening = await identities(of(second, [plain], 'C260302EUR6,', 'C260302EUR7,'));
    expect(evening).not.toEqual(morning);
  });

  it('that are pages of one without numbers count their bookings together', async () => {
    const pages =
      of('0/1', [plain], 'C260201EUR0,', 'C260302EUR1,').replace(':62F:', ':62M:') +
      of('0/2', [plain], 'C260302EUR1,', 'C260302EUR2,').replace(':60F:', ':60M:');
    expect(new Set(await identities(pages)).size).toBe(2);
  });

  it('that are pages of one count their bookings together', async () => {
    const pages =
      of('5/1', [booked], undefined, 'C260302EUR1,').replace(':62F:', ':62M:') +
      of('5/2', [booked], 'C260302EUR1,', 'C260302EUR2,').replace(':60F:', ':60M:');
    expect(await identities(pages)).toEqual([first, `${first}/2`]);
  });
});

describe('an MT940 that contradicts itself', () => {
  it('because it does not close', async () => {
    expect((await read(file([':61:260302C1,NTRFNONREF'], 'C260302EUR1,01'))).faults).toMatchObject([
      { kind: 'contradiction', row: 1, statement: 'REF', expected: '1.01 EUR', found: '1.00 EUR' },
    ]);
  });

  it('because its end was cut off', async () => {
    const text = file([':61:260302C0,NTRFNONREF']);
    expect((await read(text.slice(0, text.indexOf(':62F:')))).faults).toMatchObject([
      { found: 'only the opening balance' },
    ]);
  });

  it('because a page is missing, or does not continue the one before it', async () => {
    const text = fixture.toString('latin1');
    const third = text.replace(':28C:00017/002', ':28C:00017/003');
    expect((await read(third)).faults).toMatchObject([{ expected: 'STARTUMS page 2', found: 'STARTUMS page 3' }]);
    const other = text.replace(':60M:C260102EUR1000,', ':60M:C260102EUR1001,').replace('EUR999,98', 'EUR1000,98');
    expect((await read(other)).faults).toMatchObject([{ expected: '1000.00 EUR', found: '1001.00 EUR' }]);
  });

  it('because it is in the file twice', async () => {
    const one = file([':61:260302C0,NTRFNONREF//B-1']);
    expect((await read(one + one)).faults).toMatchObject([{ expected: 'once', found: 'twice' }]);
    // Downloaded twice.
    const again = one.replace(':20:REF', ':20:OTHER');
    expect((await read(one + again)).faults).toMatchObject([{ statement: 'OTHER', expected: 'once', found: 'twice' }]);
    const other = again.replace('//B-1', '//B-2');
    expect((await read(one + other)).faults).toEqual([]);
  });
});

describe('what cannot be read in an MT940', () => {
  it.each([
    ['a garbled amount', ':61:260302C12,,34NTRFNONREF', ':61:'],
    ['two decimal signs', ':61:260302C1.234,50NTRFNONREF', ':61:'],
    ['an amount below the minor unit', ':61:260302C1,005NTRFNONREF', ':61:'],
    ['an impossible day', ':61:261302C1,NTRFNONREF', ':61:'],
    ['an impossible entry day', ':61:2603021350C1,NTRFNONREF', ':61:'],
    ['no direction', ':61:260302X1,NTRFNONREF', ':61:'],
    ['nothing', ':61:', ':61:'],
    ['a second opening balance', ':60F:C260301EUR5,', ':60F:'],
    ['another sequence', ':28C:A/B', ':28C:'],
  ])('%s is named with its line', async (_name, line, field) => {
    const { faults } = await read(file([':61:260302C0,NTRFNONREF', line]));
    expect(faults).toEqual([expect.objectContaining({ kind: 'unreadable', row: 6, field })]);
  });

  it.each([
    ['a balance', ':62F:C260302EUR0,', ':62F:C2603EUR0,', 5],
    ['a balance’s amount', ':62F:C260302EUR0,', ':62F:C260302EUR', 5],
    ['a balance’s day', ':60F:C260301EUR0,', ':60F:C261301EUR0,', 4],
  ])('%s is named with its line', async (_name, right, wrong, row) => {
    expect((await read(file([]).replace(right, wrong))).faults).toContainEqual(
      expect.objectContaining({ kind: 'unreadable', row }),
    );
  });

  it('an account is asked for', async () => {
    const text = file([':61:260302C0,NTRFNONREF']).replace(/:25:.*\r\n/, '');
    expect((await read(text)).faults).toMatchObject([{ kind: 'unreadable', field: ':25:', row: 1 }]);
  });

  it('a line behind the closing balance is not lost', async () => {
    const text = file([]).replace('-\r\n', ':61:260302C1,NTRFNONREF\r\n-\r\n');
    expect((await read(text)).faults).toMatchObject([{ field: ':61:', row: 6 }]);
  });

  it('lines that are no MT940 are told once, by the first of them', async () => {
    expect((await read('a\nb\nc\n')).faults).toMatchObject([{ row: 1, value: 'a' }]);
    expect((await read('')).faults).toMatchObject([{ row: 1 }]);
    expect((await read(`garbage\n${file([])}`)).faults).toMatchObject([{ row: 1, value: 'garbage' }]);
  });

  it.each([
    ['by its fields', ':34F:EUR0,'],
    ['by its time', ':13D:2603020915+0100'],
  ])('an MT942 is known %s, counted and refused', async (_name, line) => {
    const text = [':20:REF', ':25:X', ':28C:1', ':34F:EUR0,', line, ':61:260302C5,NTRFNONREF', ':90C:1EUR5,', '-'].join(
      '\n',
    );
    const { entries, faults } = await read(text);
    expect(entries).toEqual([]);
    expect(faults).toMatchObject([{ kind: 'unreadable', row: 1 }]);
    expect(faults[0]?.reason).toContain(
      'interim report (MT942) and no statement: its 1 entry (5.00 EUR) is not imported',
    );
  });

  it('an MT942 is known by its header as well', async () => {
    const { entries, faults } = await read(`{2:O9421200}{4:\n${file([':61:260302C0,NTRFNONREF'])}`);
    expect(entries).toEqual([]);
    expect(faults[0]?.reason).toContain('MT942');
  });
});
